//! One run folder, one training.

use super::run::{Run, folder, wait_for};

#[test]
fn a_second_training_in_a_run_folder_is_refused() {
    let root = folder();
    let run = Run {
        root: root.path(),
        name: "run",
        steps: 1_000_000,
    };
    let mut first = run.start();
    wait_for(&mut first, || run.folder().join("run.json").exists());
    let busy = "another training is running in this folder. Wait for it, stop it, or give another folder with --out";
    let there = "already holds a run. Continue it with --resume, or give another folder with --out";
    let fresh = run.refusal(run.walkback(run.fresh()));
    assert!(fresh.contains(busy) || fresh.contains(there), "{fresh}");

    wait_for(&mut first, || !run.checkpoints().is_empty());
    let fresh = run.refusal(run.walkback(run.fresh()));
    assert!(fresh.contains(there), "{fresh}");
    let rows = run.rows().len();
    let resumed = run.refusal(run.walkback(run.resumed()));
    assert!(resumed.contains(busy), "{resumed}");

    // The first has noticed nothing.
    wait_for(&mut first, || run.rows().len() > rows + 2);
    first.kill().unwrap();
    first.wait().unwrap();
    run.whole_checkpoints();
}

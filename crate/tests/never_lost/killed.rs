//! Training that is killed at any moment loses nothing that a checkpoint holds, and ends as if nothing had happened.

use super::run::{Run, folder, kill_when, wait_for};
use rand_mt::Mt64;
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime};

/// Kills at random moments, and steps to have enough of them: many with `cargo xtask test --long`.
fn random_kills() -> (usize, u64) {
    match std::env::var_os("WALKBACK_LONG") {
        Some(_) => (30, 600),
        None => (2, 60),
    }
}

#[test]
fn a_run_killed_again_and_again_ends_like_one_left_alone() {
    let root = folder();
    let (random, steps) = random_kills();
    let run = |name| Run {
        root: root.path(),
        name,
        steps,
    };
    let (alone, killed) = (run("alone"), run("killed"));
    alone.finish();

    // Before anything is saved: the folder is as good as empty.
    let child = killed.start();
    kill_when(child, || killed.folder().join("run.json").exists());
    // After a step, which no checkpoint holds yet.
    let child = killed.start();
    kill_when(child, || !killed.rows().is_empty());

    // In the middle of writing a checkpoint, after one is there, and at moments in between.
    for attempt in 0..6_u64 {
        let (before, rows) = (killed.checkpoints(), killed.rows().len());
        let child = killed.start();
        match attempt % 3 {
            0 => kill_when(child, || {
                killed.checkpoints() != before && !killed.entries(".step-").is_empty()
            }),
            1 => kill_when(child, || killed.checkpoints() != before),
            _ => kill_when(child, || {
                sleep(Duration::from_millis(attempt));
                killed.rows().len() > rows
            }),
        }
        killed.whole_checkpoints();
        assert!(killed.checkpoints().len() >= before.len().min(2));
    }

    // At random moments from its start to a little after its next checkpoint.
    let (before, start) = (killed.checkpoints(), Instant::now());
    let mut child = killed.start();
    wait_for(&mut child, || killed.checkpoints() != before);
    let spread = start.elapsed().as_micros() as u64 * 5 / 4;
    kill_when(child, || true);
    let seed = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    println!("moments are drawn with seed {seed}");
    let mut rng = Mt64::new(seed);
    for _ in 0..random {
        let before = killed.checkpoints();
        let moment = Duration::from_micros(rng.next_u64() % spread);
        let start = Instant::now();
        kill_when(killed.start(), || start.elapsed() >= moment);
        killed.whole_checkpoints();
        // The last two are kept; of the one before them a kill may leave the name for a while.
        assert!(killed.checkpoints().len() >= before.len().min(2));
        assert!(killed.checkpoints().last() >= before.last());
    }
    assert!(
        killed.rows().len() < alone.rows().len(),
        "killed before its end"
    );

    killed.finish();
    killed.ended_like(&alone);
}

#[test]
fn a_checkpoint_that_was_being_replaced_is_put_back() {
    let root = folder();
    let run = Run {
        root: root.path(),
        name: "run",
        steps: 4,
    };
    run.finish();
    // The process was killed after the last checkpoint had stepped aside for another of its step.
    let [before, last] = <[String; 2]>::try_from(run.checkpoints()).unwrap();
    std::fs::remove_dir_all(run.checkpoint(&before)).unwrap();
    let aside = run.checkpoint(&format!(".{last}.replaced"));
    std::fs::rename(run.checkpoint(&last), aside).unwrap();

    let text = run.refusal(run.walkback(run.fresh()));
    assert!(text.contains("already holds a run"), "{text}");
    assert_eq!(run.checkpoints(), [last]);
    run.whole_checkpoints();
    run.finish();
}

//! A disk that takes no more, and a folder that may not be written: a sentence, and the checkpoint before stays.

use super::run::{FILES, Run, folder, kill_when, wait_for};
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

fn run<'a>(root: &'a Path, name: &'static str) -> Run<'a> {
    let steps = 40;
    Run { root, name, steps }
}

#[test]
fn a_write_that_fails_midway_leaves_the_checkpoint_before() {
    let root = folder();
    let (alone, full) = (run(root.path(), "alone"), run(root.path(), "full"));
    alone.finish();
    kill_when(full.start(), || !full.checkpoints().is_empty());
    let before = full.whole_checkpoints();
    let smallest = FILES.map(|file| full.last(file).len()).into_iter().min();
    assert!(
        smallest > Some(16 << 10),
        "every file is cut off: {smallest:?}"
    );

    // The system lets no file grow beyond 8 or 16 KiB, by the shell's unit: what comes after is refused in the middle.
    let mut args = vec![
        "-c".to_owned(),
        "trap '' XFSZ; ulimit -f 16; exec \"$0\" \"$@\"".into(),
    ];
    args.push(env!("CARGO_BIN_EXE_walkback").into());
    args.extend(full.resumed());
    let text = full.refusal(full.command("sh", args));
    for part in [
        "weights.bpk: cannot be written (File too large",
        "Check the permissions and the free disk space; the previous file is kept",
    ] {
        assert!(text.contains(part), "no `{part}` in: {text}");
    }
    assert_eq!(full.whole_checkpoints(), before);
    assert_eq!(
        full.entries("."),
        [""; 0],
        "half a checkpoint fills no disk"
    );

    full.finish();
    full.ended_like(&alone);
}

/// Whoever owns everything may write everywhere: the process becomes another user then.
fn as_ordinary_user(mut command: Command, root: &Path) -> Command {
    if fs::metadata(root).unwrap().uid() == 0 {
        fs::set_permissions(root, Permissions::from_mode(0o777)).unwrap();
        command.uid(65_534).gid(65_534);
    }
    command
}

#[test]
fn a_folder_that_may_not_be_written_gets_a_sentence() {
    let root = folder();
    let closed = run(root.path(), "closed");
    fs::create_dir(closed.folder()).unwrap();
    fs::set_permissions(closed.folder(), Permissions::from_mode(0o555)).unwrap();
    let text = closed.refusal(as_ordinary_user(
        closed.walkback(closed.fresh()),
        root.path(),
    ));
    assert!(
        text.contains("closed/.lock: cannot be written (Permission denied"),
        "{text}"
    );
    assert_eq!(fs::read_dir(closed.folder()).unwrap().count(), 0);
}

#[test]
fn a_folder_that_is_closed_in_the_middle_keeps_its_checkpoints() {
    let root = folder();
    let (alone, closed) = (run(root.path(), "alone"), run(root.path(), "closed"));
    alone.finish();
    let mut command = as_ordinary_user(closed.walkback(closed.fresh()), root.path());
    let mut child = command.spawn().unwrap();
    wait_for(&mut child, || !closed.checkpoints().is_empty());
    let checkpoints = closed.folder().join("checkpoints");
    fs::set_permissions(&checkpoints, Permissions::from_mode(0o555)).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(
        text.contains("checkpoints/") && text.contains("Permission denied"),
        "{text}"
    );
    assert!(!closed.whole_checkpoints().is_empty());

    fs::set_permissions(&checkpoints, Permissions::from_mode(0o755)).unwrap();
    closed.finish();
    closed.ended_like(&alone);
}

#[test]
fn what_ends_a_training_is_printed_also_where_its_reports_failed_before() {
    let root = folder();
    let run = run(root.path(), "run");
    // Neither the metrics nor a checkpoint can be written.
    fs::create_dir_all(run.folder().join("metrics.csv")).unwrap();
    fs::write(run.folder().join("checkpoints"), "in the way").unwrap();
    let text = run.refusal(run.walkback(run.fresh()));
    for part in ["metrics.csv", "weights.bpk: cannot be written"] {
        assert!(text.contains(part), "no `{part}` in: {text}");
    }
}

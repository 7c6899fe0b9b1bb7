//! Training that is killed at any moment loses nothing that a checkpoint holds, and ends as if nothing had happened.

#![cfg(feature = "native")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

const STEPS: &str = "40";

/// The smallest network that has every kind of weight but attention's.
const UNET: &str = r#"{
    "_class_name": "UNet2DModel", "sample_size": 28, "in_channels": 1, "out_channels": 1,
    "block_out_channels": [4, 8], "layers_per_block": 1, "norm_num_groups": 4,
    "down_block_types": ["DownBlock2D", "DownBlock2D"], "up_block_types": ["UpBlock2D", "UpBlock2D"],
    "add_attention": false, "num_class_embeds": 11
}"#;

/// A run folder beside the file of its network.
struct Run<'a> {
    root: &'a Path,
    name: &'static str,
}

impl Run<'_> {
    fn folder(&self) -> PathBuf {
        self.root.join(self.name)
    }

    /// Starts the training, or goes on with it where there is something to go on from.
    fn start(&self) -> Child {
        let mut command = Command::new(env!("CARGO_BIN_EXE_walkback"));
        command.arg("train").arg("--out").arg(self.folder());
        command.args([
            "--checkpoint-every",
            "2",
            "--sample-every",
            "10",
            "--threads",
            "1",
        ]);
        if self.checkpoints().is_empty() {
            command.args([
                "--data",
                "../data/mnist-500",
                "--batch-size",
                "2",
                "--warmup",
                "4",
            ]);
            command
                .args(["--steps", STEPS, "--unet"])
                .arg(self.root.join("unet.json"));
        } else {
            command.arg("--resume");
        }
        command
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    fn finish(&self) {
        let output = self.start().wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{text}");
    }

    /// Names in `checkpoints/` of the kind asked for, unfinished ones included.
    fn entries(&self, prefix: &str) -> Vec<String> {
        let entries = fs::read_dir(self.folder().join("checkpoints"));
        let mut names: Vec<String> = entries
            .into_iter()
            .flatten()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.starts_with(prefix))
            .collect();
        names.sort();
        names
    }

    fn checkpoints(&self) -> Vec<String> {
        self.entries("step-")
    }

    fn rows(&self) -> Vec<String> {
        let text = fs::read_to_string(self.folder().join("metrics.csv")).unwrap_or_default();
        text.lines().skip(1).map(String::from).collect()
    }

    /// Step, epoch, loss, its average, learning rate and norm of the gradients: every column that no clock is in.
    fn numbers(&self) -> Vec<String> {
        let numbers = |row: &String| row.split(',').take(6).collect::<Vec<_>>().join(",");
        self.rows().iter().map(numbers).collect()
    }

    fn last(&self, file: &str) -> Vec<u8> {
        let last = self.checkpoints().pop().unwrap();
        fs::read(self.folder().join("checkpoints").join(last).join(file)).unwrap()
    }
}

/// Kills the process with no chance to tidy up, as soon as `moment` has come.
fn kill_when(mut child: Child, moment: impl Fn() -> bool) {
    let start = Instant::now();
    while !moment() {
        assert!(
            child.try_wait().unwrap().is_none(),
            "it ended before it was to be killed"
        );
        assert!(
            start.elapsed() < Duration::from_secs(60),
            "the moment never came"
        );
        sleep(Duration::from_micros(200));
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_run_killed_again_and_again_ends_like_one_left_alone() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("unet.json"), UNET).unwrap();
    let run = |name| Run {
        root: root.path(),
        name,
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
        // What bears a checkpoint's name is whole.
        for name in killed.checkpoints() {
            let folder = killed.folder().join("checkpoints").join(&name);
            for file in [
                "weights.bpk",
                "optimizer.bpk",
                "ema.safetensors",
                "state.json",
            ] {
                assert!(folder.join(file).is_file(), "{name} lacks {file}");
            }
        }
        assert!(killed.checkpoints().len() >= before.len().min(2));
    }
    assert!(
        killed.rows().len() < alone.rows().len(),
        "killed before its end"
    );

    killed.finish();
    assert_eq!(killed.numbers(), alone.numbers());
    let steps: Vec<String> = (1..=40).map(|step: u64| step.to_string()).collect();
    let recorded = killed.rows();
    let recorded: Vec<&str> = recorded
        .iter()
        .filter_map(|row| row.split(',').next())
        .collect();
    assert_eq!(recorded, steps);
    // The average has every step's weights in it; the weights' own file also holds identifiers drawn anew in every run.
    assert!(killed.last("ema.safetensors") == alone.last("ema.safetensors"));
    // Nothing half-written is left behind.
    assert_eq!(killed.entries(""), alone.entries(""));
    assert_eq!(killed.entries("").len(), 2);
}

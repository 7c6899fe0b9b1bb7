//! A training of a very small network as a process of its own.

use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The smallest network that has every kind of weight but attention's, and that draws at random itself.
const UNET: &str = r#"{
    "_class_name": "UNet2DModel", "sample_size": 28, "in_channels": 1, "out_channels": 1,
    "block_out_channels": [4, 8], "layers_per_block": 1, "norm_num_groups": 4,
    "down_block_types": ["DownBlock2D", "DownBlock2D"], "up_block_types": ["UpBlock2D", "UpBlock2D"],
    "add_attention": false, "num_class_embeds": 11, "dropout": 0.1
}"#;

/// Files of a checkpoint, `state.json` aside.
pub const FILES: [&str; 3] = ["weights.bpk", "optimizer.bpk", "ema.safetensors"];

/// An empty folder for runs, and the file of their network.
pub fn folder() -> TempDir {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("unet.json"), UNET).unwrap();
    root
}

/// A run folder, beside the file of its network.
pub struct Run<'a> {
    pub root: &'a Path,
    pub name: &'static str,
    pub steps: u64,
}

impl Run<'_> {
    pub fn folder(&self) -> PathBuf {
        self.root.join(self.name)
    }

    pub fn checkpoint(&self, name: &str) -> PathBuf {
        self.folder().join("checkpoints").join(name)
    }

    /// The arguments of a training from the beginning.
    pub fn fresh(&self) -> Vec<String> {
        let steps = self.steps.to_string();
        let mut args = self.any();
        let data = ["--data", "../data/mnist-500", "--batch-size", "2"];
        args.extend(data.map(String::from));
        args.extend(["--warmup", "4", "--steps", &steps, "--unet"].map(String::from));
        args.push(self.root.join("unet.json").to_str().unwrap().into());
        args
    }

    /// Those of one that goes on.
    pub fn resumed(&self) -> Vec<String> {
        [self.any(), vec!["--resume".into()]].concat()
    }

    fn any(&self) -> Vec<String> {
        let folder = self.folder().to_str().unwrap().to_owned();
        let often = ["--checkpoint-every", "2", "--sample-every", "10"];
        let mut args = vec!["train".into(), "--out".into(), folder];
        args.extend(often.map(String::from));
        args.extend(["--threads", "1"].map(String::from));
        args
    }

    pub fn command(&self, program: &str, args: Vec<String>) -> Command {
        let mut command = Command::new(program);
        command
            .args(args)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        command
    }

    pub fn walkback(&self, args: Vec<String>) -> Command {
        self.command(env!("CARGO_BIN_EXE_walkback"), args)
    }

    /// Starts the training, or goes on with it where there is something to go on from.
    pub fn start(&self) -> Child {
        let args = if self.checkpoints().is_empty() {
            self.fresh()
        } else {
            self.resumed()
        };
        self.walkback(args).spawn().unwrap()
    }

    pub fn finish(&self) {
        let output = self.start().wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{text}");
    }

    /// What a training that has to fail says.
    #[track_caller]
    pub fn refusal(&self, mut command: Command) -> String {
        let output = command.output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            !output.status.success() && !text.contains("panicked"),
            "{text}"
        );
        text
    }

    /// Names in `checkpoints/` of the kind asked for, unfinished ones included.
    pub fn entries(&self, prefix: &str) -> Vec<String> {
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

    pub fn checkpoints(&self) -> Vec<String> {
        self.entries("step-")
    }

    /// The bytes of every file of every checkpoint, each of which must be whole: as long as `state.json` says, to the bit.
    pub fn whole_checkpoints(&self) -> BTreeMap<String, Vec<u8>> {
        let mut found = BTreeMap::new();
        for name in self.checkpoints() {
            let read = |file: &str| fs::read(self.checkpoint(&name).join(file));
            let state = read("state.json").unwrap();
            let sums: Value = serde_json::from_slice(&state).unwrap();
            for file in FILES {
                let bytes = read(file).unwrap_or_else(|e| panic!("{name} lacks {file}: {e}"));
                let sum = format!("{:x}", Sha256::digest(&bytes));
                assert_eq!(sums["sha256"][file], sum.as_str(), "{name}/{file}");
                found.insert(format!("{name}/{file}"), bytes);
            }
            found.insert(format!("{name}/state.json"), state);
        }
        found
    }

    pub fn rows(&self) -> Vec<String> {
        let text = fs::read_to_string(self.folder().join("metrics.csv")).unwrap_or_default();
        text.lines().skip(1).map(String::from).collect()
    }

    /// Step, epoch, loss, its average, learning rate and norm of the gradients: every column that no clock is in.
    pub fn numbers(&self) -> Vec<String> {
        let numbers = |row: &String| row.split(',').take(6).collect::<Vec<_>>().join(",");
        self.rows().iter().map(numbers).collect()
    }

    pub fn last(&self, file: &str) -> Vec<u8> {
        fs::read(
            self.checkpoint(&self.checkpoints().pop().unwrap())
                .join(file),
        )
        .unwrap()
    }

    /// The run is over, and nothing shows that it was ever interrupted.
    #[track_caller]
    pub fn ended_like(&self, alone: &Run<'_>) {
        assert_eq!(self.numbers(), alone.numbers());
        let steps: Vec<String> = (1..=self.steps).map(|step| step.to_string()).collect();
        let rows = self.rows();
        let recorded: Vec<&str> = rows
            .iter()
            .filter_map(|row| row.split(',').next())
            .collect();
        assert_eq!(recorded, steps);
        // The average has every step's weights in it; the weights' own file also holds new identifiers in every run.
        assert!(self.last("ema.safetensors") == alone.last("ema.safetensors"));
        // Nothing half-written is left behind.
        assert_eq!(self.entries(""), alone.entries(""));
        assert_eq!(self.entries("").len(), 2);
    }
}

/// Waits for `moment` while the process is at work.
pub fn wait_for(child: &mut Child, moment: impl Fn() -> bool) {
    let start = Instant::now();
    while !moment() {
        let ended = child.try_wait().unwrap();
        assert!(
            ended.is_none(),
            "it ended before the moment came: {ended:?}"
        );
        let waited = start.elapsed();
        assert!(waited < Duration::from_secs(120), "the moment never came");
        sleep(Duration::from_micros(200));
    }
}

/// Kills the process with no chance to tidy up, as soon as `moment` has come.
pub fn kill_when(mut child: Child, moment: impl Fn() -> bool) {
    wait_for(&mut child, moment);
    child.kill().unwrap();
    child.wait().unwrap();
}

//! The binary as a person uses it: files that appear, and sentences when something is impossible.

#![cfg(feature = "native")]

use safetensors::{Dtype, SafeTensors};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn walkback(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_walkback"))
        .args(args)
        .current_dir(root())
        .output()
        .unwrap()
}

#[test]
fn sample_draws_every_digit_with_animation_and_raw_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (grid, gif, raw) = (path("grid.png"), path("chain.gif"), path("raw.safetensors"));
    let output = walkback(&[
        "sample",
        "--model",
        "pretrained/mnist",
        "--label",
        "all",
        "--count",
        "2",
        "--sampler",
        "ddim",
        "--steps",
        "4",
        "--out",
        &grid,
        "--gif",
        &gif,
        "--raw",
        &raw,
    ]);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );

    let picture = png::Decoder::new(std::io::Cursor::new(std::fs::read(&grid).unwrap()));
    let info = picture.read_info().unwrap().info().clone();
    // Ten columns and two rows.
    assert_eq!(
        (f64::from(info.width) / f64::from(info.height)).round(),
        5.0
    );

    let mut decoder = gif::DecodeOptions::new()
        .read_info(std::fs::File::open(&gif).unwrap())
        .unwrap();
    let mut frames = 0;
    while decoder.next_frame_info().unwrap().is_some() {
        frames += 1;
    }
    assert_eq!(frames, 5, "x_T and four steps");

    let bytes = std::fs::read(&raw).unwrap();
    let raw = SafeTensors::deserialize(&bytes).unwrap();
    let tensor = |name: &str| raw.tensor(name).unwrap();
    assert_eq!(tensor("samples").shape(), [20, 1, 28, 28]);
    assert_eq!(tensor("trajectory").shape(), [5, 20, 1, 28, 28]);
    assert_eq!(
        (tensor("labels").shape(), tensor("labels").dtype()),
        (&[20][..], Dtype::I64)
    );
    let samples = tensor("samples").data();
    let samples = samples
        .chunks_exact(4)
        .map(|b| f32::from_le_bytes(b.try_into().unwrap()));
    assert!(samples.clone().all(|x| (-1.0..=1.0).contains(&x)));
    assert!(
        samples.clone().any(|x| x > 0.5) && samples.clone().any(|x| x < -0.5),
        "there is ink and paper"
    );
}

#[test]
fn info_tells_what_a_folder_holds() {
    let output = walkback(&["info", "--model", "pretrained/mnist"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    for part in [
        "28 x 28 x 1",
        "parameters",
        "epsilon",
        "linear",
        "10 (guidance is possible)",
    ] {
        assert!(text.contains(part), "no {part} in:\n{text}");
    }
}

#[test]
fn the_impossible_gets_a_sentence() {
    for (args, part) in [
        (&["sample", "--model", "nowhere"][..], "no such folder"),
        (&["sample", "--steps", "0"], "steps"),
        (&["sample", "--steps", "1001"], "1000"),
        (&["sample", "--label", "eleven"], "no such class"),
        (&["sample", "--label", "1", "--guidance", "nan"], "guidance"),
        (&["sample", "--count", "0"], "--count"),
        (
            &[
                "sample",
                "--label",
                "1",
                "--guidance",
                "2",
                "--guidance-rescale",
                "1.5",
            ],
            "guidance_rescale",
        ),
        (
            &["sample", "--label", "1", "--guidance-rescale", "0.7"],
            "--guidance other than 1",
        ),
        (&["train", "--resume", "--loss", "hybrid"], "--resume"),
        (&["train", "--lr-decay", "linear"], "cosine"),
        (&["train", "--loss", "l1"], "min-snr"),
        (
            &[
                "train",
                "--data",
                "data/mnist-500",
                "--out",
                "target/no-run",
                "--loss",
                "hybrid",
                "--variance",
                "fixed",
            ],
            "--variance learned_range",
        ),
        (
            &[
                "train",
                "--data",
                "data/mnist-500",
                "--out",
                "target/no-run",
                "--loss",
                "simple",
                "--variance",
                "learned_range",
            ],
            "--loss hybrid",
        ),
        (
            &["sample", "--label", "1", "--count", "99999999999999999"],
            "--count",
        ),
        (&["sample", "--eta", "2", "--sampler", "ddim"], "eta"),
        (&["sample", "--seed", "-1"], "--seed"),
        (&["sample", "--sampler", "plms"], "ddpm"),
        (&["sample", "--threads", "100000"], "--threads"),
        (
            &["sample", "--device", "cuda"],
            "[possible values: cpu, gpu]",
        ),
        (&["train", "--prediction", "noise"], "epsilon"),
        (
            &[
                "train",
                "--data",
                "data/mnist-500",
                "--out",
                "target/no-run",
                "--timesteps",
                "0",
            ],
            "num_train_timesteps",
        ),
        (&["train", "--data", "nowhere"], "nowhere"),
        (
            &[
                "train",
                "--data",
                "data/mnist-500",
                "--out",
                "target/no-run",
                "--resume",
            ],
            "run.json: cannot be read",
        ),
        (
            &["export", "--run", "nowhere", "--out", "target/no-model"],
            "Give the folder that `walkback train --out` wrote",
        ),
        (&["info", "--model", "data"], "unet/config.json"),
    ] {
        let output = walkback(args);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success(), "{args:?} succeeds");
        assert!(text.contains(part), "{args:?}: no `{part}` in: {text}");
        assert!(!text.contains("panicked"), "{args:?}: {text}");
    }
}

/// A network of convolutions has no size of its own: diffusers lets the files leave it out.
#[test]
fn a_model_without_a_size_is_drawn_at_the_size_that_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("model");
    for part in ["unet", "scheduler"] {
        std::fs::create_dir_all(model.join(part)).unwrap();
    }
    let from = root().join("tests/conformance");
    let config = std::fs::read_to_string(from.join("networks/relu/config.json")).unwrap();
    let config = config.replace("\"sample_size\": 8", "\"sample_size\": null");
    std::fs::write(model.join("unet/config.json"), config).unwrap();
    for (file, to) in [
        (
            "networks/relu/weights.safetensors",
            "unet/diffusion_pytorch_model.safetensors",
        ),
        (
            "plain/scheduler/scheduler_config.json",
            "scheduler/scheduler_config.json",
        ),
    ] {
        std::fs::copy(from.join(file), model.join(to)).unwrap();
    }
    let raw = folder.path().join("raw.safetensors");
    let sample = |size: &[&str]| {
        let [model, png, raw] = [&model, &folder.path().join("grid.png"), &raw]
            .map(|path| path.to_str().unwrap().to_owned());
        let args = ["sample", "--count", "1", "--steps", "2", "--model", &model];
        walkback(&[&args[..], &["--out", &png, "--raw", &raw], size].concat())
    };
    let refused = sample(&[]);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(said.contains("sample_size is missing"), "{said}");
    let drawn = sample(&["--size", "12x10"]);
    let said = String::from_utf8_lossy(&drawn.stderr);
    assert!(drawn.status.success(), "{said}");
    let bytes = std::fs::read(&raw).unwrap();
    let raw = SafeTensors::deserialize(&bytes).unwrap();
    assert_eq!(raw.tensor("samples").unwrap().shape(), [1, 3, 12, 10]);
}

#[test]
fn a_label_can_be_named_that_stands_for_no_class() {
    let model = ["--model", "tests/conformance/class_conditional"];
    let info = |null: &str| walkback(&[&["info", "--null-label", null], &model[..]].concat());
    let text = String::from_utf8(info("10").stdout).unwrap();
    assert!(text.contains("10 (guidance is possible)"), "{text}");
    assert!(text.contains("10 (0, 1, 2, 3, 4, 5, 6, 7, 8, 9)"), "{text}");
    let refused = info("11");
    let errors = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        errors.contains("--null-label is 11, but the model has 11 labels"),
        "{errors}"
    );
}

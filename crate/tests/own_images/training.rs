//! From a folder of images to a model, with the program.

use super::{BLUE, RED, classes};
use std::path::Path;
use std::process::Command;
use walkback::folder;
use walkback::pipeline::Labels;

/// What the binary prints; it has to succeed.
#[track_caller]
fn walkback(args: &[&str]) -> String {
    let output = command(args).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_walkback"));
    command.args(args);
    command
}

#[test]
fn from_a_folder_of_colour_images_to_a_model_that_draws_them() {
    let root = tempfile::tempdir().unwrap();
    let path = |name: &str| root.path().join(name).to_str().unwrap().to_owned();
    let (data, run, model, grid) = (path("data"), path("run"), path("model"), path("grid.png"));
    for half in ["train", "test"] {
        let folder = root.path().join("data").join(half);
        classes(&folder, 16, &[("blue", BLUE), ("red", RED)]);
    }
    let few = "--batch-size 4 --accumulate 2 --warmup 1 --sample-every 3";
    let few: Vec<&str> = few.split(' ').collect();
    let pieces = || {
        let json = std::fs::read_to_string(root.path().join("run/run.json")).unwrap();
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        json["accumulate"].as_u64()
    };
    let args = [
        "train", "--data", &data, "--out", &run, "--preset", "tiny", "--steps", "3",
    ];
    let text = walkback(&[&args[..], &few].concat());
    let line = "32 colour images of 16 x 16 pixels, 2 classes (blue, red)";
    assert!(text.contains(line), "{text}");
    let samples = image::open(root.path().join("run/samples/step-000003.png")).unwrap();
    assert!(samples.color().has_color());
    assert_eq!(pieces(), Some(2));
    walkback(&["train", "--resume", "--out", &run, "--steps", "4"]);
    assert_eq!(pieces(), Some(2));
    let more = ["--steps", "5", "--accumulate", "4"];
    walkback(&[&["train", "--resume", "--out", &run][..], &more].concat());
    assert_eq!(pieces(), Some(4));
    walkback(&["export", "--run", &run, "--out", &model]);

    let files = folder::read(Path::new(&model)).unwrap();
    let labels: Labels = serde_json::from_str(&files.labels.unwrap()).unwrap();
    assert_eq!(
        (labels.names.join(","), labels.null),
        ("blue,red".into(), Some(2))
    );
    let info = walkback(&["info", "--model", &model]);
    assert!(
        info.contains("16 x 16 x 3") && info.contains("2 (blue, red)"),
        "{info}"
    );
    let drawn = [
        "--label",
        "red",
        "--guidance",
        "2",
        "--steps",
        "2",
        "--sampler",
        "ddim",
    ];
    walkback(&[&["sample", "--model", &model, "--out", &grid][..], &drawn].concat());
    let grid = image::open(&grid).unwrap();
    assert!(grid.color().has_color() && grid.width() == grid.height());

    // Kept apart from training, the images in `test` can judge the model.
    let report = walkback(&[
        "eval", "--model", &model, "--data", &data, "--draws", "320", "--only", "bound",
    ]);
    assert!(report.contains("bits/dim"), "{report}");
    let output = command(&["eval", "--model", &model, "--data", &path("data/train")])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success() && text.contains("no images were kept from training"),
        "{text}"
    );
}

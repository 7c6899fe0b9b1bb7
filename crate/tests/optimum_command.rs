//! `walkback optimum` as a person uses it.

#![cfg(feature = "native")]

use std::path::Path;
use std::process::{Command, Output};
use walkback::eval::optimum::{Optimum, times};
use walkback::folder;

fn root() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn compare(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_walkback"))
        .arg("optimum")
        .args(args)
        .current_dir(root())
        .output()
        .unwrap()
}

#[test]
fn a_model_says_how_near_it_is_to_the_best_answers_until_its_weights_change() {
    let temporary = tempfile::tempdir().unwrap();
    let model = temporary.path().join("model");
    let digits = folder::read(&root().join("pretrained/mnist")).unwrap();
    folder::write(&model, &digits).unwrap();
    let path = model.join("optimum.json");
    let args = ["--model", model.to_str().unwrap()];
    let args = [&args[..], &["--data", "data/mnist-500", "--draws", "10"]].concat();
    let output = compare(&args);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let text = String::from_utf8(output.stdout).unwrap();
    let written = std::fs::read_to_string(&path).unwrap();
    let found: Optimum = serde_json::from_str(&written).unwrap();
    assert_eq!((found.images, found.draws), (500, 10));
    assert!(found.knows_label);
    let timesteps: Vec<usize> = found.curve.iter().map(|at| at.timestep).collect();
    assert_eq!(timesteps, times(1000));
    for at in &found.curve {
        let line = format!("{:.2e} +- ", at.network.mean);
        assert!(text.contains(&line), "no {line} in:\n{text}");
        let room = at.optimum.half_width + at.network.half_width;
        assert!(at.network.mean >= at.optimum.mean - room, "{at:?}");
    }
    // It knows every one of its images where little noise is left, and the network has learned something.
    let [first, last] = [found.curve[0], found.curve[found.curve.len() - 1]];
    assert!(
        first.optimum.mean < 1e-9 && first.network.mean > 0.05,
        "{first:?}"
    );
    assert!(last.network.mean < 0.02, "{last:?}");

    let other = temporary.path().join("other.json");
    let more = ["--json", "--out", other.to_str().unwrap()];
    let output = compare(&[&args[..], &more].concat());
    assert!(output.status.success());
    let printed = String::from_utf8(output.stdout).unwrap();
    assert_eq!(printed.trim_end(), std::fs::read_to_string(&other).unwrap());
    assert_eq!(printed.trim_end(), written, "one seed gives one curve");

    folder::write(&model, &digits).unwrap();
    assert!(!path.exists());
}

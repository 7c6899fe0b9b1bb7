//! `walkback eval` as a person uses it: numbers, pictures, and sentences when something is impossible.

#![cfg(feature = "native")]

use burn::tensor::Device;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use walkback::data::Dataset;
use walkback::data::idx::Split;
use walkback::folder::{self, ModelFolder};
use walkback::schedule::SchedulerConfig;
use walkback::train::preset::Preset;
use walkback::unet::weights::StoredAs;
use walkback::unet::{UNet, UNetConfig};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Runs the binary with a cache of its own.
fn eval(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_walkback"))
        .arg("eval")
        .args(args)
        .env("WALKBACK_CACHE", folder.join("cache"))
        .current_dir(root())
        .output()
        .unwrap()
}

#[track_caller]
fn stdout(output: &Output) -> String {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// The middle 16 x 16 pixels of 500 digits, a fifth of them as test images.
fn small_digits(folder: &Path) -> String {
    let all = Dataset::from_dir(&root().join("data/mnist-500"), Split::Train).unwrap();
    let (test, train): (Vec<usize>, Vec<usize>) = (0..all.len()).partition(|i| i % 5 == 0);
    for (name, chosen) in [("train", train), ("t10k", test)] {
        let part = all.select(&chosen);
        let cut = |i: usize| {
            let rows = part.pixels(i).chunks_exact(28).skip(6).take(16);
            rows.flat_map(|row| row[6..22].to_vec())
                .collect::<Vec<u8>>()
        };
        let small = Dataset {
            images: (0..part.len()).flat_map(cut).collect(),
            height: 16,
            width: 16,
            ..part.clone()
        };
        let write = |file: &str, bytes: Vec<u8>| {
            folder::write_file(&folder.join(format!("data/{name}-{file}")), &bytes).unwrap();
        };
        write("images-idx3-ubyte", small.images_to_idx());
        write("labels-idx1-ubyte", small.labels_to_idx());
    }
    folder.join("data").to_str().unwrap().to_owned()
}

/// A fresh unconditional model for them, which predicts no noise at all.
fn unconditional_model(folder: &Path) -> String {
    let config = UNetConfig {
        num_class_embeds: None,
        ..Preset::Tiny.unet([1, 16, 16], 0)
    };
    fresh_model(folder, config, None)
}

fn fresh_model(folder: &Path, config: UNetConfig, labels: Option<&str>) -> String {
    let unet = UNet::new(&config, &Device::flex()).unwrap();
    let path = folder.join("model");
    let model = ModelFolder {
        unet_config: config.to_json(),
        scheduler_config: SchedulerConfig::default().to_json(),
        labels: labels.map(str::to_owned),
        golden: None,
        weights: unet.to_safetensors(StoredAs::F32).unwrap(),
        notes: Vec::new(),
    };
    folder::write(&path, &model).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_model_is_judged_with_numbers_and_pictures() {
    let folder = tempfile::tempdir().unwrap();
    let data = small_digits(folder.path());
    let out = folder.path().join("report");
    let common = ["--data", &data, "--samples", "3", "--setting", "ddim:2"];
    let conditional = "tests/conformance/class_conditional";
    let mut args = vec!["--model", conditional, "--json", "--draws", "400"];
    args.extend(["--setting", "ddpm:2", "--out", out.to_str().unwrap()]);
    args.extend(common);
    let text = stdout(&eval(folder.path(), &args));
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        fs::read_to_string(out.join("eval.json")).unwrap(),
        text.trim_end()
    );

    let total = &report["bound"]["conditional"]["total"];
    assert!(total["mean"].as_f64().unwrap() > 0.0 && total["half_width"].as_f64().unwrap() > 0.0);
    // This folder names no null label.
    assert!(report["bound"]["unconditional"].is_null());
    let judge = &report["samples"]["judge"];
    assert_eq!(judge["cached"], false);
    assert!(
        judge["test_accuracy"]["hits"].as_u64().unwrap() > 60,
        "{judge}"
    );
    let settings = report["samples"]["settings"].as_array().unwrap();
    assert_eq!(settings.len(), 2);
    let real = &report["samples"]["training_images"];
    for drawn in settings {
        assert_eq!(drawn["count"], 30);
        assert_eq!(drawn["each_class"].as_array().unwrap().len(), 10);
        // Noise from random weights is far from digits.
        assert!(drawn["frechet"].as_f64() > real["frechet"].as_f64());
    }
    for name in ["bound.png", "samples-ddim-2-1.png", "samples-ddpm-2-1.png"] {
        let file = fs::File::open(out.join(name)).unwrap();
        let picture = png::Decoder::new(std::io::BufReader::new(file));
        let info = picture.read_info().unwrap().info().clone();
        assert!(info.width > 90 && info.height > 300, "{name}: {info:?}");
    }

    // An unconditional model has no labels to be read as; the judge is there already.
    let model = unconditional_model(folder.path());
    let mut args = vec!["--model", &model, "--only", "samples", "--json"];
    args.extend(common);
    let report: Value = serde_json::from_str(&stdout(&eval(folder.path(), &args))).unwrap();
    assert_eq!(report["samples"]["judge"]["cached"], true);
    assert!(report["bound"].is_null());
    let drawn = &report["samples"]["settings"][0];
    assert!(drawn["read_as_label"].is_null() && drawn["frechet"].as_f64().unwrap() > 0.0);
    let read_as = drawn["read_as"].as_array().unwrap();
    let total: u64 = read_as.iter().map(|n| n.as_u64().unwrap()).sum();
    assert_eq!(total, 30);
    let mut args = vec!["--model", &model, "--draws", "400"];
    args.extend(common);
    let text = stdout(&eval(folder.path(), &args));
    for part in [
        "L_T",
        "0 (L_0)",
        "500-999",
        "total",
        "ddim:2:1",
        "real test images",
    ] {
        assert!(text.contains(part), "no {part} in:\n{text}");
    }
}

#[test]
fn a_model_is_judged_on_images_made_as_for_its_training() {
    let folder = tempfile::tempdir().unwrap();
    let data = small_digits(folder.path());
    let config = UNetConfig {
        num_class_embeds: None,
        ..Preset::Tiny.unet([1, 20, 20], 0)
    };
    let model = fresh_model(folder.path(), config, None);
    let args = ["--model", &model, "--data", &data, "--only", "bound"];
    let output = eval(folder.path(), &[&args[..], &["--draws", "400"]].concat());
    assert!(stdout(&output).contains("total"));
    let notes = String::from_utf8_lossy(&output.stderr);
    assert!(notes.contains("16 x 16"), "{notes}");
}

#[test]
fn what_cannot_be_judged_gets_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let data = small_digits(folder.path());
    let small = [
        "--model",
        "tests/conformance/class_conditional",
        "--data",
        &data,
    ];
    let with = |more: &[&'static str]| [&small[..], more].concat();
    for (args, part) in [
        (vec!["--data", "data/mnist-500"], "t10k-images"),
        (vec!["--data", "nowhere"], "nowhere"),
        (
            vec!["--model", "nowhere", "--data", &data],
            "no such folder",
        ),
        (with(&["--samples", "0"]), "--samples"),
        (with(&["--samples", "99999999999"]), "--samples"),
        (with(&["--seeds", "0"]), "--seeds"),
        (with(&["--seeds", "99999999999"]), "--seeds"),
        (with(&["--best", "--only", "bound"]), "--only bound"),
        (with(&["--best", "ddim_inverse"]), "ddim_inverse"),
        (with(&["--draws", "5"]), "draws is 5"),
        (with(&["--full", "--images", "3"]), "images is 3"),
        (with(&["--full", "--draws", "1000"]), "--draws"),
        (with(&["--images", "20"]), "--full"),
        (with(&["--setting", "plms"]), "ddpm"),
        (with(&["--setting", "ddim:2000"]), "num_inference_steps"),
        (with(&["--setting", "ddim:5:2"]), "null label"),
        (with(&["--setting", "ddim:5:1:7"]), "eta"),
        (with(&["--only", "beauty"]), "bound"),
        (with(&["--seed", "-1"]), "--seed"),
    ] {
        let output = eval(folder.path(), &args);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success(), "{args:?} succeeds");
        assert!(text.contains(part), "{args:?}: no `{part}` in: {text}");
        assert!(!text.contains("panicked"), "{args:?}: {text}");
    }
}

#[test]
fn the_mean_of_several_seeds_is_printed_beside_each() {
    let folder = tempfile::tempdir().unwrap();
    let data = small_digits(folder.path());
    let model = unconditional_model(folder.path());
    let args = ["--model", &model, "--data", &data, "--only", "samples"];
    let drawn = |more: &[&str]| -> Value {
        let args = [&args[..], &["--samples", "3", "--setting", "ddim:2"], more].concat();
        let text = stdout(&eval(folder.path(), &[&args[..], &["--json"]].concat()));
        let report: Value = serde_json::from_str(&text).unwrap();
        report["samples"]["settings"][0].clone()
    };
    let alone = |seed: &str| drawn(&["--seed", seed])["frechet"].as_f64().unwrap();
    // Real images are chosen with the seed too, but the reference is all test images.
    let apart = [alone("7"), alone("8")];
    let both = drawn(&["--seed", "7", "--seeds", "2"]);
    assert_eq!(both["count"], 60);
    let frechet = both["frechet"].as_f64().unwrap();
    assert!((frechet - (apart[0] + apart[1]) / 2.0).abs() < 1e-9);
    for (of, (seed, frechet)) in both["each_seed"]
        .as_array()
        .unwrap()
        .iter()
        .zip([(7, apart[0]), (8, apart[1])])
    {
        assert_eq!(
            (of["seed"].as_u64(), of["frechet"].as_f64()),
            (Some(seed), Some(frechet))
        );
    }
    let more = [
        "--samples",
        "3",
        "--setting",
        "ddim:2",
        "--seed",
        "7",
        "--seeds",
        "2",
    ];
    let text = stdout(&eval(folder.path(), &[&args[..], &more].concat()));
    for part in ["seed 7", "seed 8", "all training images", "grey"] {
        assert!(text.contains(part), "no {part} in:\n{text}");
    }
}

#[test]
fn a_model_says_where_it_is_at_its_best_until_its_weights_change() {
    let folder = tempfile::tempdir().unwrap();
    let data = small_digits(folder.path());
    let names: Vec<String> = (0..10).map(|digit| digit.to_string()).collect();
    let labels = serde_json::json!({ "names": names, "null": 10 }).to_string();
    let config = Preset::Tiny.unet([1, 16, 16], 10);
    let model = fresh_model(folder.path(), config, Some(&labels));
    let args = [
        "--model", &model, "--data", &data, "--only", "samples", "--best",
    ];
    let args = [&args[..], &["--samples", "1", "--setting", "ddim:2"]].concat();
    let text = stdout(&eval(folder.path(), &args));
    let path = Path::new(&model).join("best.json");
    let best: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    assert_eq!(best["sampler"], "dpm++");
    assert_eq!(best["samples"], 10);
    let steps = best["num_inference_steps"].as_u64().unwrap();
    assert!((5..=100).contains(&steps), "{best}");
    assert!(
        text.contains(&format!("{steps} steps are enough")),
        "{text}"
    );
    let [low, high] = [0, 1].map(|i| best["guidance_scale"][i].as_f64().unwrap());
    assert!(0.5 <= low && low <= high && high <= 4.0, "{best}");
    assert!(
        text.contains(&format!("guidance {low} to {high}")),
        "{text}"
    );
    assert_eq!(best["measured"].as_array().unwrap().len(), 7 + 6);

    let same = folder::read(Path::new(&model)).unwrap();
    folder::write(Path::new(&model), &same).unwrap();
    assert!(!path.exists());
}

/// A wide image whose left half is transparent, written under a name.
fn half_transparent(path: &Path) {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, 24, 16);
    encoder.set_color(png::ColorType::Rgba);
    let pixel = |i: u32| {
        let shade = (10 * (i % 24)) as u8;
        [shade, shade, shade, if i % 24 < 12 { 0 } else { 255 }]
    };
    let pixels: Vec<u8> = (0..24 * 16).flat_map(pixel).collect();
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&pixels).unwrap();
    writer.finish().unwrap();
    folder::write_file(path, &file).unwrap();
}

#[test]
fn images_are_prepared_as_for_training() {
    let folder = tempfile::tempdir().unwrap();
    let model = unconditional_model(folder.path());
    let data = folder.path().join("pictures");
    for i in 0..12 {
        half_transparent(&data.join(format!("test/{i}.png")));
    }
    let bound = |more: &[&str]| {
        let mut args = vec!["--model", &model, "--data", data.to_str().unwrap()];
        args.extend(["--only", "bound", "--draws", "400", "--json"]);
        args.extend(more);
        let report: Value = serde_json::from_str(&stdout(&eval(folder.path(), &args))).unwrap();
        report["bound"]["unconditional"]["total"]["mean"]
            .as_f64()
            .unwrap()
    };
    let usual = bound(&[]);
    assert_eq!(bound(&["--background", "white", "--fit", "crop"]), usual);
    assert_ne!(bound(&["--background", "black"]), usual);
    assert_ne!(bound(&["--fit", "stretch"]), usual);
}

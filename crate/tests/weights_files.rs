//! Weights in every form that PyTorch and diffusers write them: each gives the network that the safetensors file gives.

#![cfg(feature = "native")]

use crate::common::{fixture, largest_difference};
use burn::tensor::Device;
use safetensors::SafeTensors;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use walkback::folder::{self, Which};
use walkback::stored::Stored;
use walkback::weights;

/// Parameters by name: shape and values.
type State = BTreeMap<String, (Vec<usize>, Vec<f32>)>;

fn files() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/conformance/files")
}

/// The parameters of the model in a folder, and what was said about the choice of them.
fn read(dir: &Path, which: Which) -> (State, Vec<String>) {
    let read = folder::read_which(dir, which).unwrap();
    let pipeline = read.pipeline(&Device::flex()).unwrap();
    (pipeline.unet().state_dict(), read.notes)
}

fn expected() -> State {
    read(&files().join("safetensors"), Which::default()).0
}

/// The difference of all parameters from those expected, which is one number.
#[track_caller]
fn all_differ_by(state: &State, difference: f32, what: &str) {
    for (name, (shape, values)) in expected() {
        let (found_shape, found) = &state[&name];
        assert_eq!(*found_shape, shape, "{what}: {name}");
        let shifted: Vec<f32> = values.iter().map(|value| value + difference).collect();
        assert_eq!(largest_difference(found, &shifted), 0.0, "{what}: {name}");
    }
}

/// The small model with this file for its weights, under a name of its own.
fn with_weights(file: &str, name: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let model = files().join("safetensors");
    fs::create_dir(dir.path().join("unet")).unwrap();
    for config in ["config.json", "scheduler_config.json"] {
        let part = if config == "config.json" {
            "unet"
        } else {
            "scheduler"
        };
        fs::copy(model.join(part).join(config), dir.path().join(config)).unwrap();
    }
    fs::copy(files().join(file), dir.path().join(name)).unwrap();
    dir
}

#[test]
fn every_form_of_the_weights_gives_the_same_network() {
    for name in ["bin", "sharded", "sharded_bin"] {
        let (state, notes) = read(&files().join(name), Which::default());
        all_differ_by(&state, 0.0, name);
        assert!(notes.is_empty(), "{notes:?}");
    }
    for (file, name) in [
        ("legacy.bin", "diffusion_pytorch_model.bin"),
        ("legacy.bin", "pytorch_model.bin"),
        ("parameters.pt", "model.pt"),
        ("wrapped.safetensors", "model.safetensors"),
        ("double.safetensors", "diffusion_pytorch_model.safetensors"),
    ] {
        let dir = with_weights(file, name);
        // Training scripts leave this beside the weights.
        fs::write(dir.path().join("optimizer.bin"), "x").unwrap();
        let (state, notes) = read(dir.path(), Which::default());
        all_differ_by(&state, 0.0, file);
        assert!(notes.is_empty(), "{notes:?}");
    }
}

#[test]
fn of_several_models_in_a_file_the_averaged_one_is_taken_and_said() {
    for (file, name, said) in [
        (
            "checkpoint.ckpt",
            "last.ckpt",
            "(model, ema); using the averaged one, ema",
        ),
        (
            "averaged.pt",
            "model.pt",
            "using the averaged one (ema_model.)",
        ),
    ] {
        let dir = with_weights(file, name);
        let (state, notes) = read(dir.path(), Which::default());
        // The fixtures' averages are their models' weights plus 1.
        all_differ_by(&state, 1.0, file);
        assert!(notes.len() == 1 && notes[0].contains(said), "{notes:?}");
    }
}

#[test]
fn averaged_weights_beside_others_are_taken_unless_the_others_are_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let model = folder::read(&files().join("safetensors")).unwrap();
    folder::write(dir.path(), &model).unwrap();
    let average = dir.path().join("unet_ema");
    fs::create_dir(&average).unwrap();
    fs::write(average.join("config.json"), &model.unet_config).unwrap();
    fs::copy(
        files().join("checkpoint.ckpt"),
        average.join("diffusion_pytorch_model.bin"),
    )
    .unwrap();
    let (state, notes) = read(dir.path(), Which::Averaged);
    all_differ_by(&state, 1.0, "unet_ema");
    assert!(
        notes[0].contains("unet_ema/, not those in unet/"),
        "{notes:?}"
    );
    let (state, notes) = read(dir.path(), Which::Trained);
    all_differ_by(&state, 0.0, "unet");
    assert!(notes[0].contains("the weights in unet/, not"), "{notes:?}");
}

#[test]
fn views_of_storages_have_the_values_that_pytorch_gives_them() {
    let expected = fixture("files/views.safetensors");
    let expected = SafeTensors::deserialize(&expected).unwrap();
    for file in ["views.pt", "views_legacy.pt"] {
        let read = weights::read(vec![fixture(&format!("files/{file}"))]).unwrap();
        let read = read.safetensors.into_bytes();
        let read = SafeTensors::deserialize(&read).unwrap();
        assert_eq!(read.len(), expected.len(), "{file}");
        for (name, view) in expected.iter() {
            let found = read.tensor(name).unwrap();
            assert_eq!(
                (found.dtype(), found.shape(), found.data()),
                (view.dtype(), view.shape(), view.data()),
                "{file}: {name}"
            );
        }
    }
}

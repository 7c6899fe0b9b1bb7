//! `labels.json`, and what else can be wrong with a model folder.

use super::table::Table;
use super::unet::{load, model};
use std::fs;
use walkback::folder::{self, ModelFolder};

#[test]
fn every_malformed_list_of_labels_has_its_sentence() {
    let digits = model("class_conditional");
    let mut table = Table::default();
    for (text, expected) in [
        (
            "",
            "labels.json: the text ends too early (line 1, column 0); it must look like {\"names\": [\"cat\", \"dog\"], \"null\": 2}",
        ),
        (
            "[\"cat\", \"dog\"]",
            "labels.json: expected a list, found the text \"cat\" (line 1, column 6); it must look like {\"names\": [\"cat\", \"dog\"], \"null\": 2}",
        ),
        (
            "{\"names\": \"cat\"}",
            "labels.json: expected a list, found the text \"cat\" (line 1, column 15); it must look like {\"names\": [\"cat\", \"dog\"], \"null\": 2}",
        ),
        (
            "{\"names\": [1, 2]}",
            "labels.json: expected a text, found 1 (line 1, column 12); it must look like {\"names\": [\"cat\", \"dog\"], \"null\": 2}",
        ),
        (
            "{\"null\": 10}",
            "labels.json: `names` is missing (line 1, column 12); it must look like {\"names\": [\"cat\", \"dog\"], \"null\": 2}",
        ),
        (
            "{\"names\": [], \"null\": -1}",
            "labels.json: expected a whole number (0 or more), found -1 (line 1, column 24); it must look like {\"names\": [\"cat\", \"dog\"], \"null\": 2}",
        ),
        (
            "{\"names\": [], \"null\": 99}",
            "labels.json: it names 0 classes and the null label 99, but the model has 11 labels",
        ),
        (
            "{\"names\": [\"0\",\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\",\"10\",\"11\"]}",
            "labels.json: it names 12 classes, but the model has 11 labels",
        ),
    ] {
        let files = ModelFolder {
            labels: Some(text.into()),
            ..digits.clone()
        };
        table.holds(text, load(&files), expected);
    }
    let unconditional = ModelFolder {
        labels: Some("{\"names\": [\"cat\"]}".into()),
        ..model("plain")
    };
    table.holds(
        "labels of a model without",
        load(&unconditional),
        "labels.json: it names 1 classes, but the model has 0 labels",
    );
    table.end(9);
}

#[test]
fn every_incomplete_folder_has_its_sentence() {
    let plain = model("plain");
    let mut table = Table::default();
    for (removed, added, expected) in [
        (
            "unet",
            "",
            "DIR: no U-Net configuration (looked for unet/config.json, config.json). Give the folder that holds unet/, or run `walkback export` on a run folder first",
        ),
        (
            "unet/config.json",
            "",
            "DIR: no U-Net configuration (looked for unet/config.json, config.json). Give the folder that holds unet/, or run `walkback export` on a run folder first",
        ),
        (
            "scheduler/scheduler_config.json",
            "",
            "DIR: no scheduler configuration (looked for scheduler/scheduler_config.json, scheduler_config.json). Copy it from the source of the model: without it the noise schedule is unknown",
        ),
        (
            "unet/diffusion_pytorch_model.safetensors",
            "",
            "DIR/unet: no weights (looked for diffusion_pytorch_model.safetensors, diffusion_pytorch_model.fp16.safetensors, diffusion_pytorch_model.safetensors.index.json, diffusion_pytorch_model.safetensors.index.fp16.json, diffusion_pytorch_model.fp16.safetensors.index.json, diffusion_pytorch_model.bin, diffusion_pytorch_model.fp16.bin, diffusion_pytorch_model.bin.index.json). Copy the weights there as safetensors",
        ),
        (
            "unet/diffusion_pytorch_model.safetensors",
            "unet/diffusion_pytorch_model.safetensors.index.json",
            "DIR/unet/diffusion_pytorch_model.safetensors.index.json: this is not JSON (line 1, column 1). Copy it, and the files that it lists, from the source of the model",
        ),
        (
            "",
            "",
            "DIR: no such folder. Give a model folder: one that `walkback export` or diffusers' save_pretrained wrote",
        ),
    ] {
        let dir = tempfile::tempdir().unwrap();
        folder::write(dir.path(), &plain).unwrap();
        let path = dir.path().join(removed);
        if path.is_dir() {
            fs::remove_dir_all(&path).unwrap();
        } else {
            fs::remove_file(&path).unwrap();
        }
        if !added.is_empty() {
            fs::write(dir.path().join(added), "x").unwrap();
        }
        let found = folder::read(dir.path()).map(|_| ());
        let name = dir.path().display().to_string();
        let found = found.map_err(|error| error.to_string().replace(&name, "DIR"));
        table.holds(&format!("without {removed}, with {added}"), found, expected);
    }
    let dir = tempfile::tempdir().unwrap();
    folder::write(dir.path(), &plain).unwrap();
    fs::write(dir.path().join("unet/config.json"), vec![b' '; 17 << 20]).unwrap();
    let found = folder::read(dir.path()).map(|_| ());
    let name = dir.path().display().to_string();
    let found = found.map_err(|error| error.to_string().replace(&name, "DIR"));
    table.holds(
        "a configuration of 17 MiB",
        found,
        "DIR/unet/config.json: more than 16 MiB, far too large for such a file. Check that this is a model folder",
    );
    table.end(7);
}

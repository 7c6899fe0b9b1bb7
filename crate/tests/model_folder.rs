//! Model folders on disk: written whole, read in both layouts, and what is missing is named.

#![cfg(feature = "native")]

use std::fs;
use std::path::Path;

use walkback::folder::{self, ModelFolder, write_file};

fn model() -> ModelFolder {
    ModelFolder {
        unet_config: "{\"unet\": 1}".into(),
        scheduler_config: "{\"scheduler\": 1}".into(),
        labels: Some("{\"names\": []}".into()),
        golden: Some("{\"eps\": []}".into()),
        weights: vec![1, 2, 3],
        notes: Vec::new(),
    }
}

/// Every file below `dir`, sorted.
fn files(dir: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![dir.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(dir).unwrap().to_string_lossy();
                found.push(name.replace('\\', "/"));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn what_is_written_is_read_back() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("pretrained/mnist");
    folder::write(&path, &model()).unwrap();
    assert_eq!(folder::read(&path).unwrap(), model());
    assert_eq!(
        files(&path),
        [
            "golden.json",
            "labels.json",
            "model_index.json",
            "scheduler/scheduler_config.json",
            "unet/config.json",
            "unet/diffusion_pytorch_model.safetensors"
        ]
    );
    let index: serde_json::Value =
        serde_json::from_slice(&fs::read(path.join("model_index.json")).unwrap()).unwrap();
    assert_eq!(
        index["unet"],
        serde_json::json!(["diffusers", "UNet2DModel"])
    );
}

#[test]
fn a_model_card_stays_and_the_labels_of_another_model_go() {
    let dir = tempfile::tempdir().unwrap();
    folder::write(dir.path(), &model()).unwrap();
    fs::write(dir.path().join("README.md"), "a card").unwrap();
    let unconditional = ModelFolder {
        labels: None,
        golden: None,
        ..model()
    };
    folder::write(dir.path(), &unconditional).unwrap();
    assert_eq!(folder::read(dir.path()).unwrap(), unconditional);
    assert!(dir.path().join("README.md").is_file());
}

#[test]
fn the_older_flat_layout_is_read() {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("config.json", "u"),
        ("scheduler_config.json", "s"),
        ("diffusion_pytorch_model.safetensors", "w"),
    ] {
        fs::write(dir.path().join(name), text).unwrap();
    }
    let flat = folder::read(dir.path()).unwrap();
    assert_eq!(
        flat,
        ModelFolder {
            unet_config: "u".into(),
            scheduler_config: "s".into(),
            labels: None,
            golden: None,
            weights: b"w".to_vec(),
            notes: Vec::new(),
        }
    );
}

#[test]
fn what_is_missing_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let sentence = || {
        let text = folder::read(dir.path()).unwrap_err().to_string();
        text.replace(&dir.path().display().to_string(), "DIR")
    };
    assert_eq!(
        sentence(),
        "DIR: no U-Net configuration (looked for unet/config.json, config.json). Give the folder that holds unet/, or run `walkback export` on a run folder first"
    );
    write_file(&dir.path().join("unet/config.json"), b"{}").unwrap();
    assert_eq!(
        sentence(),
        "DIR: no scheduler configuration (looked for scheduler/scheduler_config.json, scheduler_config.json). Copy it from the source of the model: without it the noise schedule is unknown"
    );
    write_file(&dir.path().join("scheduler/scheduler_config.json"), b"{}").unwrap();
    let looked_for = "DIR/unet: no weights (looked for diffusion_pytorch_model.safetensors, diffusion_pytorch_model.fp16.safetensors, diffusion_pytorch_model.safetensors.index.json, diffusion_pytorch_model.safetensors.index.fp16.json, diffusion_pytorch_model.fp16.safetensors.index.json, diffusion_pytorch_model.bin, diffusion_pytorch_model.fp16.bin, diffusion_pytorch_model.bin.index.json)";
    assert_eq!(
        sentence(),
        format!("{looked_for}. Copy the weights there as safetensors")
    );
    write_file(
        &dir.path()
            .join("unet/diffusion_pytorch_model.safetensors.index.json"),
        b"{}",
    )
    .unwrap();
    assert!(sentence().contains("index.json: it has no weight_map from tensors to files"));
    let index = dir
        .path()
        .join("unet/diffusion_pytorch_model.safetensors.index.json");
    for (file, says) in [
        ("a.safetensors", "it lists a.safetensors, which is missing"),
        (
            "../a.safetensors",
            "../a.safetensors is not a name in its folder",
        ),
    ] {
        let map = serde_json::json!({ "weight_map": { "conv_in.weight": file } });
        write_file(&index, map.to_string().as_bytes()).unwrap();
        assert!(sentence().contains(says), "{}", sentence());
    }
    fs::remove_file(&index).unwrap();
    for name in ["one.safetensors", "two.safetensors"] {
        write_file(&dir.path().join("unet").join(name), b"x").unwrap();
    }
    assert!(sentence().contains("Several files could be the weights"));
    let missing = folder::read(&dir.path().join("nowhere")).unwrap_err();
    assert!(missing.to_string().contains("no such folder"), "{missing}");
}

#[test]
fn a_byte_order_mark_is_no_part_of_a_file() {
    let dir = tempfile::tempdir().unwrap();
    folder::write(dir.path(), &model()).unwrap();
    for (name, text) in [
        ("unet/config.json", model().unet_config),
        ("scheduler/scheduler_config.json", model().scheduler_config),
        ("labels.json", model().labels.unwrap()),
        ("model_index.json", "{}".into()),
    ] {
        fs::write(dir.path().join(name), format!("\u{feff}{text}")).unwrap();
    }
    assert_eq!(folder::read(dir.path()).unwrap(), model());
}

#[test]
fn a_pipeline_whose_net_draws_latents_is_refused_by_its_parts() {
    let dir = tempfile::tempdir().unwrap();
    folder::write(dir.path(), &model()).unwrap();
    let index = dir.path().join("model_index.json");
    let parts = |class: &str, more: &[(&str, serde_json::Value)]| {
        let mut index = serde_json::json!({
            "_class_name": class,
            "_diffusers_version": "0.4.2",
            "scheduler": ["diffusers", "DDIMScheduler"],
            "unet": ["diffusers", "UNet2DModel"],
            "requires_safety_checker": false,
            "feature_extractor": [null, null],
        });
        let map = index.as_object_mut().unwrap();
        map.extend(more.iter().map(|(k, v)| (k.to_string(), v.clone())));
        index.to_string()
    };
    fs::write(&index, parts("DDPMPipeline", &[])).unwrap();
    assert_eq!(folder::read(dir.path()).unwrap(), model());

    let vq = ("vqvae", serde_json::json!(["diffusers", "VQModel"]));
    let text = (
        "text_encoder",
        serde_json::json!(["transformers", "CLIPTextModel"]),
    );
    for (class, more, says) in [
        (
            "LDMPipeline",
            &[vq.clone()][..],
            "a pipeline of class LDMPipeline, which needs vqvae (VQModel) beside its U-Net",
        ),
        (
            "LDMTextToImagePipeline",
            &[text, vq],
            "which needs text_encoder (CLIPTextModel), vqvae (VQModel) beside its U-Net",
        ),
    ] {
        fs::write(&index, parts(class, more)).unwrap();
        let error = folder::read(dir.path()).unwrap_err().to_string();
        assert!(
            error.contains("model_index.json: ") && error.contains(says),
            "{error}"
        );
    }
    let transformer = serde_json::json!({
        "_class_name": "DiTPipeline",
        "scheduler": ["diffusers", "DDIMScheduler"],
        "transformer": ["diffusers", "DiTTransformer2DModel"],
        "vae": ["diffusers", "AutoencoderKL"],
    });
    fs::write(&index, transformer.to_string()).unwrap();
    let error = folder::read(dir.path()).unwrap_err().to_string();
    let says = "without a U-Net: it has transformer (DiTTransformer2DModel), vae (AutoencoderKL)";
    assert!(error.contains(says), "{error}");
    fs::write(&index, "<html>").unwrap();
    let error = folder::read(dir.path()).unwrap_err().to_string();
    assert!(error.contains("this is not JSON"), "{error}");
}

#[test]
fn json_that_is_not_text_or_far_too_large_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    folder::write(dir.path(), &model()).unwrap();
    let config = dir.path().join("unet/config.json");
    fs::write(&config, [0xff, 0xfe, 0x00]).unwrap();
    let error = folder::read(dir.path()).unwrap_err().to_string();
    assert!(
        error.contains("unet/config.json: cannot be read"),
        "{error}"
    );
    fs::write(&config, vec![b' '; (16 << 20) + 1]).unwrap();
    let error = folder::read(dir.path()).unwrap_err().to_string();
    assert!(
        error.contains("unet/config.json: more than 16 MiB"),
        "{error}"
    );
}

#[test]
fn a_write_that_fails_keeps_the_old_file_and_leaves_no_other() {
    let dir = tempfile::tempdir().unwrap();
    // A folder in the file's place cannot be replaced.
    let path = dir.path().join("labels.json");
    fs::create_dir(&path).unwrap();
    fs::write(path.join("inside"), "kept").unwrap();
    let error = write_file(&path, b"new").unwrap_err().to_string();
    assert!(error.contains("the previous file is kept"), "{error}");
    assert_eq!(files(dir.path()), ["labels.json/inside"]);
}

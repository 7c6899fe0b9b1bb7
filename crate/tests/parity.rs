//! What native Rust computes, written to `target/parity/` for the browser tests to compare with.

#![cfg(feature = "native")]

use crate::common::largest_difference;
use burn::tensor::Device;
use serde_json::json;
use std::path::{Path, PathBuf};
use walkback::chain::{Chain, ChainOptions, Denoiser};
use walkback::folder;
use walkback::noise::NoiseStream;
use walkback::pipeline::{Golden, Pipeline};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn open(model: &str) -> Pipeline {
    let files = folder::read(&root().join(model)).unwrap();
    files.pipeline(&Device::flex()).unwrap()
}

fn write(model: &str) {
    let pipeline = open(model);
    let spec = pipeline.spec();
    let shape = [1, spec.channels, spec.height, spec.width];
    let label = spec.num_class_embeds.map(|_| 3);
    let labels = label.map(|label| vec![label]);
    let seed = 5;
    let x = NoiseStream::new(seed).normal(shape.iter().product());
    let eps: Vec<_> = [999, 500, 20, 0]
        .into_iter()
        .map(|timestep| {
            let eps = pipeline.predict(&x, shape, timestep, labels.as_deref());
            let eps = pollster::block_on(eps).unwrap();
            assert!(
                eps.iter().any(|&value| value != 0.0),
                "the network is silent at t = {timestep}"
            );
            json!({ "timestep": timestep, "seed": seed, "label": label, "eps": eps })
        })
        .collect();
    let steps = 10;
    let options = ChainOptions {
        seed: 7,
        labels,
        num_inference_steps: steps,
        ..ChainOptions::default()
    };
    let mut chain = Chain::new(pipeline.scheduler(), &spec, options).unwrap();
    let mut states = vec![chain.x_t().to_vec()];
    while !chain.is_done() {
        states.push(pollster::block_on(chain.step(&pipeline)).unwrap().x_prev);
    }
    assert_eq!(states.len(), steps + 1);
    let chain = json!({ "seed": 7, "steps": steps, "label": label, "states": states });
    let folder = root().join("target/parity");
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join(format!("{}.json", model.replace('/', "-")));
    std::fs::write(
        file,
        json!({ "model": model, "eps": eps, "chain": chain }).to_string(),
    )
    .unwrap();
}

#[test]
fn the_browser_tests_get_native_numbers_to_compare_with() {
    write("tests/conformance/plain");
    write("pretrained/mnist");
}

#[test]
fn the_shipped_model_gives_its_golden_output() {
    let pipeline = open("pretrained/mnist");
    let json = folder::read(&root().join("pretrained/mnist"))
        .unwrap()
        .golden
        .unwrap();
    let golden: Golden = serde_json::from_str(&json).unwrap();
    assert_eq!(golden.input, pipeline.golden_input());
    let output = pollster::block_on(pipeline.golden_output()).unwrap();
    let difference = largest_difference(&output, &golden.eps);
    assert!(difference < 1e-4, "{difference}");
}

#[test]
fn the_shipped_model_is_small_and_guided() {
    let pipeline = open("pretrained/mnist");
    assert!(pipeline.parameter_count() <= 3_000_000);
    assert_eq!(pipeline.config().num_class_embeds, Some(11));
    assert_eq!(pipeline.labels().names.len(), 10);
    assert_eq!(pipeline.labels().null, Some(10));
    let bytes = folder::read(&root().join("pretrained/mnist"))
        .unwrap()
        .weights
        .len();
    assert!(
        bytes < 2 * pipeline.parameter_count() + 40_000,
        "{bytes} bytes are more than half precision needs"
    );
}

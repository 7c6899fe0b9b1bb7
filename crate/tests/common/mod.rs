//! What several test files need: fixtures, and networks that are formulas.
#![allow(dead_code, reason = "every program of tests uses its own part of this")]

use std::convert::Infallible;
use std::path::PathBuf;

use safetensors::{Dtype, SafeTensors};
use walkback::chain::{Chain, ChainOptions, Denoiser, ModelSpec, Start, Step};
use walkback::schedule::SchedulerConfig;

/// The bytes of a file below `tests/conformance/`.
pub fn fixture(path: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../tests/conformance")
        .join(path);
    std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The values of a float32 tensor, and its shape.
pub fn floats(tensors: &SafeTensors<'_>, name: &str) -> (Vec<f32>, Vec<usize>) {
    let view = tensors.tensor(name).unwrap();
    assert_eq!(view.dtype(), Dtype::F32, "{name}");
    let (values, rest) = view.data().as_chunks::<4>();
    assert!(rest.is_empty(), "{name}");
    let values = values.iter().map(|b| f32::from_le_bytes(*b)).collect();
    (values, view.shape().to_vec())
}

/// The values of an int64 tensor, as indices.
pub fn indices(tensors: &SafeTensors<'_>, name: &str) -> Vec<usize> {
    let view = tensors.tensor(name).unwrap();
    assert_eq!(view.dtype(), Dtype::I64, "{name}");
    let (values, _) = view.data().as_chunks::<8>();
    values
        .iter()
        .map(|b| usize::try_from(i64::from_le_bytes(*b)).unwrap())
        .collect()
}

/// The largest absolute difference; the lengths must agree.
#[track_caller]
pub fn largest_difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    let differences = a.iter().zip(b).map(|(a, b)| (a - b).abs());
    differences.fold(0.0, |largest, d| {
        if d > largest || d.is_nan() {
            d
        } else {
            largest
        }
    })
}

/// A network that is a formula of x_t and the time, which may lie between two timesteps.
pub struct Formula<F>(pub F);

impl<F: Fn(&[f32], [usize; 4], f32) -> Vec<f32>> Denoiser for Formula<F> {
    type Error = Infallible;

    async fn predict(
        &self,
        x_t: &[f32],
        shape: [usize; 4],
        timestep: usize,
        labels: Option<&[usize]>,
    ) -> Result<Vec<f32>, Infallible> {
        self.predict_at(x_t, shape, timestep as f32, labels).await
    }

    async fn predict_at(
        &self,
        x_t: &[f32],
        shape: [usize; 4],
        time: f32,
        _labels: Option<&[usize]>,
    ) -> Result<Vec<f32>, Infallible> {
        Ok((self.0)(x_t, shape, time))
    }
}

/// x t / (t + 1), the network of diffusers' scheduler tests.
pub fn dummy(x_t: &[f32], _shape: [usize; 4], t: f32) -> Vec<f32> {
    x_t.iter().map(|x| x * t / (t + 1.0)).collect()
}

/// An unconditional model of that shape.
pub fn unconditional(channels: usize, height: usize, width: usize) -> ModelSpec {
    ModelSpec {
        channels,
        height,
        width,
        out_channels: channels,
        num_class_embeds: None,
        null_label: None,
    }
}

/// arange(768).reshape(3, 8, 8, 4) / 768, permuted to [4, 3, 8, 8]: the sample of diffusers' scheduler tests.
pub fn dummy_sample() -> Vec<f32> {
    let mut sample = Vec::with_capacity(768);
    for n in 0..4 {
        for pixel in 0..3 * 8 * 8 {
            sample.push((pixel * 4 + n) as f32 / 768.0);
        }
    }
    sample
}

/// Walks a chain to its end; every step it made.
pub fn walk<D: Denoiser>(mut chain: Chain, model: &D) -> Vec<Step> {
    let mut steps = Vec::new();
    while !chain.is_done() {
        let step = pollster::block_on(chain.step(model)).unwrap();
        assert_eq!(step.x_prev, chain.x_t());
        assert_eq!(step.done, chain.is_done());
        steps.push(step);
    }
    steps
}

/// Walks a chain to its end and holds every state against `states`, x_T first: each within `tolerance` of the largest value of
/// the state, or of 1 where that is smaller.
#[track_caller]
pub fn assert_walks<D: Denoiser>(
    name: &str,
    chain: Chain,
    model: &D,
    states: &[&[f32]],
    tolerance: f32,
) {
    for step in walk(chain, model) {
        let expected = states[step.index + 1];
        let scale = expected.iter().fold(1.0_f32, |m, v| m.max(v.abs()));
        let difference = largest_difference(&step.x_prev, expected) / scale;
        assert!(
            difference < tolerance,
            "{name}, step {}: {difference}",
            step.index
        );
    }
}

/// The end of a walk of [`dummy_sample`] with [`dummy`] as the network: sum and mean of its absolute values.
pub fn dummy_walk(config: &SchedulerConfig, options: ChainOptions, start: usize) -> (f64, f64) {
    let options = ChainOptions {
        count: 4,
        from: Some(Start {
            x_t: dummy_sample(),
            timestep: start,
        }),
        ..options
    };
    let chain = Chain::new(config, &unconditional(3, 8, 8), options).unwrap();
    let steps = walk(chain, &Formula(dummy));
    sum_and_mean(&steps.last().unwrap().x_prev)
}

/// Sum and mean of absolute values.
pub fn sum_and_mean(values: &[f32]) -> (f64, f64) {
    let sum: f64 = values.iter().map(|v| f64::from(v.abs())).sum();
    (sum, sum / values.len() as f64)
}

/// A zip archive of entries as they are, without checksums, which nobody looks at.
pub fn archive(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut file, mut directory) = (Vec::new(), Vec::new());
    let word = |n: usize| (n as u32).to_le_bytes();
    for (name, content) in entries {
        let at = file.len();
        let sizes = [word(0), word(content.len()), word(content.len())].concat();
        let name_length = (name.len() as u16).to_le_bytes();
        file.extend([b"PK\x03\x04", &[0; 10][..], &sizes, &name_length, &[0; 2]].concat());
        file.extend([name.as_bytes(), content].concat());
        directory.extend([b"PK\x01\x02", &[0; 12][..], &sizes, &name_length, &[0; 12]].concat());
        directory.extend([&word(at)[..], name.as_bytes()].concat());
    }
    let count = (entries.len() as u16).to_le_bytes();
    let end = [word(directory.len()), word(file.len())].concat();
    let end = [b"PK\x05\x06", &[0; 4][..], &count, &count, &end, &[0; 2]].concat();
    [file, directory, end].concat()
}

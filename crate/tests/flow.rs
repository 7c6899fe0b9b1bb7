//! Flow matching: its schedule is a straight line, a network that knows the way arrives, and one can be trained.

#![cfg(feature = "native")]

use crate::common::{largest_difference, unconditional, walk};
use std::convert::Infallible;
use std::path::Path;
use std::process::Command;
use walkback::chain::{Chain, ChainOptions, Denoiser};
use walkback::diffusion::{add_noise, predicted_eps, predicted_x_0, training_target};
use walkback::sampler::SamplerKind;
use walkback::schedule::{PredictionType, Schedule, SchedulerConfig};

const FILE: &str = r#"{ "_class_name": "FlowMatchEulerDiscreteScheduler", "num_train_timesteps": 1000, "shift": 1.0 }"#;

/// s and the size of z = (1 - s) x_0 + s eps for each unit of x_t, at a time that counts from 0.
fn line(time: f32) -> (f32, f32) {
    let s = (time + 1.0) / 1000.0;
    (s, (1.0 - s).hypot(s))
}

#[test]
fn its_states_are_on_a_straight_line_and_its_target_is_their_direction() {
    let config = SchedulerConfig::from_json(FILE).unwrap();
    assert_eq!(config.prediction_type, PredictionType::Flow);
    let schedule = Schedule::new(&config).unwrap();
    let (x_0, eps) = ([0.5, -1.0, 0.25], [1.5, 0.3, -0.7]);
    for t in [0, 1, 250, 499, 750, 998, 999] {
        let alpha_cumprod = schedule.alphas_cumprod[t];
        let (s, scale) = line(t as f32);
        let (mut x_t, mut v) = ([0.0; 3], [0.0; 3]);
        add_noise(&x_0, &eps, alpha_cumprod, &mut x_t);
        training_target(PredictionType::Flow, &x_0, &eps, alpha_cumprod, &mut v);
        for i in 0..3 {
            let z = (1.0 - s) * x_0[i] + s * eps[i];
            assert!((scale * x_t[i] - z).abs() < 1e-6, "t = {t}");
            assert!((v[i] - (eps[i] - x_0[i])).abs() < 1e-6);
        }
        let (mut back, mut noise) = ([0.0; 3], [0.0; 3]);
        predicted_x_0(PredictionType::Flow, &x_t, &v, alpha_cumprod, &mut back);
        predicted_eps(PredictionType::Flow, &x_t, &v, alpha_cumprod, &mut noise);
        assert!(largest_difference(&back, &x_0) < 1e-5, "t = {t}");
        assert!(largest_difference(&noise, &eps) < 1e-5, "t = {t}");
    }
}

/// Knows the image, and so the way to it: v = (z - x_0) / s.
struct KnowsTheWay {
    x_0: Vec<f32>,
}

impl Denoiser for KnowsTheWay {
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
        _: [usize; 4],
        time: f32,
        _: Option<&[usize]>,
    ) -> Result<Vec<f32>, Infallible> {
        let (s, scale) = line(time);
        let known = x_t.iter().zip(&self.x_0);
        Ok(known.map(|(x, x_0)| (scale * x - x_0) / s).collect())
    }
}

#[test]
fn every_sampler_walks_a_flow_to_its_image() {
    let config = SchedulerConfig::from_json(FILE).unwrap();
    let x_0: Vec<f32> = (0..16).map(|i| (i as f32 / 8.0) - 1.0).collect();
    for sampler in SamplerKind::ALL {
        if *sampler == SamplerKind::DdimInverse {
            continue;
        }
        for steps in [1, 4, 20] {
            let options = ChainOptions {
                sampler: *sampler,
                num_inference_steps: steps,
                ..ChainOptions::default()
            };
            let chain = Chain::new(&config, &unconditional(1, 4, 4), options)
                .unwrap_or_else(|e| panic!("{sampler}: {e}"));
            let model = KnowsTheWay { x_0: x_0.clone() };
            let last = walk(chain, &model).pop().unwrap();
            let difference = largest_difference(&last.x_prev, &x_0);
            assert!(difference < 2e-3, "{sampler}, {steps} steps: {difference}");
        }
    }
}

#[test]
fn one_is_trained_exported_and_walked() {
    let scratch = tempfile::tempdir().unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let unet = scratch.path().join("unet.json");
    std::fs::write(
        &unet,
        r#"{ "sample_size": 28, "in_channels": 1, "out_channels": 1, "layers_per_block": 1,
             "block_out_channels": [8, 16], "norm_num_groups": 8,
             "down_block_types": ["DownBlock2D", "DownBlock2D"],
             "up_block_types": ["UpBlock2D", "UpBlock2D"], "num_class_embeds": 11 }"#,
    )
    .unwrap();
    let walkback = |args: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_walkback"))
            .args(args.split(' '))
            .current_dir(scratch.path())
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{args}: {errors}");
        String::from_utf8(output.stdout).unwrap()
    };
    let data = root.join("data/mnist-500");
    walkback(&format!(
        "train --data {} --unet unet.json --prediction flow --steps 3 --batch-size 4 --sample-every 0 --out run",
        data.display()
    ));
    walkback("export --run run --out model");
    let file =
        std::fs::read_to_string(scratch.path().join("model/scheduler/scheduler_config.json"))
            .unwrap();
    assert!(file.contains("FlowMatchEulerDiscreteScheduler"), "{file}");
    assert!(!file.contains("beta"), "{file}");
    let index = std::fs::read_to_string(scratch.path().join("model/model_index.json")).unwrap();
    assert!(index.contains("FlowMatchEulerDiscreteScheduler"), "{index}");
    let info = walkback("info --model model");
    assert!(info.contains("those of flow matching"), "{info}");
    walkback("sample --model model --sampler euler --steps 4 --count 1 --label 3");
}

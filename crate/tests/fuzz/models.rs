//! Model folders.

use crate::common::fixture;
use crate::edits::{edited, edited_json, edits, json_edits};
use crate::memory::{ALLOWANCE, measured};
use crate::{cases, is_a_sentence};
use burn::tensor::Device;
use proptest::prelude::*;
use serde_json::json;
use walkback::chain::{Chain, ChainOptions};
use walkback::pipeline::Pipeline;
use walkback::sampler::SamplerKind;
use walkback::schedule::{Schedule, SchedulerConfig};
use walkback::unet::weights::StoredAs;
use walkback::unet::{DownBlockType, UNet, UNetConfig, UpBlockType};
use walkback::weights;

/// A model small enough to be loaded a thousand times: its two configurations, labels and weights.
struct Files {
    unet: String,
    scheduler: String,
    labels: String,
    weights: Vec<u8>,
}

fn small_model() -> Files {
    let config = UNetConfig {
        sample_size: [8, 8],
        in_channels: 1,
        out_channels: 1,
        block_out_channels: vec![4, 8],
        down_block_types: vec![DownBlockType::DownBlock2D, DownBlockType::AttnDownBlock2D],
        up_block_types: vec![UpBlockType::AttnUpBlock2D, UpBlockType::UpBlock2D],
        layers_per_block: 1,
        norm_num_groups: Some(4),
        attention_head_dim: Some(4),
        num_class_embeds: Some(3),
        ..UNetConfig::default()
    };
    config.check().unwrap();
    let unet = UNet::new(&config, &Device::flex()).unwrap();
    Files {
        unet: config.to_json(),
        scheduler: SchedulerConfig::default().to_json(),
        labels: json!({ "names": ["a", "b"], "null": 2 }).to_string(),
        weights: unet.to_safetensors(StoredAs::F16).unwrap(),
    }
}

/// Reads a model; if it can be read, it also has to make a step.
fn load(files: &Files) -> Result<(), String> {
    let (labels, device) = (Some(&files.labels[..]), Device::flex());
    let model = Pipeline::from_bytes(
        &files.unet,
        &files.scheduler,
        labels,
        &files.weights,
        &device,
    )
    .map_err(|e| e.to_string())?;
    let spec = model.spec();
    if spec.channels * spec.height * spec.width > 1024 {
        return Ok(());
    }
    let options = ChainOptions {
        sampler: SamplerKind::Ddim,
        num_inference_steps: 1,
        labels: spec.num_class_embeds.map(|_| vec![0]),
        ..ChainOptions::default()
    };
    let mut chain = Chain::new(model.scheduler(), &spec, options).map_err(|e| e.to_string())?;
    pollster::block_on(chain.step(&model))
        .map(|_| ())
        .map_err(|e| e.to_string())
}

fn holds_for(files: &Files) -> Result<(), TestCaseError> {
    let (outcome, most) = measured(|| load(files));
    if let Err(sentence) = outcome {
        is_a_sentence(&sentence)?;
    }
    let given = files.weights.len() + files.unet.len() + files.scheduler.len();
    prop_assert!(
        most < ALLOWANCE + 16 * given,
        "{} bytes for {}",
        most,
        given
    );
    Ok(())
}

#[test]
fn the_model_that_is_changed_is_right_before() {
    assert_eq!(load(&small_model()), Ok(()));
}

#[test]
fn the_largest_network_is_counted_without_memory_for_it() {
    let levels = 16;
    let config = UNetConfig {
        sample_size: [1 << 15; 2],
        block_out_channels: vec![1 << 16; levels],
        down_block_types: vec![DownBlockType::AttnDownBlock2D; levels],
        up_block_types: vec![UpBlockType::AttnUpBlock2D; levels],
        layers_per_block: 1 << 16,
        num_class_embeds: Some(1 << 16),
        ..UNetConfig::default()
    };
    let (count, most) = measured(|| config.check().map(|()| config.parameter_count()));
    assert!(count.unwrap() > 1 << 50);
    // The layers themselves, without what they would hold.
    assert!(most < 4 << 20, "{most} bytes");
}

proptest! {
    #![proptest_config(cases(256, 10_000))]

    #[test]
    fn configurations_of_any_content_load_or_are_refused(
        unet in json_edits(),
        scheduler in json_edits(),
        labels in json_edits(),
    ) {
        let files = small_model();
        holds_for(&Files {
            unet: edited_json(&files.unet, &unet),
            scheduler: edited_json(&files.scheduler, &scheduler),
            labels: edited_json(&files.labels, &labels),
            weights: files.weights,
        })?;
    }

    #[test]
    fn weights_of_any_content_load_or_are_refused(edits in edits(), in_header in any::<bool>()) {
        let files = small_model();
        let weights = edited(&files.weights, &edits, in_header.then_some(4000));
        holds_for(&Files { weights, ..files })?;
    }

    #[test]
    fn pickles_of_any_content_are_read_or_refused(
        edits in edits(),
        which in 0..3_usize,
        in_pickle in any::<bool>(),
    ) {
        let file = ["views.pt", "views_legacy.pt", "parameters.pt"][which];
        let valid = fixture(&format!("files/{file}"));
        let file = edited(&valid, &edits, in_pickle.then_some(1200));
        let given = file.len();
        let (outcome, most) = measured(|| weights::read(vec![file]));
        if let Err(error) = outcome {
            is_a_sentence(&error.to_string())?;
        }
        prop_assert!(most < ALLOWANCE + 16 * given, "{} bytes for {}", most, given);
    }

    #[test]
    fn texts_that_are_hardly_json_are_refused(edits in edits(), which in 0..3_u8) {
        let mut files = small_model();
        let text = match which {
            0 => &mut files.unet,
            1 => &mut files.scheduler,
            _ => &mut files.labels,
        };
        *text = String::from_utf8_lossy(&edited(text.as_bytes(), &edits, None)).into_owned();
        holds_for(&files)?;
    }
}

proptest! {
    #![proptest_config(cases(256, 20_000))]

    #[test]
    fn noise_is_no_model(bytes in prop::collection::vec(any::<u8>(), 0..200), text in ".{0,80}") {
        let mut files = small_model();
        files.weights.clone_from(&bytes);
        let (outcome, most) = measured(|| load(&files));
        prop_assert!(outcome.is_err() && most < ALLOWANCE);
        prop_assert!(SchedulerConfig::from_json(&text).is_err());
        prop_assert!(UNetConfig::from_json(&text).is_err());
    }

    #[test]
    fn a_scheduler_of_any_content_is_read_or_refused(edits in json_edits(), keys in json_edits()) {
        // Keys of other schedulers, which the default leaves out.
        let more = r#"{ "trained_betas": [0.1], "solver_order": 2, "lambda_min_clipped": -5.1,
            "set_alpha_to_one": true, "final_sigmas_type": "zero", "use_karras_sigmas": false }"#;
        let mut text = edited_json(&SchedulerConfig::default().to_json(), &edits);
        let more = edited_json(more, &keys);
        text = format!("{},{}", text.trim_end_matches('}'), more.trim_start_matches('{'));
        let (outcome, most) = measured(|| {
            SchedulerConfig::from_json(&text).and_then(|config| Schedule::new(&config))
        });
        match outcome {
            Ok(schedule) => prop_assert!(schedule.alphas_cumprod.iter().all(|a| (0.0..1.0).contains(a))),
            Err(error) => is_a_sentence(&error.to_string())?,
        }
        prop_assert!(most < ALLOWANCE, "{} bytes", most);
    }
}

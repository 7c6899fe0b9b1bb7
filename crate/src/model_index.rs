//! `model_index.json`: the parts of a pipeline of diffusers, and whether they are a U-Net and a scheduler alone.

use crate::json::in_words;
use serde_json::{Map, Value};
use thiserror::Error;

/// Why the pipeline of a `model_index.json` is not supported.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum ModelIndexError {
    /// It is not the object that diffusers writes.
    #[error("{0}; remove the file, or copy it from the source of the model")]
    Json(String),
    /// Other networks belong to the pipeline.
    #[error(
        "this is {pipeline}, which needs {parts} beside its U-Net. Its U-Net does not work on \
         pixels, and walkback runs only a U-Net and a scheduler: open a pipeline of these two, \
         such as a DDPMPipeline"
    )]
    MoreParts {
        /// The pipeline's class.
        pipeline: String,
        /// The other parts, with their classes.
        parts: String,
    },
    /// None of its networks is a U-Net.
    #[error(
        "this is {pipeline} without a U-Net: it has {parts}. walkback runs a U-Net and a scheduler: \
         open a pipeline of these two, such as a DDPMPipeline"
    )]
    NoUnet {
        /// The pipeline's class.
        pipeline: String,
        /// Its parts, with their classes.
        parts: String,
    },
}

/// Refuses the `model_index.json` of a pipeline that is more than a U-Net and a scheduler, such as an LDMPipeline, whose
/// U-Net draws the latents of an autoencoder.
///
/// # Errors
/// See [`ModelIndexError`].
pub fn check(json: &str) -> Result<(), ModelIndexError> {
    let index: Map<String, Value> =
        serde_json::from_str(json).map_err(|e| ModelIndexError::Json(in_words(&e)))?;
    // A part is [library, class]; one that the pipeline can do without, and does, is [null, null].
    let parts: Vec<String> = index
        .iter()
        .filter(|(name, _)| !["unet", "scheduler"].contains(&name.as_str()))
        .filter_map(|(name, value)| Some((name, value.as_array()?.get(1)?.as_str()?)))
        .map(|(name, class)| format!("{name} ({class})"))
        .collect();
    if parts.is_empty() {
        return Ok(());
    }
    let pipeline = match index.get("_class_name").and_then(Value::as_str) {
        Some(class) => format!("a pipeline of class {class}"),
        None => "a pipeline".into(),
    };
    let parts = parts.join(", ");
    Err(match index.get("unet").and_then(|unet| unet.get(1)) {
        Some(class) if class.is_string() => ModelIndexError::MoreParts { pipeline, parts },
        _ => ModelIndexError::NoUnet { pipeline, parts },
    })
}

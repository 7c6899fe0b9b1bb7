//! Checks of a chain before it starts; each error names its option.

use crate::schedule::SchedulerConfig;

use super::{ChainError, ChainOptions, Guidance, ModelSpec, Start};

pub(super) fn refuse(option: &'static str, reason: impl Into<String>) -> ChainError {
    ChainError::Option {
        option,
        reason: reason.into(),
    }
}

/// A learned variance takes twice the channels, a fixed one does not.
pub(super) fn check_channels(
    scheduler: &SchedulerConfig,
    model: &ModelSpec,
) -> Result<(), ChainError> {
    let expected = scheduler.variance_type.outputs(model.channels);
    if model.out_channels == expected {
        return Ok(());
    }
    Err(refuse(
        "variance_type",
        format!(
            "{} needs a model with {expected} output channels for {} input channels, this one has {}",
            scheduler.variance_type, model.channels, model.out_channels
        ),
    ))
}

/// The most values a chain's state may have: 256 MiB, of which a step holds several copies.
pub const MAX_VALUES: usize = 1 << 26;

/// n c h w, which must be above 0 and fit into memory.
pub(super) fn volume(shape: [usize; 4]) -> Result<usize, ChainError> {
    if shape[0] == 0 {
        return Err(refuse("count", "is 0; a chain walks at least one image"));
    }
    shape
        .iter()
        .try_fold(1_usize, |product, side| product.checked_mul(*side))
        .filter(|values| *values > 0 && *values <= MAX_VALUES)
        .ok_or_else(|| {
            refuse(
                "count",
                format!("images of shape {shape:?} do not fit into memory; walk fewer at once"),
            )
        })
}

/// The label of each of `count` images: those given, or the null label in a class-conditional model.
pub(crate) fn labels_of(
    model: &ModelSpec,
    labels: Option<&[usize]>,
    count: usize,
) -> Result<Option<Vec<usize>>, ChainError> {
    let Some(classes) = model.num_class_embeds else {
        return match labels {
            None => Ok(None),
            Some(_) => Err(refuse(
                "labels",
                "this model has no classes; leave labels out",
            )),
        };
    };
    let labels = match (labels, model.null_label) {
        (Some(labels), _) => labels.to_vec(),
        (None, Some(null)) => vec![null; count],
        (None, None) => {
            let reason = "this model is class-conditional and has no null label; give a label";
            return Err(refuse("labels", reason));
        }
    };
    if labels.len() != count {
        let found = labels.len();
        return Err(refuse(
            "labels",
            format!("{found} labels for {count} images"),
        ));
    }
    match labels.iter().find(|label| **label >= classes) {
        None => Ok(Some(labels)),
        Some(label) => Err(refuse(
            "labels",
            format!(
                "there is no label {label}; use 0 to {}",
                classes.saturating_sub(1)
            ),
        )),
    }
}

/// Guidance, unless its scale is 1, where it changes nothing.
pub(super) fn guidance_of(
    model: &ModelSpec,
    options: &ChainOptions,
) -> Result<Option<Guidance>, ChainError> {
    let (scale, rescale) = (options.guidance_scale, options.guidance_rescale);
    if !scale.is_finite() {
        return Err(refuse(
            "guidance_scale",
            format!("is {scale}; it must be a number"),
        ));
    }
    if !(0.0..=1.0).contains(&rescale) {
        let reason = format!("is {rescale}; it must lie in [0, 1]");
        return Err(refuse("guidance_rescale", reason));
    }
    if scale == 1.0 {
        return Ok(None);
    }
    let Some(null_label) = model.null_label else {
        let reason = "this model has no null label, so guidance is not possible; use 1";
        return Err(refuse("guidance_scale", reason));
    };
    if model
        .num_class_embeds
        .is_none_or(|classes| null_label >= classes)
    {
        let reason = format!("{null_label} is not one of the model's labels");
        return Err(refuse("null_label", reason));
    }
    // Without a label both halves of the batch would be the same.
    Ok(options.labels.is_some().then_some(Guidance {
        scale,
        rescale,
        null_label,
    }))
}

/// Refuses `values`, the part `what` of an option, unless there are as many as `expected` and all are finite.
pub(super) fn check_values(
    option: &'static str,
    what: &str,
    values: &[f32],
    expected: usize,
) -> Result<(), ChainError> {
    let found = values.len();
    if found != expected {
        let reason = format!("{what} has {found} values instead of {expected}");
        return Err(refuse(option, reason));
    }
    match values.iter().find(|value| !value.is_finite()) {
        Some(value) => Err(refuse(option, format!("{what} holds {value}"))),
        None => Ok(()),
    }
}

/// The images to start from, if they fit.
pub(super) fn start_of(from: Start, values: usize, inverse: bool) -> Result<Vec<f32>, ChainError> {
    let Start { x_t, timestep } = from;
    check_values("from", "x_t", &x_t, values)?;
    if inverse && timestep != 0 {
        let reason = format!("timestep is {timestep}; an inversion starts from clean images, at 0");
        return Err(refuse("from", reason));
    }
    Ok(x_t)
}

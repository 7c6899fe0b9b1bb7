//! Reading the network's output: x_0-hat, eps-hat and, where it is learned, the variance.

use crate::diffusion::{predicted_eps, predicted_x_0};
use crate::schedule::{PredictionType, SchedulerConfig};

use super::{SamplerError, StepInput, same_length};

/// What keeps x_0-hat near the range of images.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Clipping {
    /// Nothing.
    None,
    /// Clipped to [-range, range].
    Clip {
        /// The bound.
        range: f64,
    },
    /// [`dynamic_threshold`] on each image.
    Threshold {
        /// The quantile of |x_0-hat|, in [0, 1].
        ratio: f64,
        /// The largest value that the quantile may take.
        max: f64,
    },
}

impl Clipping {
    /// What DDPM and DDIM do: thresholding if it is on, else clipping if that is.
    pub fn of(config: &SchedulerConfig) -> Self {
        match Self::threshold_of(config) {
            Self::None if config.clip_sample => Self::Clip {
                range: config.clip_sample_range,
            },
            thresholding => thresholding,
        }
    }

    /// What Heun does: clipping if the file says so, never thresholding.
    pub(crate) fn clip_of(config: &SchedulerConfig) -> Self {
        if config.clip_sample && config.clip_sample_stated {
            Self::Clip {
                range: config.clip_sample_range,
            }
        } else {
            Self::None
        }
    }

    /// What DPM-Solver++ does: thresholding if it is on, else nothing.
    pub(crate) fn threshold_of(config: &SchedulerConfig) -> Self {
        if config.thresholding {
            Self::Threshold {
                ratio: config.dynamic_thresholding_ratio,
                max: config.sample_max_value,
            }
        } else {
            Self::None
        }
    }

    /// Applies it to `count` images of x_0-hat.
    fn apply(self, x_0: &mut [f32], count: usize) {
        match self {
            Self::None => {}
            Self::Clip { range } => {
                let range = range as f32;
                x_0.iter_mut().for_each(|v| *v = v.clamp(-range, range));
            }
            Self::Threshold { ratio, max } => {
                let per_image = (x_0.len() / count.max(1)).max(1);
                for image in x_0.chunks_mut(per_image) {
                    dynamic_threshold(image, ratio, max);
                }
            }
        }
    }
}

/// Dynamic thresholding of one image (Saharia et al. 2022, arXiv 2205.11487, section 2.3):
/// s is a quantile of |x_0|, kept in [1, max]; x_0 is clipped to [-s, s] and divided by s.
///
/// `max` below 1 takes precedence over the 1, as in `torch.clamp`.
pub fn dynamic_threshold(image: &mut [f32], ratio: f64, max: f64) {
    let s = quantile(image.iter().map(|v| v.abs()).collect(), ratio);
    let s = s.max(1.0).min(max) as f32;
    image.iter_mut().for_each(|v| *v = v.clamp(-s, s) / s);
}

/// The quantile by linear interpolation between the two nearest ranks; 0 for no values.
fn quantile(mut values: Vec<f32>, ratio: f64) -> f64 {
    values.sort_unstable_by(f32::total_cmp);
    let Some(last) = values.len().checked_sub(1) else {
        return 0.0;
    };
    let rank = ratio * last as f64;
    let below = f64::from(values[(rank.floor() as usize).min(last)]);
    let above = f64::from(values[(rank.ceil() as usize).min(last)]);
    below + (above - below) * rank.fract()
}

/// What the network's output says about x_t, in the shape of x_t.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    /// x_0-hat, clipped.
    pub x_0: Vec<f32>,
    /// eps-hat: the network's own, not the one that the clipped x_0-hat would imply.
    pub eps: Vec<f32>,
    /// The second half of the channels, if the network has it.
    pub variance: Option<Vec<f32>>,
}

impl Prediction {
    /// Reads the output for x_t at `timestep`, where the noise level is abar_t, as DDPM and DDIM do.
    ///
    /// # Errors
    /// Lengths that do not fit, or a noise level at which an epsilon prediction does not determine x_0.
    pub fn read(
        config: &SchedulerConfig,
        input: &StepInput<'_>,
        timestep: usize,
        alpha_cumprod: f64,
    ) -> Result<Self, SamplerError> {
        if alpha_cumprod <= 0.0 && config.prediction_type == PredictionType::Epsilon {
            return Err(SamplerError::NoSignal(timestep));
        }
        Reader {
            prediction_type: config.prediction_type,
            clipping: Clipping::of(config),
        }
        .read(input, alpha_cumprod)
    }
}

/// How to read an output.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reader {
    /// What the network predicts.
    pub prediction_type: PredictionType,
    /// What keeps x_0-hat near the range of images.
    pub clipping: Clipping,
}

impl Reader {
    /// Reads the output for x_t at the noise level abar_t.
    pub(super) fn read(
        self,
        input: &StepInput<'_>,
        alpha_cumprod: f64,
    ) -> Result<Prediction, SamplerError> {
        let values = input.x_t.len();
        if input.count == 0 || !values.is_multiple_of(input.count) {
            return Err(SamplerError::Length {
                what: "x_t",
                found: values,
                expected: input.count * (values / input.count.max(1)),
            });
        }
        let (output, variance) = split(input)?;
        let (mut x_0, mut eps) = (vec![0.0; values], vec![0.0; values]);
        let Self {
            prediction_type,
            clipping,
        } = self;
        predicted_x_0(prediction_type, input.x_t, &output, alpha_cumprod, &mut x_0);
        predicted_eps(prediction_type, input.x_t, &output, alpha_cumprod, &mut eps);
        clipping.apply(&mut x_0, input.count);
        Ok(Prediction { x_0, eps, variance })
    }
}

/// The prediction and, if the output has twice the channels, what follows it in each image.
fn split(input: &StepInput<'_>) -> Result<(Vec<f32>, Option<Vec<f32>>), SamplerError> {
    let (output, values) = (input.model_output, input.x_t.len());
    if output.len() != 2 * values || values == 0 {
        same_length("model_output", output, values)?;
        return Ok((output.to_vec(), None));
    }
    let per_image = values / input.count;
    let (mut prediction, mut variance) = (Vec::new(), Vec::new());
    for image in output.chunks_exact(2 * per_image) {
        let (first, second) = image.split_at(per_image);
        prediction.extend_from_slice(first);
        variance.extend_from_slice(second);
    }
    Ok((prediction, Some(variance)))
}

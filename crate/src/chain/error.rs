//! Why a chain cannot be built or cannot continue.

use std::convert::Infallible;

use crate::sampler::SamplerError;

/// Why a chain cannot be built or cannot continue; `E` is the network's own error.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ChainError<E: std::error::Error + 'static = Infallible> {
    /// The sampler refuses the configuration, the options or the step.
    #[error(transparent)]
    Sampler(#[from] SamplerError),
    /// An option that this model cannot follow.
    #[error("{option}: {reason}")]
    Option {
        /// The name of the option.
        option: &'static str,
        /// What is wrong and what to do.
        reason: String,
    },
    /// The network failed.
    #[error("the network failed at timestep {timestep}: {source}")]
    Model {
        /// Where.
        timestep: usize,
        /// Its own error.
        source: E,
    },
    /// The network's output has the wrong length.
    #[error("the network returned {found} values at timestep {timestep} instead of {expected}")]
    Output {
        /// Where.
        timestep: usize,
        /// The length of the output.
        found: usize,
        /// The length of [n, c_out, h, w].
        expected: usize,
    },
    /// A step gave something that is not a number; the frames before it are valid.
    #[error(
        "the walk stopped at step {step} of {steps}, timestep {timestep}: {what} holds {value}; \
         the cause is the model's weights or the device"
    )]
    NotFinite {
        /// Which step it was, counted from 1.
        step: usize,
        /// How many the walk has.
        steps: usize,
        /// Where the network was evaluated.
        timestep: usize,
        /// The first quantity of the step that is not finite.
        what: &'static str,
        /// The first such value.
        value: f32,
    },
    /// There is no step left.
    #[error("the chain has already made all {0} steps; start a new one")]
    Done(usize),
}

//! The learning rate over a run: up from 0 while the optimiser warms up, then down towards the end.
//!
//! ```text
//! rate = base * min(1, step / warmup) * decay(share)        share: how much of the run is behind this step, 0 to 1
//! ```
//!
//! A run that ends at a step has its rate from the step alone, so it repeats, and resumes, to the bit. One that ends after
//! a time has it from a clock: no two of them are equal.

use super::checkpoint::Progress;
use crate::schedule::named;
use serde::{Deserialize, Serialize};
use std::f64::consts::PI;

named! {
    /// How the learning rate falls once it is warmed up.
    LrDecay, "learning-rate decay" {
        /// Not at all.
        Constant = "constant",
        /// On half a cosine to 0 at the run's end (Loshchilov & Hutter 2017, arXiv 1608.03983, eq. 5, without restarts).
        Cosine = "cosine",
    }
}

impl LrDecay {
    /// The factor of the learning rate where `share` (0 to 1) of the run is over.
    pub fn factor(self, share: f64) -> f64 {
        match self {
            Self::Constant => 1.0,
            Self::Cosine => 0.5 * (1.0 + (PI * share).cos()),
        }
    }
}

/// Where a run ends, counted from its beginning, resumed parts included.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// After this step.
    Steps(u64),
    /// After this time, in seconds; the current step is finished.
    Seconds(f64),
}

impl End {
    /// How much of the run is over at this progress, 0 to 1.
    pub fn share(self, progress: Progress) -> f64 {
        let share = match self {
            Self::Steps(last) => progress.step as f64 / last as f64,
            Self::Seconds(last) => progress.elapsed_s / last,
        };
        // 0 / 0, the share of nothing, counts as all of it.
        if share < 1.0 { share } else { 1.0 }
    }

    /// Whether nothing is left to do.
    pub fn reached(self, progress: Progress) -> bool {
        self.share(progress) >= 1.0
    }
}

/// The learning rate of the step that follows `progress`; without an end it does not fall.
pub fn rate(base: f64, warmup: u64, decay: LrDecay, end: Option<End>, progress: Progress) -> f64 {
    let warmed = ((progress.step + 1) as f64 / warmup.max(1) as f64).min(1.0);
    base * warmed * end.map_or(1.0, |end| decay.factor(end.share(progress)))
}

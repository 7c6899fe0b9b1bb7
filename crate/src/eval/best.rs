//! Where a model is at its best: the guidance that suits it, and the number of steps that is enough.
//!
//! Guidance trades variety for clear classes: more of it raises the share of samples that are read as their label, and
//! moves their features away from those of real images. Both are measured for some settings, and the range is chosen in
//! which neither is much worse than it could be.

use super::samples::Setting;
use crate::sampler::SamplerKind;
use serde::{Deserialize, Serialize};

/// The guidance scales that are tried, and the numbers of steps.
pub const GUIDANCE: [f64; 7] = [0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0];
const STEPS: [usize; 6] = [5, 10, 20, 30, 50, 100];

/// How far the share that is read as its label may lie below the highest one.
const RATE_MARGIN: f64 = 0.02;
/// How often the lowest Frechet distance is still a small one.
const FRECHET_FACTOR: f64 = 2.0;
/// The same for the numbers of steps, where the last one is as good as it gets.
const STEPS_FACTOR: f64 = 1.25;

/// What one setting gave.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// As [`Setting`] is written.
    pub setting: String,
    /// The share of samples read as their label; `None` of an unconditional model.
    pub read_as_label: Option<f64>,
    /// The Frechet distance to the test images.
    pub frechet: f64,
}

/// `best.json` of a model folder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Best {
    /// The sampler that was used.
    pub sampler: String,
    /// The lowest and the highest guidance scale that suit the model; `None` without guidance.
    pub guidance_scale: Option<[f64; 2]>,
    /// With this many steps of the sampler more steps hardly help.
    pub num_inference_steps: usize,
    /// Samples of each setting.
    pub samples: usize,
    /// The Frechet distance of as many real training images.
    pub frechet_floor: f64,
    /// All that was measured.
    pub measured: Vec<Measured>,
}

/// The settings that show which guidance suits: the usual number of steps of `sampler`.
pub fn guidance_settings(sampler: SamplerKind, num_train_timesteps: usize) -> Vec<Setting> {
    let steps = sampler.usual_steps(num_train_timesteps);
    GUIDANCE
        .map(|guidance| setting(sampler, steps, guidance))
        .to_vec()
}

/// The settings that show how many steps are enough, at one guidance scale.
pub fn step_settings(
    sampler: SamplerKind,
    num_train_timesteps: usize,
    guidance: f64,
) -> Vec<Setting> {
    STEPS
        .into_iter()
        .filter(|steps| *steps <= num_train_timesteps)
        .map(|steps| setting(sampler, steps, guidance))
        .collect()
}

fn setting(sampler: SamplerKind, steps: usize, guidance_scale: f64) -> Setting {
    Setting {
        sampler,
        num_inference_steps: Some(steps),
        guidance_scale,
        eta: 0.0,
    }
}

/// Which of the settings are about as good as the best: in the share that is read as its label, and in the Frechet
/// distance, of which the floor, that of real images, is never undercut by more than chance.
fn good(measured: &[Measured], floor: f64, factor: f64) -> Vec<bool> {
    let rate = |m: &Measured| m.read_as_label.unwrap_or(1.0);
    let highest = measured.iter().map(rate).fold(0.0, f64::max);
    let lowest = measured
        .iter()
        .map(|m| m.frechet)
        .fold(f64::INFINITY, f64::min);
    measured
        .iter()
        .map(|m| rate(m) >= highest - RATE_MARGIN && m.frechet <= factor * lowest.max(floor))
        .collect()
}

/// The first and the last of the guidance settings, ascending, that suit the model; the setting with the lowest
/// Frechet distance alone, where no setting has both a high share and a low distance.
pub fn suitable(measured: &[Measured], floor: f64) -> Option<[usize; 2]> {
    let good = good(measured, floor, FRECHET_FACTOR);
    let nearest = |wanted: bool| {
        (0..measured.len())
            .filter(|&i| good[i] || !wanted)
            .min_by(|&a, &b| measured[a].frechet.total_cmp(&measured[b].frechet))
    };
    let Some(middle) = nearest(true) else {
        return nearest(false).map(|i| [i, i]);
    };
    let first = (0..=middle).rev().take_while(|&i| good[i]).last()?;
    let last = (middle..measured.len()).take_while(|&i| good[i]).last()?;
    Some([first, last])
}

/// The first of the settings, ascending in their steps, from which on all are about as good as the best.
pub fn enough(measured: &[Measured], floor: f64) -> Option<usize> {
    let good = good(measured, floor, STEPS_FACTOR);
    let from = good.iter().rposition(|good| !good).map_or(0, |i| i + 1);
    Some(from.min(measured.len().checked_sub(1)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(values: &[(f64, f64)]) -> Vec<Measured> {
        let one = |&(rate, frechet): &(f64, f64)| Measured {
            setting: String::new(),
            read_as_label: Some(rate),
            frechet,
        };
        values.iter().map(one).collect()
    }

    #[test]
    fn guidance_suits_where_classes_are_clear_and_features_still_real() {
        let sweep = [
            (0.7, 3.0),
            (0.97, 2.0),
            (0.99, 2.4),
            (1.0, 3.9),
            (1.0, 4.1),
            (1.0, 9.0),
        ];
        assert_eq!(suitable(&measured(&sweep), 1.0), Some([2, 3]));
        // A floor above the lowest distance: what lies between the two is chance.
        assert_eq!(suitable(&measured(&sweep), 3.0), Some([2, 4]));
        // Nothing has both.
        assert_eq!(
            suitable(&measured(&[(0.5, 1.0), (1.0, 9.0)]), 1.0),
            Some([0, 0])
        );
        assert_eq!(suitable(&[], 1.0), None);
    }

    #[test]
    fn steps_are_enough_when_no_later_number_is_better() {
        let sweep = [
            (0.8, 9.0),
            (0.99, 3.0),
            (0.99, 2.1),
            (1.0, 2.0),
            (0.99, 2.2),
        ];
        assert_eq!(enough(&measured(&sweep), 1.0), Some(2));
        assert_eq!(enough(&measured(&[(1.0, 9.0), (1.0, 2.0)]), 1.0), Some(1));
        assert_eq!(enough(&[], 1.0), None);
    }
}

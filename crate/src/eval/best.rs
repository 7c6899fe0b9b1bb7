//! Where a model is at its best: the guidance that suits it, and the number of steps that is enough.
//!
//! Guidance trades variety for clear classes: more of it raises the share of samples that are read as their label, and
//! moves their features away from those of real images. Both are measured for some settings, and the chosen range is
//! that in which neither is much worse than its best.

use super::samples::Setting;
use crate::sampler::SamplerKind;
use serde::{Deserialize, Serialize};

/// The guidance scales that are tried, and the numbers of steps.
pub const GUIDANCE: [f64; 7] = [0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0];
const STEPS: [usize; 6] = [5, 10, 20, 30, 50, 100];

/// How far the share that is read as its label may lie below the highest one.
const RATE_MARGIN: f64 = 0.03;
/// The floor falls as the number of samples rises, nearly in proportion: that of so many is the unit in which distances are
/// compared, so that the answer does not depend on how many were drawn.
const UNIT_SAMPLES: f64 = 1000.0;
/// How many units above the lowest distance is still a low one, for guidance scales.
const GUIDANCE_UNITS: f64 = 1.0;
/// The same for the numbers of steps, of which the largest counts as the best.
const STEPS_UNITS: f64 = 0.5;

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

/// What real training images have: the Frechet distance of so many of them, as many as samples were drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Floor {
    /// Their distance to the test images.
    pub frechet: f64,
    /// How many there are.
    pub samples: usize,
}

/// Which of the settings are about as good as the best, in the share that is read as its label and in the Frechet
/// distance. No distance is below the floor, that of real images, except by chance.
fn good(measured: &[Measured], floor: Floor, units: f64) -> Vec<bool> {
    let rate = |m: &Measured| m.read_as_label.unwrap_or(1.0);
    let highest = measured.iter().map(rate).fold(0.0, f64::max);
    let lowest = measured
        .iter()
        .map(|m| m.frechet)
        .fold(f64::INFINITY, f64::min);
    let unit = floor.frechet * floor.samples as f64 / UNIT_SAMPLES;
    let most = lowest.max(floor.frechet) + units * unit;
    measured
        .iter()
        .map(|m| rate(m) >= highest - RATE_MARGIN && m.frechet <= most)
        .collect()
}

/// The first and the last of the guidance settings, ascending, that suit the model; the setting with the lowest
/// Frechet distance alone, where no setting has both a high share and a low distance.
pub fn suitable(measured: &[Measured], floor: Floor) -> Option<[usize; 2]> {
    let good = good(measured, floor, GUIDANCE_UNITS);
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
pub fn enough(measured: &[Measured], floor: Floor) -> Option<usize> {
    let good = good(measured, floor, STEPS_UNITS);
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

    /// The floor of a thousand images.
    fn floor(frechet: f64) -> Floor {
        Floor {
            frechet,
            samples: 1000,
        }
    }

    #[test]
    fn guidance_suits_where_classes_are_clear_and_features_still_real() {
        let sweep = measured(&[
            (0.70, 3.0),
            (0.96, 2.0),
            (0.99, 2.4),
            (1.00, 2.9),
            (1.00, 4.1),
            (1.00, 9.0),
        ]);
        assert_eq!(suitable(&sweep, floor(1.0)), Some([2, 3]));
        // A floor above the lowest distance: what lies between the two is chance.
        assert_eq!(suitable(&sweep, floor(3.0)), Some([2, 4]));
        // Nothing has both.
        let neither = measured(&[(0.5, 1.0), (1.0, 9.0)]);
        assert_eq!(suitable(&neither, floor(1.0)), Some([0, 0]));
        assert_eq!(suitable(&[], floor(1.0)), None);
    }

    #[test]
    fn what_suits_does_not_depend_on_the_number_of_samples() {
        let distances = [5.0, 2.0, 0.1, 3.0, 6.0];
        let of = |samples: usize| {
            // Of fewer samples every distance is larger by the same bias.
            let bias = 4000.0 / samples as f64;
            let sweep: Vec<_> = distances.iter().map(|d| (1.0, d + bias)).collect();
            let floor = Floor {
                frechet: bias,
                samples,
            };
            suitable(&measured(&sweep), floor)
        };
        assert_eq!(of(1000), Some([1, 3]));
        assert_eq!(of(100), of(1000));
    }

    #[test]
    fn steps_are_enough_when_no_later_number_is_better() {
        let sweep = [
            (0.80, 9.0),
            (0.99, 3.0),
            (0.99, 2.1),
            (1.00, 2.0),
            (0.99, 2.2),
        ];
        assert_eq!(enough(&measured(&sweep), floor(1.0)), Some(2));
        let last = measured(&[(1.0, 9.0), (1.0, 2.0)]);
        assert_eq!(enough(&last, floor(1.0)), Some(1));
        assert_eq!(enough(&[], floor(1.0)), None);
    }
}

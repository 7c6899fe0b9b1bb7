//! Schedules that a file states as noise levels: s, the noise for each unit of x_0, from `sigma_min` to `sigma_max`
//! (variance exploding, Song et al. 2021, arXiv 2011.13456; EDM, Karras et al. 2022, arXiv 2206.00364).
//!
//! ```text
//! x = x_0 + s eps          x_t = x / sqrt(1 + s^2)          abar_t = 1 / (1 + s^2)
//! ```
//!
//! So such a chain has an abar_t like any other, and every sampler walks it. Only the network is given another x and another
//! time, and its answer is made into a usual one here.

use serde_json::{Map, Value};

use super::json::{get, not_built};
use super::{PredictionType, ScheduleError};

/// diffusers' classes that state noise levels instead of betas.
pub(super) const EDM: &str = "EDMEulerScheduler";
pub(super) const EDM_DPM_SOLVER: &str = "EDMDPMSolverMultistepScheduler";
pub(super) const SCORE: &str = "ScoreSdeVeScheduler";

/// rho where a file does not say (Karras et al. 2022, eq. 5).
const RHO: f64 = 7.0;

/// Noise levels and what a network makes of them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Exploding {
    /// s at timestep 0.
    pub sigma_min: f64,
    /// s at the last timestep.
    pub sigma_max: f64,
    /// Timesteps lie evenly in the rho-th root of s, or in its logarithm where this is `None`.
    pub rho: Option<f64>,
    /// How the network is asked.
    pub network: Preconditioning,
}

/// What a network is given for x at the level s, and what its output F means.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Preconditioning {
    /// EDM (Karras et al. 2022, table 1): x / sqrt(s^2 + d^2) and ln(s) / 4, with d = `sigma_data`. The answer is
    /// x_0 = (d^2 x +- s d sqrt(s^2 + d^2) F) / (s^2 + d^2), minus where `negated`.
    Edm {
        /// The standard deviation of the images.
        sigma_data: f64,
        /// diffusers' `v_prediction`, whose F has the other sign.
        negated: bool,
    },
    /// x and s; F is the score, -eps / s, and the answer eps.
    Score,
}

impl Exploding {
    /// s at a time that may lie between two timesteps.
    pub(crate) fn noise(&self, time: f64, num_train_timesteps: usize) -> f64 {
        let share = time / (num_train_timesteps.max(2) - 1) as f64;
        let between = |low: f64, high: f64| low + share * (high - low);
        match self.rho {
            Some(rho) => {
                let root = |s: f64| s.powf(rho.recip());
                between(root(self.sigma_min), root(self.sigma_max)).powf(rho)
            }
            None => between(self.sigma_min.ln(), self.sigma_max.ln()).exp(),
        }
    }

    /// The betas whose abar_t is 1 / (1 + s^2).
    pub(super) fn betas(&self, num_train_timesteps: usize) -> Vec<f64> {
        let mut before = 0.0;
        (0..num_train_timesteps)
            .map(|t| {
                let square = self.noise(t as f64, num_train_timesteps).powi(2);
                let beta = (square - before) / (1.0 + square);
                before = square;
                beta
            })
            .collect()
    }

    /// What the network is given at the level s, for each unit of x_t, and when.
    pub(crate) fn given(&self, s: f64) -> (f64, f32) {
        let x = 1.0_f64.hypot(s);
        let (scale, time) = match self.network {
            Preconditioning::Edm { sigma_data, .. } => (x / s.hypot(sigma_data), 0.25 * s.ln()),
            Preconditioning::Score => (x, s),
        };
        (scale, time as f32)
    }

    /// The factors of x_t and of the network's output at the level s in x_0-hat (EDM) or eps-hat (score).
    pub(crate) fn answer(&self, s: f64) -> [f64; 2] {
        match self.network {
            Preconditioning::Edm {
                sigma_data,
                negated,
            } => {
                let total = s.hypot(sigma_data);
                let sign = if negated { -1.0 } else { 1.0 };
                let c_skip = (sigma_data / total).powi(2);
                [c_skip * 1.0_f64.hypot(s), sign * s * sigma_data / total]
            }
            Preconditioning::Score => [0.0, -s],
        }
    }

    /// Refuses, by the name of its key, every number that no level can be made of.
    pub(super) fn validate(&self) -> Result<(), ScheduleError> {
        let mut numbers = vec![
            ("sigma_min", self.sigma_min),
            ("sigma_max", self.sigma_max),
            ("rho", self.rho.unwrap_or(1.0)),
        ];
        if let Preconditioning::Edm { sigma_data, .. } = self.network {
            numbers.push(("sigma_data", sigma_data));
        }
        let key = |key: &str, reason| {
            let key = key.to_owned();
            Err(ScheduleError::Key { key, reason })
        };
        for (name, number) in numbers {
            if !(number > 0.0 && number.is_finite()) {
                return key(name, format!("is {number}; it must be positive"));
            }
        }
        if self.sigma_min >= self.sigma_max {
            let (min, max) = (self.sigma_min, self.sigma_max);
            let reason = format!("is {min}; it must be below `sigma_max`, {max}");
            return key("sigma_min", reason);
        }
        Ok(())
    }

    /// What [`answer`](Self::answer) gives, which is the prediction type of such a chain.
    pub(super) fn answers(&self) -> PredictionType {
        match self.network {
            Preconditioning::Edm { .. } => PredictionType::Sample,
            Preconditioning::Score => PredictionType::Epsilon,
        }
    }

    /// The noise levels of a class that states them, with the defaults of diffusers; `None` of the others.
    pub(super) fn from_map(
        map: &Map<String, Value>,
        class: &str,
    ) -> Result<Option<Self>, ScheduleError> {
        match class {
            EDM | EDM_DPM_SOLVER => {}
            SCORE => {
                return Ok(Some(Self {
                    sigma_min: get(map, "sigma_min", 0.01)?,
                    sigma_max: get(map, "sigma_max", 1348.0)?,
                    rho: None,
                    network: Preconditioning::Score,
                }));
            }
            _ => return Ok(None),
        }
        let schedule: String = get(map, "sigma_schedule", "karras".to_owned())?;
        let rho = get(map, "rho", RHO)?;
        let rho = match schedule.as_str() {
            "karras" => Some(rho),
            "exponential" => None,
            _ => {
                let expected = "use karras or exponential";
                return Err(not_built("sigma_schedule", &schedule, expected));
            }
        };
        let predicted = get(map, "prediction_type", PredictionType::Epsilon)?;
        let negated = match predicted {
            PredictionType::Epsilon => false,
            PredictionType::VPrediction => true,
            _ => {
                let expected = "with this class use epsilon or v_prediction";
                return Err(not_built("prediction_type", predicted.name(), expected));
            }
        };
        Ok(Some(Self {
            sigma_min: get(map, "sigma_min", 0.002)?,
            sigma_max: get(map, "sigma_max", 80.0)?,
            rho,
            network: Preconditioning::Edm {
                sigma_data: get(map, "sigma_data", 0.5)?,
                negated,
            },
        }))
    }

    /// The keys that [`from_map`](Self::from_map) reads, and the class.
    pub(super) fn to_map(self) -> Map<String, Value> {
        let mut keys: Vec<(&str, Value)> = vec![
            ("sigma_min", self.sigma_min.into()),
            ("sigma_max", self.sigma_max.into()),
        ];
        match self.network {
            Preconditioning::Score => keys.push(("_class_name", SCORE.into())),
            Preconditioning::Edm {
                sigma_data,
                negated,
            } => {
                let schedule = self.rho.map_or("exponential", |_| "karras");
                let predicted = if negated {
                    PredictionType::VPrediction
                } else {
                    PredictionType::Epsilon
                };
                keys.extend([
                    ("_class_name", EDM.into()),
                    ("sigma_data", sigma_data.into()),
                    ("sigma_schedule", schedule.into()),
                    ("rho", self.rho.unwrap_or(RHO).into()),
                    ("prediction_type", predicted.name().into()),
                ]);
            }
        }
        let owned = keys.into_iter().map(|(key, value)| (key.to_owned(), value));
        owned.collect()
    }
}

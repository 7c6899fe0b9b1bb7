//! The keys of `scheduler/scheduler_config.json`, with the names and the defaults of diffusers.

use serde::{Deserialize, Serialize};

use super::{Exploding, MAX_TRAIN_TIMESTEPS, ScheduleError};

/// An enum whose variants have one name each, in JSON, on the command line and on the page.
macro_rules! named {
    ($(#[$doc:meta])* $name:ident, $what:literal { $($(#[$vdoc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $name { $($(#[$vdoc])* #[serde(rename = $text)] $variant,)+ }

        impl $name {
            /// Every variant, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The name in JSON, on the command line and on the page.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.name())
            }
        }

        impl std::str::FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                Self::ALL.iter().copied().find(|v| v.name() == text).ok_or_else(|| {
                    let names: Vec<&str> = Self::ALL.iter().map(|v| v.name()).collect();
                    format!("unknown {} `{text}`; use one of {}", $what, names.join(", "))
                })
            }
        }
    };
}
pub(crate) use named;

named! {
    /// How the betas run from `beta_start` to `beta_end`.
    BetaSchedule, "beta_schedule" {
        /// `linspace(beta_start, beta_end, T)` (Ho et al. 2020).
        Linear = "linear",
        /// `linspace(sqrt(beta_start), sqrt(beta_end), T)^2`, the quadratic schedule.
        ScaledLinear = "scaled_linear",
        /// The cosine schedule of Nichol & Dhariwal 2021, eq. 17; it ignores `beta_start` and `beta_end`.
        SquaredcosCapV2 = "squaredcos_cap_v2",
        /// `sigmoid(linspace(-6, 6, T)) * (beta_end - beta_start) + beta_start`.
        Sigmoid = "sigmoid",
    }
}

named! {
    /// What the network's output means.
    PredictionType, "prediction_type" {
        /// The noise epsilon (Ho et al. 2020, eq. 14).
        Epsilon = "epsilon",
        /// The clean image x_0.
        Sample = "sample",
        /// v = sqrt(abar) epsilon - sqrt(1 - abar) x_0 (Salimans & Ho 2022, arXiv 2202.00512).
        VPrediction = "v_prediction",
        /// The velocity of flow matching, epsilon - x_0, on its own schedule (Lipman et al. 2022, arXiv 2210.02747).
        Flow = "flow",
    }
}

named! {
    /// The variance sigma^2 of the reverse step (Ho et al. 2020, section 3.2).
    VarianceType, "variance_type" {
        /// beta~_t, the variance of the posterior (eq. 7).
        FixedSmall = "fixed_small",
        /// The same number, by way of its logarithm.
        FixedSmallLog = "fixed_small_log",
        /// beta_t.
        FixedLarge = "fixed_large",
        /// beta_t, by way of its logarithm.
        FixedLargeLog = "fixed_large_log",
        /// The second half of the network's channels is sigma^2 itself.
        Learned = "learned",
        /// The second half of the channels blends log beta_t and log beta~_t (Nichol & Dhariwal 2021, eq. 15).
        LearnedRange = "learned_range",
    }
}

impl VarianceType {
    /// Whether the network has twice the channels: the prediction, then what the variance is made of.
    pub fn is_learned(self) -> bool {
        matches!(self, Self::Learned | Self::LearnedRange)
    }

    /// The outputs of the network for this many channels, or values, of an image: twice as many if the variance is learned.
    pub fn outputs(self, inputs: usize) -> usize {
        if self.is_learned() {
            2 * inputs
        } else {
            inputs
        }
    }
}

named! {
    /// Which of the T timesteps a shorter chain visits (Lin et al. 2023, arXiv 2305.08891, table 2).
    Spacing, "timestep_spacing" {
        /// Multiples of T // N from 0 up: the last training timestep is not visited.
        Leading = "leading",
        /// From 0 to T - 1, both visited.
        Linspace = "linspace",
        /// Multiples of T / N from T - 1 down: timestep 0 is not visited.
        Trailing = "trailing",
    }
}

named! {
    /// Where DPM-Solver++ ends.
    FinalSigmas, "final_sigmas_type" {
        /// In the clean image, sigma = 0.
        Zero = "zero",
        /// In the noise of timestep 0.
        SigmaMin = "sigma_min",
    }
}

/// A scheduler configuration: diffusers' `DDPMScheduler`, with the keys of `DDIMScheduler`,
/// `DPMSolverMultistepScheduler` and `FlowMatchEulerDiscreteScheduler` that change numbers. The default is the chain of Ho et al. 2020.
///
/// Read and written in `json.rs`: what serde derives here is the list of keys, which that completes to diffusers' format.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self", default)]
pub struct SchedulerConfig {
    /// T, the length of the chain that the model is trained on.
    pub num_train_timesteps: usize,
    /// beta at timestep 0, in (0, 1).
    pub beta_start: f64,
    /// beta at timestep T - 1, in (0, 1).
    pub beta_end: f64,
    /// How beta runs between them.
    pub beta_schedule: BetaSchedule,
    /// The betas themselves, T of them; they take precedence over `beta_schedule`.
    pub trained_betas: Option<Vec<f64>>,
    /// What the network's output means.
    pub prediction_type: PredictionType,
    /// The variance of a DDPM step.
    pub variance_type: VarianceType,
    /// Clip x_0-hat to `[-clip_sample_range, clip_sample_range]` (DDPM and DDIM).
    pub clip_sample: bool,
    /// Whether the file itself says so. DDPM and DDIM clip where it is silent, Heun does not.
    #[serde(skip, default = "stated")]
    pub clip_sample_stated: bool,
    /// The bound of that clipping.
    pub clip_sample_range: f64,
    /// Dynamic thresholding of x_0-hat, instead of clipping (Saharia et al. 2022, arXiv 2205.11487).
    pub thresholding: bool,
    /// The quantile of |x_0-hat| that it brings to 1, in [0, 1].
    pub dynamic_thresholding_ratio: f64,
    /// The largest value that this quantile may take.
    pub sample_max_value: f64,
    /// Which timesteps a shorter chain visits.
    pub timestep_spacing: Spacing,
    /// Added to every timestep of the leading spacing.
    pub steps_offset: usize,
    /// Rescale the betas so that nothing of x_0 is left at the last timestep (Lin et al. 2023).
    pub rescale_betas_zero_snr: bool,
    /// DDIM: the last step ends at abar = 1 (true) or at abar_0 (false).
    pub set_alpha_to_one: bool,
    /// DPM-Solver++: 1 or 2.
    pub solver_order: usize,
    /// DPM-Solver++: the last step is first order when there are fewer than 15.
    pub lower_order_final: bool,
    /// DPM-Solver++: the last step is first order.
    pub euler_at_final: bool,
    /// DPM-Solver++: where it ends.
    pub final_sigmas_type: FinalSigmas,
    /// DPM-Solver++: timesteps whose lambda lies below are not visited; `-inf` visits them all. See
    /// [`lambda_min`](Self::lambda_min) for `None`.
    pub lambda_min_clipped: Option<f64>,
    /// Euler, Heun, DPM-Solver++ and UniPC: noise levels spaced as Karras et al. 2022 (arXiv 2206.00364, eq. 5) space them,
    /// rho = 7.
    pub use_karras_sigmas: bool,
    /// Flow matching: how far the visited noise levels are moved towards noise; 1 leaves them where they are.
    pub shift: f64,
    /// Noise levels that the file states themselves, in place of betas.
    #[serde(skip)]
    pub exploding: Option<Exploding>,
}

impl Default for SchedulerConfig {
    fn default() -> Self {
        Self {
            num_train_timesteps: 1000,
            beta_start: 1e-4,
            beta_end: 0.02,
            beta_schedule: BetaSchedule::Linear,
            trained_betas: None,
            prediction_type: PredictionType::Epsilon,
            variance_type: VarianceType::FixedSmall,
            clip_sample: true,
            clip_sample_stated: true,
            clip_sample_range: 1.0,
            thresholding: false,
            dynamic_thresholding_ratio: 0.995,
            sample_max_value: 1.0,
            timestep_spacing: Spacing::Leading,
            steps_offset: 0,
            rescale_betas_zero_snr: false,
            set_alpha_to_one: true,
            solver_order: 2,
            lower_order_final: true,
            euler_at_final: false,
            final_sigmas_type: FinalSigmas::Zero,
            lambda_min_clipped: None,
            use_karras_sigmas: false,
            shift: 1.0,
            exploding: None,
        }
    }
}

/// What is no file's is stated by whoever makes it.
fn stated() -> bool {
    true
}

/// Where DPM-Solver++ begins on a cosine schedule of which nothing else is said; diffusers advises it, because the steps
/// below lead far out of the range of images.
const LAMBDA_MIN_OF_COSINE: f64 = -5.1;

impl SchedulerConfig {
    /// The least lambda that DPM-Solver++ visits: as stated, or else -5.1 on the cosine schedule and none on the others.
    pub fn lambda_min(&self) -> f64 {
        let cosine = self.beta_schedule == BetaSchedule::SquaredcosCapV2
            && self.trained_betas.is_none()
            && self.prediction_type != PredictionType::Flow;
        self.lambda_min_clipped.unwrap_or(if cosine {
            LAMBDA_MIN_OF_COSINE
        } else {
            f64::NEG_INFINITY
        })
    }

    /// Refuses, by the name of its key, every value that no chain can be made of.
    pub fn validate(&self) -> Result<(), ScheduleError> {
        let key = |key: &str, reason: String| {
            let key = key.to_owned();
            Err(ScheduleError::Key { key, reason })
        };
        let count = self.num_train_timesteps;
        if count == 0 {
            return key(
                "num_train_timesteps",
                "is 0; a chain needs at least one timestep".into(),
            );
        }
        if count > MAX_TRAIN_TIMESTEPS {
            return key(
                "num_train_timesteps",
                format!("is {count}; at most {MAX_TRAIN_TIMESTEPS} are accepted"),
            );
        }
        for (name, beta) in [("beta_start", self.beta_start), ("beta_end", self.beta_end)] {
            // The cosine schedule and trained betas do not look at these two.
            let used = self.trained_betas.is_none()
                && self.beta_schedule != BetaSchedule::SquaredcosCapV2
                && self.prediction_type != PredictionType::Flow;
            if used && !(beta > 0.0 && beta < 1.0) {
                return key(name, format!("is {beta}; it must lie in (0, 1)"));
            }
        }
        if let Some(betas) = &self.trained_betas
            && betas.len() != count
        {
            let found = betas.len();
            return key(
                "trained_betas",
                format!("has {found} values for `num_train_timesteps` = {count}"),
            );
        }
        for (name, bound) in [
            ("clip_sample_range", self.clip_sample_range),
            ("sample_max_value", self.sample_max_value),
            ("shift", self.shift),
        ] {
            if !(bound > 0.0 && bound.is_finite()) {
                return key(name, format!("is {bound}; it must be positive"));
            }
        }
        if !(0.0..=1.0).contains(&self.dynamic_thresholding_ratio) {
            let ratio = self.dynamic_thresholding_ratio;
            return key(
                "dynamic_thresholding_ratio",
                format!("is {ratio}; it must lie in [0, 1]"),
            );
        }
        if !(1..=2).contains(&self.solver_order) {
            return Err(ScheduleError::NotBuilt {
                key: "solver_order",
                value: self.solver_order.to_string(),
                expected: "use 1 or 2",
            });
        }
        if self.prediction_type == PredictionType::Flow && self.variance_type.is_learned() {
            return Err(ScheduleError::NotBuilt {
                key: "variance_type",
                value: self.variance_type.to_string(),
                expected: "flow matching has no variance to learn",
            });
        }
        if let Some(levels) = &self.exploding {
            levels.validate()?;
        }
        if self.lambda_min_clipped.is_some_and(f64::is_nan) {
            return key("lambda_min_clipped", "is not a number".into());
        }
        Ok(())
    }
}

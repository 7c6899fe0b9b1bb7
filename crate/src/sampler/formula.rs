//! A step as a formula: how much of what is in x_prev. Samplers state it, and whoever has the numbers works it out: the host
//! here, in double precision, or a GPU where the network is.

use crate::diffusion::{Transition, add_scaled, linear_combination};
use crate::schedule::VarianceType;

use super::prediction::Prediction;
use super::{SamplerError, StepInput, noise_of, same_length};

/// Something that a step is made of, in the shape of x_t.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The state before the step, corrected.
    XT,
    /// x_0-hat.
    X0,
    /// eps-hat.
    Eps,
    /// x_0-hat of the step before.
    X0Before,
    /// That of the step before that.
    X0TwoBefore,
}

/// How much noise is added to a step's mean.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Spread {
    /// This standard deviation.
    Fixed(f64),
    /// The one that the network's second output chooses for this step (Nichol & Dhariwal 2021, eq. 15).
    LearnedRange(Transition),
    /// The root of the network's second output at this timestep.
    Learned(usize),
}

/// x_prev as a sum, each part with its factor.
#[derive(Debug, Clone, PartialEq)]
pub struct Formula {
    /// abar of the noise level at which the network's output for x_t is read.
    pub alpha_cumprod: f64,
    /// What a corrector adds to x_t before the step.
    pub corrections: Vec<(f64, Part)>,
    /// The two parts that the step begins with.
    pub first: [(f64, Part); 2],
    /// What is added to them, one after the other.
    pub then: Vec<(f64, Part)>,
    /// The noise at the end, if any.
    pub noise: Option<Spread>,
}

impl Formula {
    /// A step that is two parts.
    pub(super) fn of(alpha_cumprod: f64, first: [(f64, Part); 2]) -> Self {
        Self {
            alpha_cumprod,
            corrections: Vec::new(),
            first,
            then: Vec::new(),
            noise: None,
        }
    }

    /// The factor of each part in x_prev, in the order of [`Part`], with x_t as it was before the corrector.
    pub fn factors(&self) -> [f64; 5] {
        let mut factors = [0.0; 5];
        for (factor, part) in self.first.iter().chain(&self.then) {
            factors[*part as usize] += factor;
        }
        let of_x_t = factors[Part::XT as usize];
        for (factor, part) in &self.corrections {
            factors[*part as usize] += of_x_t * factor;
        }
        factors
    }

    /// x_prev, in the shape of x_t.
    pub(super) fn apply(
        &self,
        input: &StepInput<'_>,
        read: &Prediction,
        timestep: usize,
    ) -> Result<Vec<f32>, SamplerError> {
        let mut corrected = input.x_t.to_vec();
        for &(factor, part) in &self.corrections {
            add_scaled(factor, of(part, input.x_t, input, read)?, &mut corrected);
        }
        let mut x_prev = vec![0.0; corrected.len()];
        let [(a, x), (b, y)] = self.first;
        let [x, y] = [x, y].map(|part| of(part, &corrected, input, read));
        linear_combination(a, x?, b, y?, &mut x_prev);
        for &(factor, part) in &self.then {
            add_scaled(factor, of(part, &corrected, input, read)?, &mut x_prev);
        }
        if let Some(spread) = self.noise {
            spread.add(noise_of(input, timestep)?, read, &mut x_prev)?;
        }
        Ok(x_prev)
    }
}

impl Spread {
    /// The noise of a step of DDPM.
    pub(super) fn of(transition: Transition, variance_type: VarianceType, timestep: usize) -> Self {
        match (transition.fixed_variance(variance_type), variance_type) {
            (Some(variance), _) => Self::Fixed(variance.sqrt()),
            (None, VarianceType::LearnedRange) => Self::LearnedRange(transition),
            (None, _) => Self::Learned(timestep),
        }
    }

    /// Adds noise z to `x`.
    fn add(self, z: &[f32], read: &Prediction, x: &mut [f32]) -> Result<(), SamplerError> {
        if let Self::Fixed(sigma) = self {
            add_scaled(sigma, z, x);
            return Ok(());
        }
        let predicted = read.variance.as_deref().unwrap_or_default();
        same_length("the learned variance", predicted, z.len())?;
        for ((x, &z), &v) in x.iter_mut().zip(z).zip(predicted) {
            *x = (f64::from(*x) + self.sigma(v)? * f64::from(z)) as f32;
        }
        Ok(())
    }

    /// The standard deviation of one value, from the network's second output for it.
    ///
    /// # Errors
    /// A variance that is negative or not a number.
    fn sigma(self, v: f32) -> Result<f64, SamplerError> {
        match self {
            Self::Fixed(sigma) => Ok(sigma),
            Self::LearnedRange(transition) => {
                Ok((0.5 * transition.learned_range_log_variance(f64::from(v))).exp())
            }
            Self::Learned(_) if v >= 0.0 => Ok(f64::from(v).sqrt()),
            Self::Learned(timestep) => Err(SamplerError::Variance { timestep, value: v }),
        }
    }
}

/// The numbers of a part.
fn of<'a>(
    part: Part,
    x_t: &'a [f32],
    input: &StepInput<'a>,
    read: &'a Prediction,
) -> Result<&'a [f32], SamplerError> {
    let known = |what, before: Option<&'a [f32]>| {
        let before = before.unwrap_or_default();
        same_length(what, before, x_t.len())?;
        Ok(before)
    };
    match part {
        Part::XT => Ok(x_t),
        Part::X0 => Ok(&read.x_0),
        Part::Eps => Ok(&read.eps),
        Part::X0Before => known("x_0_before", input.x_0_before),
        Part::X0TwoBefore => known("x_0_two_before", input.x_0_two_before),
    }
}

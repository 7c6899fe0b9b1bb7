//! Continuing elsewhere: what has to be kept of a chain so that a new one takes the remaining steps.

use super::checks::{check_values, refuse};
use super::{Chain, ChainError};

/// A chain between two steps. With the options it was built from, it says all that the rest of the walk depends on: the
/// noise stream is a function of the seed and of how many draws were made.
#[derive(Debug, Clone, PartialEq)]
pub struct ChainState {
    /// How many steps have been made.
    pub index: usize,
    /// The state, [n, c, h, w].
    pub x_t: Vec<f32>,
    /// x_0-hat of the step before, which DPM-Solver++(2M) builds on; `None` before the first step.
    pub x_0_before: Option<Vec<f32>>,
    /// That of the step before that, for UniPC; `None` before the second step.
    pub x_0_two_before: Option<Vec<f32>>,
}

impl Chain {
    /// Where the chain is.
    pub fn state(&self) -> ChainState {
        ChainState {
            index: self.index,
            x_t: self.x_t.clone(),
            x_0_before: self.x_0_before.clone(),
            x_0_two_before: self.x_0_two_before.clone(),
        }
    }

    /// Moves a chain that has made no step yet to where one with the same options was: the same noise comes next.
    ///
    /// # Errors
    /// [`ChainError::Option`] where the state is not one of such a chain.
    pub fn resume(mut self, state: ChainState) -> Result<Self, ChainError> {
        let ChainState {
            index,
            x_t,
            x_0_before,
            x_0_two_before,
        } = state;
        if self.index > 0 {
            return Err(refuse(
                "resume",
                "this chain has already made steps; use a new one",
            ));
        }
        let steps = self.timesteps.len();
        if index > steps {
            let reason = format!("index is {index}, but the walk has only {steps} steps");
            return Err(refuse("resume", reason));
        }
        if (index > 0) != x_0_before.is_some() {
            return Err(refuse(
                "resume",
                "x_0_before must be given for index 1 and above, and only then",
            ));
        }
        if (index > 1) != x_0_two_before.is_some() {
            return Err(refuse(
                "resume",
                "x_0_two_before must be given for index 2 and above, and only then",
            ));
        }
        let n = self.x_t.len();
        check_values("resume", "x_t", &x_t, n)?;
        for (what, values) in [
            ("x_0_before", &x_0_before),
            ("x_0_two_before", &x_0_two_before),
        ] {
            if let Some(values) = values {
                check_values("resume", what, values, n)?;
            }
        }
        // A draw is more than a number of values, so the stream is taken through the same draws.
        let (mut stream, mut scratch) = (self.noise.clone(), vec![0.0; n]);
        for step in 0..index {
            if self.sampler.draws_noise(self.visits[step]) {
                stream.fill_normal(&mut scratch);
            }
            self.inpaint(step, &mut scratch, &mut stream);
        }
        self.noise = stream;
        self.index = index;
        self.x_t = x_t;
        self.x_0_before = x_0_before;
        self.x_0_two_before = x_0_two_before;
        Ok(self)
    }
}

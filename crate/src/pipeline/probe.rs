//! Known answers: the inputs that devices are checked with, and what the network says to them.

use super::{Pipeline, PipelineError};
use crate::denoiser::Denoiser;
use crate::diffusion::scaled;
use crate::noise::NoiseStream;
use serde::{Deserialize, Serialize};

/// A fixed input of the device check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GoldenInput {
    /// Seed of the noise that stands for x_t.
    pub seed: u64,
    /// The timestep.
    pub timestep: usize,
    /// The label, in class-conditional models.
    pub label: Option<usize>,
}

/// `golden.json`: this model's output for the first of these inputs, computed where it was exported.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Golden {
    /// The input.
    #[serde(flatten)]
    pub input: GoldenInput,
    /// The model output, `[out_channels, h, w]`.
    pub eps: Vec<f32>,
}

impl Pipeline {
    /// The inputs that devices are checked with: noise of seed 0 at the middle timestep, label 3 or the last one, and others
    /// near both ends of the chain.
    pub fn probes(&self) -> [GoldenInput; 3] {
        let (steps, classes) = (
            self.scheduler.num_train_timesteps,
            self.spec().num_class_embeds,
        );
        let last = steps.saturating_sub(1);
        let input = |seed, timestep: usize, label| GoldenInput {
            seed,
            timestep: timestep.min(last),
            label: classes.map(|classes| label % classes),
        };
        // Some networks have no answer at timestep 0.
        let early = (steps / 50).max(1);
        [
            input(0, steps / 2, 3),
            input(1, last, 4),
            input(2, early, 5),
        ]
    }

    /// The first of them.
    pub fn golden_input(&self) -> GoldenInput {
        let [golden, ..] = self.probes();
        golden
    }

    /// The model output for [`golden_input`](Self::golden_input), `[out_channels, h, w]`.
    ///
    /// # Errors
    /// The device failed.
    pub async fn golden_output(&self) -> Result<Vec<f32>, PipelineError> {
        self.probe(&self.golden_input()).await
    }

    /// The model output for one of the [`probes`](Self::probes), `[out_channels, h, w]`.
    ///
    /// # Errors
    /// The device failed.
    pub async fn probe(&self, input: &GoldenInput) -> Result<Vec<f32>, PipelineError> {
        let (x_t, shape, labels) = self.probed(input);
        self.predict(&x_t, shape, input.timestep, labels.as_deref())
            .await
    }

    /// The same as the CPU computes it, wherever the network is evaluated otherwise.
    ///
    /// # Errors
    /// The network has no answer at the timestep.
    pub fn probe_on_cpu(&self, input: &GoldenInput) -> Result<Vec<f32>, PipelineError> {
        let (x_t, shape, labels) = self.probed(input);
        let asked = self.asked(input.timestep as f32);
        self.check_time(asked.time)?;
        let given = scaled(&x_t, asked.scale).into_owned();
        let output = (self.unet).predict(given, shape, &[asked.time], labels.as_deref()); // [1, out_channels, h, w]
        Ok(asked.answered(&x_t, output))
    }

    /// x_t, its shape and labels.
    fn probed(&self, input: &GoldenInput) -> (Vec<f32>, [usize; 4], Option<Vec<usize>>) {
        let spec = self.spec();
        let x_t = NoiseStream::new(input.seed).normal(spec.channels * spec.height * spec.width);
        let shape = [1, spec.channels, spec.height, spec.width];
        (x_t, shape, input.label.map(|label| vec![label]))
    }
}

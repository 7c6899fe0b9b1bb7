//! The reverse chain: the state, one step at a time, and what a step reveals.
//!
//! A [`Chain`] owns x_t, the noise stream and what the sampler remembers. It does not own the
//! network: anything that implements [`Denoiser`] will do. One stream serves a whole run: x_T is
//! its first draw, each stochastic step draws once more, all in the shape of x_t. That is the order
//! of diffusers' `DDPMPipeline`, so that a seed means the same images there and here.

mod batches;
mod checks;
mod error;
mod inpaint;
mod known;
mod resume;
mod route;

pub use crate::denoiser::{Denoiser, Kept, Leg, ModelSpec, Reached, Route};
pub use batches::InBatches;
pub use error::ChainError;
pub use inpaint::Inpaint;
pub use known::KnownImage;
pub use resume::ChainState;

use crate::diffusion::Transition;
use crate::noise::NoiseStream;
use crate::sampler::{
    Sampler, SamplerError, SamplerKind, SamplerOptions, StepInput, StepOutput, guidance, sampler,
};
use crate::schedule::{SchedulerConfig, Spacing};

pub use checks::MAX_VALUES;
pub(crate) use checks::labels_of;
use checks::{check_channels, guidance_of, refuse, start_of, volume};
use inpaint::Inpainting;

/// How to walk.
#[derive(Debug, Clone, PartialEq)]
pub struct ChainOptions {
    /// Seed of the noise stream; its low 32 bits matter.
    pub seed: u64,
    /// n, the number of images, at least 1.
    pub count: usize,
    /// One label for each image; `None` means the null label in a class-conditional model.
    pub labels: Option<Vec<usize>>,
    /// w of classifier-free guidance; 1 is the plain conditional model, in one batch of n.
    pub guidance_scale: f64,
    /// How much of the contrast that guidance adds is removed again, in [0, 1].
    pub guidance_rescale: f64,
    /// The algorithm.
    pub sampler: SamplerKind,
    /// N, between 1 and T: the steps of the whole way from noise.
    pub num_inference_steps: usize,
    /// DDIM's eta, in [0, 1].
    pub eta: f64,
    /// Which timesteps; `None` takes the configuration's, and linspace for DPM-Solver++.
    pub spacing: Option<Spacing>,
    /// Start here instead of in noise.
    pub from: Option<Start>,
    /// Keep a part of known images and make the rest.
    pub inpaint: Option<Inpaint>,
}

impl Default for ChainOptions {
    /// One image, all 1000 steps of DDPM, no guidance.
    fn default() -> Self {
        Self {
            seed: 0,
            count: 1,
            labels: None,
            guidance_scale: 1.0,
            guidance_rescale: 0.0,
            sampler: SamplerKind::Ddpm,
            num_inference_steps: 1000,
            eta: 0.0,
            spacing: None,
            from: None,
            inpaint: None,
        }
    }
}

/// A state to start from: images at the noise level of a timestep.
///
/// The walk evaluates the network at `timestep` first and then at the timesteps of the list below
/// it. [`SamplerKind::DdimInverse`] starts in clean images and wants timestep 0.
#[derive(Debug, Clone, PartialEq)]
pub struct Start {
    /// The images, [n, c, h, w].
    pub x_t: Vec<f32>,
    /// Their timestep, below T.
    pub timestep: usize,
}

/// What one step did.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Which step it was, counted from 0.
    pub index: usize,
    /// The timestep at which the network was evaluated.
    pub timestep: usize,
    /// The state before the step, which the network was asked about, [n, c, h, w].
    pub x_t: Vec<f32>,
    /// The state after the step, [n, c, h, w].
    pub x_prev: Vec<f32>,
    /// x_0-hat: the clean images as the network saw them in this step.
    pub x_0: Vec<f32>,
    /// eps-hat: the noise as the network saw it in this step.
    pub eps: Vec<f32>,
    /// Whether it was the last step; then `x_prev` is the result.
    pub done: bool,
}

/// A walk of n images through the timesteps of a sampler.
pub struct Chain {
    sampler: Box<dyn Sampler>,
    /// The sampler's steps in the order they are made; each once, except in inpainting.
    visits: Vec<usize>,
    /// The timestep of each visit.
    timesteps: Vec<usize>,
    /// The noise level of the state before each visit, and after the last.
    alphas_cumprod: Vec<f64>,
    inpainting: Option<Inpainting>,
    shape: [usize; 4],
    out_channels: usize,
    x_t: Vec<f32>,
    x_0_before: Option<Vec<f32>>,
    x_0_two_before: Option<Vec<f32>>,
    noise: NoiseStream,
    index: usize,
    labels: Option<Vec<usize>>,
    guidance: Option<Guidance>,
    /// The walk as a device can make it; `None` where the host makes it.
    route: Option<Route>,
    /// What the device keeps of it.
    kept: Kept,
}

#[derive(Debug, Clone, Copy)]
struct Guidance {
    scale: f64,
    rescale: f64,
    null_label: usize,
}

impl Chain {
    /// A chain before its first step; refuses by name what the model or the schedule cannot do.
    pub fn new(
        scheduler: &SchedulerConfig,
        model: &ModelSpec,
        options: ChainOptions,
    ) -> Result<Self, ChainError> {
        check_channels(scheduler, model)?;
        let shape = [options.count, model.channels, model.height, model.width];
        let values = volume(shape)?;
        let labels = labels_of(model, options.labels.as_deref(), options.count)?;
        let guidance = guidance_of(model, &options)?;
        let inverse = options.sampler == SamplerKind::DdimInverse;
        let start = options.from.as_ref().map(|from| from.timestep);
        let sampler = sampler(
            scheduler,
            &SamplerOptions {
                kind: options.sampler,
                num_inference_steps: options.num_inference_steps,
                eta: options.eta,
                spacing: options.spacing,
                start: start.filter(|_| !inverse),
            },
        )?;
        let inpainting = match options.inpaint.clone() {
            Some(inpaint) => Some(Inpainting::new(inpaint, &options, sampler.as_ref(), shape)?),
            None => None,
        };
        let visits = match &inpainting {
            Some(inpainting) => inpainting.visits(),
            None => (0..sampler.timesteps().len()).collect(),
        };
        let timesteps = visits.iter().map(|&i| sampler.timesteps()[i]).collect();
        let alphas_cumprod = levels(sampler.as_ref(), &visits, inverse)?;
        let mut noise = NoiseStream::new(options.seed);
        let x_t = match options.from {
            None if inverse => return Err(refuse("from", "an inversion starts from images")),
            None => {
                let mut x_t = noise.normal(values);
                let scale = sampler.start_scale() as f32;
                x_t.iter_mut().for_each(|value| *value *= scale);
                x_t
            }
            Some(from) => start_of(from, values, inverse)?,
        };
        let chain = Self {
            sampler,
            visits,
            timesteps,
            alphas_cumprod,
            inpainting,
            shape,
            out_channels: model.out_channels,
            x_t,
            x_0_before: None,
            x_0_two_before: None,
            noise,
            index: 0,
            labels,
            guidance,
            route: None,
            kept: None,
        };
        let route = chain.route();
        Ok(Self { route, ..chain })
    }

    /// The current state, [n, c, h, w].
    pub fn x_t(&self) -> &[f32] {
        &self.x_t
    }

    /// n, c, h, w.
    pub fn shape(&self) -> [usize; 4] {
        self.shape
    }

    /// The timesteps at which the network is evaluated, in the order of the walk.
    pub fn timesteps(&self) -> &[usize] {
        &self.timesteps
    }

    /// abar of the state before every step and after the last: one more than there are [`timesteps`](Self::timesteps). A
    /// step need not end at the level of the next timestep: DDIM's ends T // N below its own.
    pub fn alphas_cumprod(&self) -> &[f64] {
        &self.alphas_cumprod
    }

    /// x_0-hat of the step before the last, in the shape of the state; `None` before two steps have been made.
    #[cfg(target_arch = "wasm32")]
    pub(crate) fn x_0_before(&self) -> Option<&[f32]> {
        self.x_0_two_before.as_deref()
    }

    /// How many steps have been made.
    pub fn index(&self) -> usize {
        self.index
    }

    /// Whether there is no step left.
    pub fn is_done(&self) -> bool {
        self.index >= self.timesteps().len()
    }

    /// One step. After an error the chain is where it was before.
    ///
    /// # Errors
    /// No step is left, the network failed, or a number is not finite.
    pub async fn step<D: Denoiser>(&mut self, model: &D) -> Result<Step, ChainError<D::Error>> {
        self.advance(model, 1).await
    }

    /// So many steps, or as many as are left, of which only the last is shown: a network on a device takes them there
    /// without waiting in between. After an error the chain is where it was before, or at a step on the way.
    ///
    /// # Errors
    /// As [`step`](Self::step).
    pub async fn advance<D: Denoiser>(
        &mut self,
        model: &D,
        steps: usize,
    ) -> Result<Step, ChainError<D::Error>> {
        let left = self.timesteps.len() - self.index;
        let steps = steps.min(left).max(1);
        if left > 0
            && let Some(step) = self.walk(model, steps).await?
        {
            return Ok(step);
        }
        let mut last = self.step_here(model).await?;
        for _ in 1..steps {
            last = self.step_here(model).await?;
        }
        Ok(last)
    }

    /// Has the model take the steps where it is; `None` if it cannot.
    async fn walk<D: Denoiser>(
        &mut self,
        model: &D,
        steps: usize,
    ) -> Result<Option<Step>, ChainError<D::Error>> {
        let Some(route) = &self.route else {
            return Ok(None);
        };
        let mut noise = self.noise.clone();
        let leg = Leg {
            route,
            index: self.index,
            steps,
            x_t: &self.x_t,
            x_0_before: self.x_0_before.as_deref(),
            x_0_two_before: self.x_0_two_before.as_deref(),
            noise: &mut noise,
            at_most: usize::MAX,
            kept: &mut self.kept,
        };
        let walked = model.walk(leg).await.map_err(|source| ChainError::Model {
            timestep: self.timesteps[self.index],
            source,
        })?;
        let Some(reached) = walked else {
            // From here on the host makes the steps, and says what is wrong with one, if something is.
            (self.route, self.kept) = (None, None);
            return Ok(None);
        };
        self.noise = noise;
        self.index += steps - 1;
        if let Some(x_0_before) = reached.x_0_before {
            self.x_0_before = Some(x_0_before);
        }
        if let Some(x_t) = reached.x_t {
            self.x_t = x_t;
        }
        let output = StepOutput {
            x_prev: reached.x_prev,
            x_0: reached.x_0,
            eps: reached.eps,
        };
        Ok(Some(self.arrive(output)))
    }

    /// The step at the index has come to this.
    fn arrive(&mut self, output: StepOutput) -> Step {
        let index = self.index;
        self.index += 1;
        self.x_0_two_before = self.x_0_before.replace(output.x_0.clone());
        Step {
            index,
            timestep: self.timesteps[index],
            x_t: std::mem::replace(&mut self.x_t, output.x_prev.clone()),
            x_prev: output.x_prev,
            x_0: output.x_0,
            eps: output.eps,
            done: self.is_done(),
        }
    }

    /// One step, with only the network's evaluation elsewhere.
    async fn step_here<D: Denoiser>(&mut self, model: &D) -> Result<Step, ChainError<D::Error>> {
        let (index, steps) = (self.index, self.timesteps().len());
        let timestep = *self.timesteps().get(index).ok_or(ChainError::Done(steps))?;
        let visit = self.visits[index];
        let model_output = self
            .predict(model, timestep, self.sampler.time(visit))
            .await?;

        let mut stream = self.noise.clone();
        let draws = self.sampler.draws_noise(visit);
        let noise = draws.then(|| stream.normal(self.x_t.len()));
        let input = StepInput {
            count: self.shape[0],
            x_t: &self.x_t,
            model_output: &model_output,
            noise: noise.as_deref(),
            x_0_before: self.x_0_before.as_deref(),
            x_0_two_before: self.x_0_two_before.as_deref(),
        };
        let mut output = self.sampler.step(visit, &input)?;
        self.inpaint(index, &mut output.x_prev, &mut stream);
        for (what, values) in [
            ("eps", &output.eps),
            ("x_0", &output.x_0),
            ("x_prev", &output.x_prev),
        ] {
            self.check_finite(what, values)?;
        }

        self.noise = stream;
        Ok(self.arrive(output))
    }

    /// What inpainting does to the state `x` that the step at `index` ended in.
    fn inpaint(&self, index: usize, x: &mut Vec<f32>, stream: &mut NoiseStream) {
        let (Some(inpainting), Some(&visit)) = (&self.inpainting, self.visits.get(index)) else {
            return;
        };
        inpainting.keep(visit, x, stream);
        if self.visits.get(index + 1) == Some(&visit) {
            inpainting.noise_again(visit, x, stream);
        }
    }

    /// Refuses the output of the current step unless all of it is finite.
    fn check_finite<E: std::error::Error>(
        &self,
        what: &'static str,
        values: &[f32],
    ) -> Result<(), ChainError<E>> {
        match values.iter().find(|value| !value.is_finite()) {
            None => Ok(()),
            Some(&value) => Err(ChainError::NotFinite {
                step: self.index + 1,
                steps: self.timesteps.len(),
                timestep: self.timesteps.get(self.index).copied().unwrap_or(0),
                what,
                value,
            }),
        }
    }

    /// The network's output for the current state, guided if guidance is on.
    async fn predict<D: Denoiser>(
        &self,
        model: &D,
        timestep: usize,
        time: f32,
    ) -> Result<Vec<f32>, ChainError<D::Error>> {
        let [n, channels, height, width] = self.shape;
        let (mut x, labels, mut shape) = (self.x_t.clone(), self.labels_of_batch(), self.shape);
        if self.guidance.is_some() {
            x.extend_from_within(..);
            shape[0] = 2 * n;
        }
        let output = model
            .predict_at(&x, shape, time, labels.as_deref())
            .await
            .map_err(|source| ChainError::Model { timestep, source })?;

        let per_image = self.out_channels * height * width;
        let (found, expected) = (output.len(), shape[0] * per_image);
        if found != expected {
            return Err(ChainError::Output {
                timestep,
                found,
                expected,
            });
        }
        self.check_finite("the network's output", &output)?;
        let predicted = channels * height * width;
        Ok(match self.guidance {
            Some(Guidance { scale, rescale, .. }) => {
                guidance::combine(&output, per_image, predicted, scale, rescale)
            }
            None => output,
        })
    }
}

/// The noise level before each of the `visits` to the sampler's steps, and after the last.
fn levels(
    sampler: &dyn Sampler,
    visits: &[usize],
    inverse: bool,
) -> Result<Vec<f64>, SamplerError> {
    let mut levels = Vec::with_capacity(visits.len() + 1);
    for (i, &visit) in visits.iter().enumerate() {
        let Transition {
            alpha_cumprod: at,
            alpha_cumprod_prev: prev,
        } = sampler.transition(visit)?;
        let (before, after) = if inverse { (prev, at) } else { (at, prev) };
        if i == 0 {
            levels.push(before);
        }
        // A step that is made again starts where it started before.
        let again = visits.get(i + 1) == Some(&visit);
        levels.push(if again { before } else { after });
    }
    Ok(levels)
}

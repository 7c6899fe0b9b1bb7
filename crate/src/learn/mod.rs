//! Learning from a few examples, in the page: a model is trained further on what a visitor has drawn, or a small one begins
//! with random weights.
//!
//! A step is that of [`train`](crate::train), which trains on sixty thousand images; only what it sees differs. A few drawings
//! are few, so each is varied whenever it is seen. A model that knew classes before sees those too, in every step, and is
//! held to what it said of them when learning began (Li & Hoiem 2017, arXiv 1606.09282): so it keeps them.
//!
//! | module | what is in it |
//! |---|---|
//! | `beginning` | where learning begins: a model with one label more, or a fresh network |
//! | `examples` | what is shown, and the batch of a step |
//! | `vary` | shift, turn, thickness, mirror |
//! | `descent`, `on_gpu` | the weights, and one step of gradient descent on the CPU or on a GPU |
//! | `kept` | all of it as bytes, to continue after a reload |
//!
//! Everything random follows from the seed and the number of the step.

mod beginning;
mod descent;
mod examples;
mod kept;
#[cfg(feature = "gpu")]
mod on_gpu;
mod vary;

pub use beginning::{Beginning, BeginningError};
pub use descent::{Descent, DeviceFailed, How, NotTaken, OnCpu, State, Taken};
pub use examples::{Drawn, Examples, Rehearsal};
pub use kept::KeptError;
#[cfg(feature = "gpu")]
pub use on_gpu::OnGpu;
pub use vary::Variation;

use crate::denoiser::Denoiser;
use crate::folder::ModelFolder;
use crate::noise::NoiseStream;
use crate::pipeline::{Labels, Pipeline, PipelineError};
use crate::schedule::{Schedule, ScheduleError, SchedulerConfig};
use crate::train::batches::Batch;
use crate::train::ema;
use crate::train::loss::{Loss, Objective};
use crate::unet::UNet;
use crate::unet::weights::StoredAs;
use burn::tensor::Device;
use examples::{joined, said_by};
use std::cell::RefCell;
use std::rc::Rc;
use thiserror::Error;

/// The most that the gradients' common norm may be.
const MAX_GRAD_NORM: f64 = 1.0;
/// Decay of the averaged weights: a visitor waits for hundreds of steps, not for thousands.
const EMA_DECAY: f64 = 0.98;
/// Steps over which the learning rate rises, while the optimiser has seen too little to trust it.
const WARMUP: u64 = 10;
/// Steps between two states that can be returned to.
const GOOD_EVERY: u64 = 25;

/// Why a step was not taken, or a model cannot be used.
#[derive(Debug, Error)]
pub enum LearnError {
    /// There is nothing to learn from.
    #[error("there are no examples to learn from; draw one, or choose some")]
    NoExamples,
    /// The loss or the gradients are not finite. The weights are those of the step before.
    #[error(
        "{what} is {value} at step {step}: learning has diverged. Undo, and continue with a lower learning rate"
    )]
    Diverged {
        /// The step that was not taken.
        step: u64,
        /// The first quantity of it that is not finite.
        what: &'static str,
        /// Its value.
        value: f64,
    },
    /// A timestep is not in the schedule.
    #[error(transparent)]
    Schedule(#[from] ScheduleError),
    /// The network gives no result, or its weights cannot be written.
    #[error(transparent)]
    Pipeline(#[from] PipelineError),
    /// The device that learns failed.
    #[error(transparent)]
    Device(#[from] DeviceFailed),
}

/// What one step reports.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepReport {
    /// Steps taken, this one included.
    pub step: u64,
    /// The loss of this batch.
    pub loss: f64,
    /// Norm of all gradients before clipping.
    pub grad_norm: f64,
    /// The learning rate.
    pub learning_rate: f64,
}

/// A model that learns from examples.
pub struct Learner<D = OnCpu> {
    descent: D,
    /// A state that can be returned to, and the one before it.
    good: Vec<(u64, State)>,
    /// The model as it is, since it was asked for last and no step has been taken.
    now: RefCell<Option<Rc<Pipeline>>>,
    step: u64,
    /// The model as it was when learning began; `None` where there was none.
    before: Option<Pipeline>,
    /// Its files.
    folder_before: Option<ModelFolder>,
    scheduler: SchedulerConfig,
    labels: Labels,
    /// The label of the examples; `None` in a model without labels.
    label: Option<usize>,
    objective: Objective,
    /// What is shown.
    pub examples: Examples,
    /// What is held to.
    pub rehearsal: Rehearsal,
    device: Device,
}

impl Learner {
    /// Begins to learn, on the CPU.
    ///
    /// # Errors
    /// The schedule of `beginning` makes none.
    pub fn new(beginning: Beginning, seed: u64) -> Result<Self, LearnError> {
        let device = beginning.device.clone();
        Self::with(beginning, seed, |state, _| Ok(OnCpu::new(state, &device)))
    }

    /// The network that learns.
    pub fn unet(&self) -> &UNet {
        self.descent.unet()
    }
}

#[cfg(feature = "gpu")]
impl Learner<OnGpu> {
    /// Begins to learn on the device of `client`.
    ///
    /// # Errors
    /// The network is not learned on a GPU, or the schedule of `beginning` makes none.
    pub fn on_gpu(
        beginning: Beginning,
        seed: u64,
        client: &'static cubecl::client::Client,
    ) -> Result<Self, LearnError> {
        Self::with(beginning, seed, |state, loss| {
            OnGpu::new(state, 0, loss, client)
        })
    }
}

impl<D: Descent> Learner<D> {
    /// Begins with the descent that `descent` makes of the first state.
    fn with(
        beginning: Beginning,
        seed: u64,
        descent: impl FnOnce(State, Loss) -> Result<D, DeviceFailed>,
    ) -> Result<Self, LearnError> {
        let Beginning {
            unet,
            mut before,
            folder,
            scheduler,
            labels,
            label,
            loss,
            device,
        } = beginning;
        let schedule = Schedule::new(&scheduler)?;
        let examples = Examples::new(unet.config(), label, seed);
        let state = State::fresh(unet);
        let descent = descent(state.clone(), loss)?;
        if let Some(before) = &mut before {
            descent.take_over(before)?;
        }
        let objective = Objective {
            loss,
            prediction_type: scheduler.prediction_type,
            schedule,
        };
        Ok(Self {
            good: vec![(0, state)],
            now: RefCell::default(),
            descent,
            step: 0,
            before,
            folder_before: folder,
            scheduler,
            labels,
            label,
            objective,
            examples,
            rehearsal: Rehearsal::default(),
            device,
        })
    }

    /// Steps taken.
    pub fn step(&self) -> u64 {
        self.step
    }

    /// Class names and null label, those of the examples among them.
    pub fn labels(&self) -> &Labels {
        &self.labels
    }

    /// The label of the examples; `None` in a model without labels.
    pub fn label(&self) -> Option<usize> {
        self.label
    }

    /// The scheduler's configuration.
    pub fn scheduler(&self) -> &SchedulerConfig {
        &self.scheduler
    }

    /// Lines 2 to 4 of Algorithm 1 for the next step: images, timesteps and noise. A call again draws the same.
    ///
    /// # Errors
    /// There are no examples, or the model as it was gives no result.
    pub async fn draw(&self) -> Result<Drawn, LearnError> {
        if self.examples.is_empty() {
            return Err(LearnError::NoExamples);
        }
        let schedule = &self.objective.schedule;
        let process = (schedule, self.scheduler.prediction_type);
        let mut drawn = self.examples.draw(self.step, process);
        if let Some(before) = &self.before {
            let null = self.labels.null;
            let held = self
                .rehearsal
                .draw(&self.examples, self.step, null, process);
            if let Some(held) = held {
                drawn.batch = joined(drawn.batch, said_by(before, held).await?);
            }
        }
        Ok(drawn)
    }

    /// Line 5 of Algorithm 1: a step of gradient descent on what was drawn.
    ///
    /// # Errors
    /// The loss or the gradients are not finite; the weights are those of the step before.
    pub async fn descend(
        &mut self,
        drawn: &Drawn,
        learning_rate: f64,
    ) -> Result<StepReport, LearnError> {
        let step = self.step + 1;
        let warmed = (step as f64 / WARMUP as f64).min(1.0);
        let learning_rate = learning_rate * warmed;
        let decay = ema::decay_at(step, EMA_DECAY);
        let how = descent::How {
            learning_rate,
            decay,
            max_grad_norm: MAX_GRAD_NORM,
            seed: self.examples.seed_of(self.step),
            time: step,
        };
        let taken = self.descent.step(&self.objective, &drawn.batch, how).await;
        let Taken { loss, grad_norm } = taken.map_err(|error| match error {
            descent::NotTaken::Schedule(error) => LearnError::Schedule(error),
            descent::NotTaken::NotFinite(what, value) => LearnError::Diverged { step, what, value },
            descent::NotTaken::Device(error) => LearnError::Device(error),
        })?;
        self.step = step;
        *self.now.borrow_mut() = None;
        if step.is_multiple_of(GOOD_EVERY) {
            self.good.push((step, self.descent.state().await?));
            // Two: when the newest is where learning stands, there is still one to return to.
            if self.good.len() > 2 {
                self.good.remove(0);
            }
        }
        Ok(StepReport {
            step,
            loss,
            grad_norm,
            learning_rate,
        })
    }

    /// Returns to the last good state before this one, and says its step. The first state stays good for ever.
    pub fn undo(&mut self) -> u64 {
        if self.good.len() > 1 && self.good.last().is_some_and(|(step, _)| *step == self.step) {
            self.good.pop();
        }
        *self.now.borrow_mut() = None;
        if let Some((step, state)) = self.good.last() {
            self.step = *step;
            self.descent.resume(state.clone(), *step);
        }
        self.step
    }

    /// The model as it is now, with averaged weights, ready to walk.
    ///
    /// # Errors
    /// The device failed.
    pub async fn pipeline(&self) -> Result<Rc<Pipeline>, LearnError> {
        let now = self.now.borrow().clone();
        if let Some(now) = now {
            return Ok(now);
        }
        let average = self.descent.state().await?.average;
        let (scheduler, labels) = (self.scheduler.clone(), self.labels.clone());
        let mut now = Pipeline::new(average, scheduler, labels, &self.plain());
        self.descent.take_over(&mut now)?;
        let now = Rc::new(now);
        *self.now.borrow_mut() = Some(now.clone());
        Ok(now)
    }

    /// The mean squared error of the network's answer at one timestep, over the examples as they were given, with noise that
    /// is the same at every call; of the model as it was where `before`. `None` where there was no model, or no example.
    ///
    /// # Errors
    /// The timestep is not in the schedule, or the network gives no result.
    pub async fn error_at(&self, timestep: usize, before: bool) -> Result<Option<f64>, LearnError> {
        let now;
        let (pipeline, label) = match (before, &self.before) {
            // Before there was such a label, "any" was the nearest question.
            (true, Some(pipeline)) => (pipeline, self.label.and(self.labels.null.or(Some(0)))),
            (true, None) => return Ok(None),
            (false, _) => {
                now = self.pipeline().await?;
                (now.as_ref(), self.label)
            }
        };
        let few = self.examples.first(8);
        let n = few.len() / self.examples.size();
        if n == 0 {
            return Ok(None);
        }
        // A timestep that is not in the schedule ends here.
        self.objective.schedule.alpha_cumprod(Some(timestep))?;
        let eps = NoiseStream::new(timestep as u64).normal(few.len());
        let process = (&self.objective.schedule, self.scheduler.prediction_type);
        let batch = Batch::of(few, eps, vec![timestep; n], Vec::new(), process);
        let spec = pipeline.spec();
        let shape = [n, spec.channels, spec.height, spec.width];
        let labels = label.map(|label| vec![label; n]);
        let output = pipeline.predict(&batch.x_t, shape, timestep, labels.as_deref());
        let output = output.await?;
        let per_image = output.len() / n;
        let size = batch.target.len() / n;
        // A learned variance comes after the prediction.
        let errors = (0..n).flat_map(|i| {
            let (output, target) = (&output[i * per_image..], &batch.target[i * size..]);
            output.iter().zip(target).take(size)
        });
        let sum: f64 = errors.map(|(a, b)| f64::from(a - b).powi(2)).sum();
        Ok(Some(sum / batch.target.len() as f64))
    }

    /// The model folder of the averaged weights, in diffusers' layout.
    ///
    /// # Errors
    /// Weights that are not finite.
    pub async fn folder(&self) -> Result<ModelFolder, LearnError> {
        let (scheduler, labels) = (self.scheduler.clone(), self.labels.clone());
        let (unet, device) = (self.descent.state().await?.average, self.plain());
        let folder = ModelFolder::of(unet, scheduler, labels, StoredAs::F16, &device);
        Ok(folder.await?)
    }

    /// The device without gradients.
    fn plain(&self) -> Device {
        self.device.clone().inner()
    }
}

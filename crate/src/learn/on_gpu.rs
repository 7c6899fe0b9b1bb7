//! Steps on a GPU, in the page on WebGPU: recorded once, by [`unet::gpu::learner`](crate::unet::gpu::learner).

use super::descent::{Descent, DeviceFailed, How, NotTaken, State, Taken};
use crate::pipeline::Pipeline;
use crate::train::batches::Batch;
use crate::train::gradients;
use crate::train::loss::{Loss, Objective};
use crate::train::numbers;
use crate::unet::dropout;
use crate::unet::gpu::learner::{Learned, Learner, Lesson, Rates};
use cubecl::client::Client;
use std::cell::RefCell;

/// A network that learns on a GPU.
pub struct OnGpu {
    client: &'static Client,
    /// For so many images in a step; none before the first step, and after each state that is returned to.
    learner: Option<(usize, Learner)>,
    /// What has been brought back last, and after how many steps.
    known: RefCell<(u64, State)>,
    /// Steps taken.
    time: u64,
    /// Whether the network drops numbers.
    drops: bool,
}

impl OnGpu {
    /// Begins with `state`, which has taken `time` steps, on the device of `client`.
    ///
    /// # Errors
    /// The network or its loss is not learned on a GPU.
    pub(super) fn new(
        state: State,
        time: u64,
        loss: Loss,
        client: &'static Client,
    ) -> Result<Self, DeviceFailed> {
        if loss == Loss::Hybrid {
            return Err(DeviceFailed(
                "a learned variance is not learned on a GPU yet".into(),
            ));
        }
        Learner::supports(&state.unet).map_err(failed)?;
        Ok(Self {
            client,
            learner: None,
            drops: state.unet.config().dropout > 0.0,
            known: RefCell::new((time, state)),
            time,
        })
    }

    /// The learner for so many images, with what has been learned so far.
    async fn learner(&mut self, images: usize) -> Result<&mut Learner, DeviceFailed> {
        let learner = match self.learner.take() {
            Some((count, learner)) if count == images => learner,
            other => {
                self.learner = other;
                let state = self.state().await?;
                // Two would be twice the memory.
                self.learner = None;
                let State {
                    unet,
                    average,
                    optimizer,
                } = &state;
                let mut learner = Learner::new(unet, images, self.client).map_err(failed)?;
                let memory = numbers::of(unet, average, optimizer);
                learner.remember(&memory.map_err(failed)?);
                learner
            }
        };
        Ok(&mut self.learner.insert((images, learner)).1)
    }
}

impl Descent for OnGpu {
    async fn step(
        &mut self,
        objective: &Objective,
        batch: &Batch,
        how: How,
    ) -> Result<Taken, NotTaken> {
        let process = (&objective.schedule, objective.prediction_type);
        let (x_t, timesteps) = batch.given(process);
        let images = timesteps.len();
        let keys = match self.drops {
            true => dropout::keys(how.seed, images),
            false => Vec::new(),
        };
        // x_t and the target are given as they are: what is rehearsed has a target that no formula gives.
        let lesson = Lesson {
            x_0: &x_t,
            eps: &batch.target,
            timesteps: &timesteps,
            labels: &batch.labels,
            noising: &vec![[1.0, 0.0]; images],
            target: &vec![[0.0, 1.0]; images],
            weights: &objective.weights(&batch.timesteps),
            bounds: &[],
            keys: &keys,
        };
        let rates = Rates {
            learning_rate: how.learning_rate,
            weight_decay: 0.0,
            max_grad_norm: how.max_grad_norm,
            time: how.time,
            ema_decay: how.decay,
        };
        let learner = self.learner(images).await.map_err(NotTaken::Device)?;
        let learned = learner.take(lesson, rates).await;
        let Learned { loss, grad_norm } = learned.map_err(|e| NotTaken::Device(failed(e)))?;
        let (loss, grad_norm) = (f64::from(loss), f64::from(grad_norm));
        if let Some((what, value)) = gradients::not_finite(loss, grad_norm) {
            // The device has left its weights as they were, and takes no step any more.
            self.state().await.map_err(NotTaken::Device)?;
            self.learner = None;
            return Err(NotTaken::NotFinite(what, value));
        }
        self.time = how.time;
        Ok(Taken { loss, grad_norm })
    }

    async fn state(&self) -> Result<State, DeviceFailed> {
        let (time, state) = self.known.borrow().clone();
        let Some((_, learner)) = self.learner.as_ref().filter(|_| time != self.time) else {
            return Ok(state);
        };
        let memory = learner.memory_read().await.map_err(failed)?;
        let State {
            unet,
            average,
            optimizer,
        } = state;
        let parts = (unet, average, optimizer);
        let parts = numbers::put(&memory, parts, self.time).map_err(failed)?;
        let (unet, average, optimizer) = parts;
        let state = State {
            unet,
            average,
            optimizer,
        };
        *self.known.borrow_mut() = (self.time, state.clone());
        Ok(state)
    }

    fn resume(&mut self, state: State, time: u64) {
        self.learner = None;
        self.time = time;
        *self.known.borrow_mut() = (time, state);
    }

    fn take_over(&self, pipeline: &mut Pipeline) -> Result<(), DeviceFailed> {
        let client = self.client.clone();
        pipeline.compute_on(client).map_err(failed)
    }
}

fn failed(error: impl ToString) -> DeviceFailed {
    DeviceFailed(error.to_string())
}

//! Training on a GPU: parameters, moments and averages in flat buffers, and a whole step as one recorded list of launches.

mod lesson;
mod memory;
mod timing;

use crate::unet::gpu::channels_last;
use crate::unet::gpu::device::TURN;
use crate::unet::gpu::engine::DeviceError;
use crate::unet::gpu::kernels::elements::turn;
use crate::unet::gpu::kernels::learn::{COEFFICIENTS, RATES, REPORT, adamw, gather, judge};
use crate::unet::gpu::learn_launch::UNITS;
use crate::unet::gpu::memory::{Layout, Uses};
pub use lesson::{Learned, Lesson, Rates};
pub use memory::{Memory, Numbers};

use crate::unet::gpu::plan::{ALIGN, Plan, Unsupported};
use crate::unet::gpu::product::Placed;
use crate::unet::gpu::reverse::{Reverse, Step};
use crate::unet::gpu::store::{Piece, Store, TooLarge, argument, cubes};
use crate::unet::{UNet, UNetConfig};
use cubecl::bytes::Bytes;
use cubecl::client::{Client, Graph};
use cubecl::future::block_on;
use cubecl::prelude::*;
use cubecl::server::{Handle, ServerError};
use std::pin::Pin;
use std::sync::PoisonError;

type Pending = Pin<Box<dyn Future<Output = Result<Vec<Bytes>, ServerError>> + Send>>;

/// A network that learns on a GPU, from so many images at a time.
pub struct Learner {
    /// Dropped before the memory that it names.
    graph: Option<Graph>,
    pending: Option<Pending>,
    pub(super) client: &'static Client,
    pub(super) config: UNetConfig,
    pub(super) plan: Plan,
    pub(super) reverse: Reverse,
    pub(super) store: Store,
    pub(super) placed: Vec<Placed>,
    pub(super) parts: Piece,
    pub(super) turned: Piece,
    pub(super) spare: [Piece; 2],
    pub(super) centred: bool,
    slopes: Piece,
    squares: Piece,
    moments: [Piece; 2],
    averages: Piece,
    rates: Piece,
    report: Piece,
    gather_table: Table,
    turn_table: Table,
}

/// Whole numbers on the device.
#[derive(Debug)]
struct Table {
    handle: Handle,
    len: usize,
}

impl Table {
    fn of(values: Vec<u32>, client: &Client) -> Self {
        let len = values.len();
        let handle = client.create(Bytes::from_elems(values));
        Self { handle, len }
    }

    fn argument(&self) -> BufferArg {
        argument(self.handle.clone(), self.len)
    }
}

impl std::fmt::Debug for Learner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Learner")
            .field("launches", &self.launches())
            .finish_non_exhaustive()
    }
}

impl Learner {
    /// Takes `unet` to the device of `client`, to learn from `images` images at a time. The average starts from its weights,
    /// AdamW's moments from 0; [`remember`](Self::remember) replaces them.
    ///
    /// # Errors
    /// A network whose gradients the kernels do not compute, or more memory than the device has.
    pub fn new(unet: &UNet, images: usize, client: &'static Client) -> Result<Self, Unsupported> {
        let (plan, reverse) = Self::plan(unet)?;
        let config = unet.config().clone();
        let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        Self::with(config, plan, reverse, images, client).map_err(|e| Unsupported(e.to_string()))
    }

    /// Whether `unet` can be learned on a GPU whose memory is large enough.
    ///
    /// # Errors
    /// The kernels do not compute its gradients.
    pub fn supports(unet: &UNet) -> Result<(), Unsupported> {
        Self::plan(unet).map(drop)
    }

    /// The launches of a step.
    fn plan(unet: &UNet) -> Result<(Plan, Reverse), Unsupported> {
        let dropout = unet.config().dropout;
        if dropout != 0.0 {
            return Err(Unsupported(format!("dropout is {dropout}; it has to be 0")));
        }
        let plan = unet.launches()?;
        let reverse = Reverse::new(&plan)?;
        Ok((plan, reverse))
    }

    fn with(
        config: UNetConfig,
        plan: Plan,
        reverse: Reverse,
        images: usize,
        client: &'static Client,
    ) -> Result<Self, TooLarge> {
        let len = plan.parameters.values.len().next_multiple_of(ALIGN);
        let mut values = plan.parameters.values.clone();
        values.resize(len, 0.0);
        let weights = Piece::of(values.clone(), client)?;
        let extra = reverse.extra;
        let timestep = plan.given.timestep;
        let mut given = vec![
            extra.x_0,
            extra.eps,
            extra.coefficients,
            extra.labels,
            timestep,
        ];
        if plan.classes.is_none() {
            given.push(plan.given.class);
        }
        let uses = Uses {
            sizes: reverse.sizes.clone(),
            given,
            launches: (reverse.steps.iter())
                .map(|step| step.uses(&plan, &extra))
                .collect(),
            kept: vec![extra.losses.id],
            own: reverse.own.clone(),
        };
        let store = Store::new(Layout::of(uses, images), images, &weights, client)?;
        for &id in &reverse.own {
            store.zero(id, reverse.sizes[id], client);
        }

        let blocks = len / ALIGN;
        let (mut placed, mut at) = (Vec::new(), 0);
        let mut gather_table = vec![0; 3 * blocks];
        for segment in &reverse.segments {
            let parts = Placed::new(segment, images, at);
            at += parts.stride * parts.count;
            for range in &segment.ranges {
                for block in range.start / ALIGN..range.end.div_ceil(ALIGN) {
                    let first = parts.at + block * ALIGN - range.start;
                    let row = [first, parts.stride, parts.count].map(|value| value as u32);
                    gather_table[3 * block..3 * block + 3].copy_from_slice(&row);
                }
            }
            placed.push(parts);
        }
        let mut turn_table = vec![0; 4 * blocks];
        for (range, sizes) in &reverse.turned {
            for block in range.start / ALIGN..range.end.div_ceil(ALIGN) {
                let [taps, c_in, c_out] = *sizes;
                let row = [range.start, taps, c_in, c_out].map(|value| value as u32);
                turn_table[4 * block..4 * block + 4].copy_from_slice(&row);
            }
        }
        let zeros = |len: usize| Piece::zeros(len, client);
        Ok(Self {
            graph: None,
            pending: None,
            parts: zeros(at)?,
            turned: zeros(len)?,
            spare: [zeros(ALIGN)?, zeros(ALIGN)?],
            centred: config.center_input_sample,
            slopes: zeros(len)?,
            squares: zeros(len.div_ceil(UNITS))?,
            moments: [zeros(len)?, zeros(len)?],
            averages: Piece::of(values, client)?,
            rates: zeros(RATES)?,
            report: zeros(REPORT)?,
            gather_table: Table::of(gather_table, client),
            turn_table: Table::of(turn_table, client),
            config,
            plan,
            reverse,
            store,
            placed,
            client,
        })
    }

    /// Launches of a step.
    pub fn launches(&self) -> usize {
        self.reverse.launches()
    }

    /// Takes one step, and returns what the step before has come to; `None` at first.
    ///
    /// # Errors
    /// The device failed.
    pub fn step(
        &mut self,
        lesson: Lesson<'_>,
        rates: Rates,
    ) -> Result<Option<Learned>, DeviceError> {
        let read = self.begin(lesson, rates);
        let before = self.pending.replace(read);
        before.map(|read| block_on(learned(read))).transpose()
    }

    /// Takes one step and returns what it has come to: for a page, whose thread must not wait.
    ///
    /// # Errors
    /// The device failed.
    pub async fn take(&mut self, lesson: Lesson<'_>, rates: Rates) -> Result<Learned, DeviceError> {
        learned(self.begin(lesson, rates)).await
    }

    /// Enqueues a step and the copy of its report.
    fn begin(&mut self, lesson: Lesson<'_>, rates: Rates) -> Pending {
        let (config, images) = (&self.config, lesson.timesteps.len());
        let c = config.in_channels;
        let [x_0, eps] = [lesson.x_0, lesson.eps].map(|x| channels_last(x, c, images));
        let mut coefficients = Vec::with_capacity(images * COEFFICIENTS);
        for i in 0..images {
            let factor = match self.plan.divided_by_timestep {
                true => 1.0 / lesson.timesteps[i],
                false => 1.0,
            };
            let [[a, b], [p, q]] = [lesson.noising[i], lesson.target[i]];
            coefficients.extend([a, b, p, q, lesson.weights[i], factor, 0.0, 0.0]);
        }
        let labels = config.num_class_embeds.is_some() || self.plan.labels_are_timesteps;
        let labels = labels.then_some(lesson.labels);
        let numbers: Vec<f32> = (0..images)
            .map(|i| labels.map_or(0.0, |labels| labels[i] as f32))
            .collect();
        let [rows, classes] = self.plan.rows(config, lesson.timesteps, labels);
        let parts = [&x_0[..], &eps, &coefficients, &numbers, &rows, &classes];
        let parts = &parts[..if self.plan.classes.is_some() { 5 } else { 6 }];
        let bias = |beta: f32| 1.0 - beta.powi(i32::try_from(rates.time).unwrap_or(i32::MAX));
        let rates = vec![
            rates.learning_rate as f32,
            rates.weight_decay as f32,
            rates.max_grad_norm as f32,
            bias(0.9),
            bias(0.999),
            rates.ema_decay as f32,
            0.0,
            0.0,
        ];
        let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let weights = self.store.weights.clone();
        let client = self.client;
        weights.on_its_stream(|| {
            self.store.write(parts, self.client);
            let rates = Bytes::from_elems(rates);
            self.client.write(&self.rates.handle, rates);
            self.enqueue();
            let report = self.report.handle.clone();
            Box::pin(client.read_async(vec![report])) as Pending
        })
    }

    /// What the last step has come to, if nobody has asked yet.
    ///
    /// # Errors
    /// The device failed.
    pub fn finish(&mut self) -> Result<Option<Learned>, DeviceError> {
        let last = self.pending.take();
        last.map(|read| block_on(learned(read))).transpose()
    }

    /// Enqueues a step: the first time launch by launch, from then on as the device took it down.
    #[allow(unsafe_code)]
    fn enqueue(&mut self) {
        if let Some(graph) = &self.graph {
            // SAFETY: the graph's buffers are this learner's, which outlive it, and everything that touches them is
            // enqueued here, on one stream and one step at a time.
            if let Ok(()) = unsafe { graph.replay() } {
                return;
            }
        }
        let prepared = self.client.graph_prepare().is_ok();
        self.launch_all();
        if prepared && self.client.start_capture().is_ok() {
            self.launch_all();
            self.graph = self.client.stop_capture().ok();
        }
    }

    #[allow(
        unsafe_code,
        clippy::undocumented_unsafe_blocks,
        reason = "these buffers have `len` numbers each, and the tables a row for each 64 of them"
    )]
    fn launch_all(&self) {
        let (client, store, len) = (self.client, &self.store, self.turned.len);
        let whole = |piece: &Piece| argument(piece.handle.clone(), piece.len);
        let (grid, dim) = (cubes(len.div_ceil(UNITS)), CubeDim::new_1d(UNITS as u32));
        for step in &self.reverse.steps {
            self.launch(step);
            if let Step::Loss = step {
                unsafe {
                    turn::launch_unchecked(
                        client,
                        grid.clone(),
                        dim,
                        whole(&store.weights),
                        self.turn_table.argument(),
                        whole(&self.turned),
                        len,
                        UNITS,
                    );
                }
            }
        }
        let losses = store.tensor(&self.reverse.extra.losses, 1);
        unsafe {
            gather::launch_unchecked(
                client,
                grid.clone(),
                dim,
                whole(&self.parts),
                self.gather_table.argument(),
                whole(&self.slopes),
                whole(&self.squares),
                len,
                UNITS,
            );
            judge::launch_unchecked(
                client,
                cubes(1),
                dim,
                losses,
                whole(&self.squares),
                whole(&self.rates),
                whole(&self.report),
                store.images,
                self.squares.len,
                UNITS,
            );
            adamw::launch_unchecked(
                client,
                grid,
                dim,
                whole(&self.slopes),
                whole(&self.rates),
                whole(&self.report),
                whole(&store.weights),
                whole(&self.moments[0]),
                whole(&self.moments[1]),
                whole(&self.averages),
                len,
                UNITS,
            );
        }
    }
}

impl Drop for Learner {
    /// A read-back that nobody waits for would leave its staging memory mapped, and the next submit that uses it would fail.
    fn drop(&mut self) {
        if let Some(read) = self.pending.take() {
            let _ = block_on(learned(read));
        }
    }
}

/// What a step has come to, once the device says.
async fn learned(read: Pending) -> Result<Learned, DeviceError> {
    let report = crate::unet::gpu::engine::numbers(read.await)?;
    let [loss, grad_norm, ..] = report[0][..] else {
        return Err(DeviceError::lost());
    };
    Ok(Learned { loss, grad_norm })
}

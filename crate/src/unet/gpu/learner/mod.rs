//! Training on a GPU: parameters, moments and averages in flat buffers, and a whole step as one recorded list of launches.

mod flat;
mod lesson;
mod memory;
mod tables;
mod timing;

use crate::unet::gpu::device::TURN;
use crate::unet::gpu::engine::DeviceError;
use crate::unet::gpu::kernels::learn::{RATES, REPORT};
use crate::unet::gpu::learn_launch::UNITS;
use crate::unet::gpu::memory::{Layout, Uses};
pub use lesson::{Bound, Learned, Lesson, Rates};
pub use memory::{Memory, Numbers};
use tables::{Table, Tables};

use crate::unet::gpu::format::Format;
use crate::unet::gpu::pieces::{Cuts, Pieces};
use crate::unet::gpu::plan::{ALIGN, Plan, Unsupported};
use crate::unet::gpu::product::Placed;
use crate::unet::gpu::reverse::Reverse;
use crate::unet::gpu::store::{Piece, Store, TooLarge, argument};
use crate::unet::{UNet, UNetConfig};
use cubecl::bytes::Bytes;
use cubecl::client::{Client, Graph};
use cubecl::future::block_on;
use cubecl::prelude::*;
use cubecl::server::ServerError;
use std::ops::Range;
use std::pin::Pin;
use std::sync::PoisonError;
use thiserror::Error;

type Pending = Pin<Box<dyn Future<Output = Result<Vec<Bytes>, ServerError>> + Send>>;

/// Why a GPU does not train a network.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum NoLearner {
    /// The kernels do not compute it, or not its gradients.
    #[error(transparent)]
    Unsupported(#[from] Unsupported),
    /// So many images at a time need more than the device has.
    #[error("{0}")]
    TooLarge(String),
}

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
    pub(super) parts: Pieces,
    pub(super) turned: Pieces,
    pub(super) spare: [Piece; 2],
    pub(super) centred: bool,
    slopes: Pieces,
    /// For each piece, in one.
    squares: (Piece, Vec<Range<usize>>),
    moments: [Pieces; 2],
    averages: Pieces,
    rates: Piece,
    report: Piece,
    /// One for each piece.
    gather_tables: Vec<Table>,
    turn_tables: Vec<Table>,
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
    pub fn new(unet: &UNet, images: usize, client: &'static Client) -> Result<Self, NoLearner> {
        Self::in_pieces(unet, images, Piece::most(Format::Single, client), client)
    }

    /// The same with at most `most` parameters in one piece of memory.
    pub(super) fn in_pieces(
        unet: &UNet,
        images: usize,
        most: usize,
        client: &'static Client,
    ) -> Result<Self, NoLearner> {
        let (plan, reverse) = Self::plan(unet)?;
        let config = unet.config().clone();
        let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let cuts = cuts(&plan, &reverse, images, most);
        cuts.and_then(|cuts| Self::with(config, plan, reverse, images, &cuts, client))
            .map_err(|e| NoLearner::TooLarge(e.to_string()))
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
        let plan = unet.launches()?;
        let reverse = Reverse::new(&plan)?;
        Ok((plan, reverse))
    }

    /// What a step needs of memory.
    pub(super) fn uses(plan: &Plan, reverse: &Reverse) -> Uses {
        let extra = reverse.extra;
        let timestep = plan.given.timestep;
        let mut given = vec![
            extra.x_0,
            extra.eps,
            extra.coefficients,
            extra.keys,
            extra.labels,
            timestep,
        ];
        if plan.classes.is_none() {
            given.push(plan.given.class);
        }
        Uses {
            sizes: reverse.sizes.clone(),
            given,
            launches: (reverse.steps.iter())
                .map(|step| step.uses(plan, &extra))
                .collect(),
            kept: Vec::new(),
            // The losses of one piece of a step are there for the next.
            own: [&reverse.own[..], &[extra.losses.id]].concat(),
        }
    }

    fn with(
        config: UNetConfig,
        plan: Plan,
        reverse: Reverse,
        images: usize,
        cuts: &Cuts,
        client: &'static Client,
    ) -> Result<Self, TooLarge> {
        let values = &plan.parameters.values;
        let weights = Pieces::of(values.clone(), cuts, client)?;
        let averages = Pieces::of(values.clone(), cuts, client)?;
        let layout = Layout::of(Self::uses(&plan, &reverse), images);
        let store = Store::new(layout, images, &weights, client)?;
        for &id in &reverse.own {
            store.zero(id, reverse.sizes[id], client);
        }

        let Tables {
            placed,
            parts,
            gather,
            turn,
        } = Tables::new(&reverse, images, cuts);
        let table = |values: Vec<u32>| Table::of(values, client);
        let mut squares: Vec<Range<usize>> = Vec::new();
        for range in cuts.ranges() {
            let start = squares.last().map_or(0, |range| range.end);
            let start = start.next_multiple_of(ALIGN);
            squares.push(start..start + range.len().div_ceil(UNITS));
        }
        let count = squares.last().map_or(0, |range| range.end);
        let zeros = |len: usize| Piece::zeros(len, client);
        let flat = || Pieces::zeros(cuts, client);
        Ok(Self {
            graph: None,
            pending: None,
            parts: Pieces::zeros(&parts, client)?,
            turned: flat()?,
            spare: [zeros(ALIGN)?, zeros(ALIGN)?],
            centred: config.center_input_sample,
            slopes: flat()?,
            squares: (zeros(count)?, squares),
            moments: [flat()?, flat()?],
            averages,
            rates: zeros(RATES)?,
            report: zeros(REPORT)?,
            gather_tables: gather.into_iter().map(table).collect(),
            turn_tables: turn.into_iter().map(table).collect(),
            config,
            plan,
            reverse,
            store,
            placed,
            client,
        })
    }

    /// How many images it learns from at once.
    pub fn images(&self) -> usize {
        self.store.images
    }

    /// Launches of a step.
    pub fn launches(&self) -> usize {
        // Each further piece is turned round, summed and moved by itself.
        self.reverse.launches() + 3 * (self.turn_tables.len() - 1)
    }

    /// Takes one step, and returns what the step before has come to; `None` at first. A lesson of several times as many
    /// images as this learns from at once is taken in as many pieces, whose gradients are added up.
    ///
    /// # Errors
    /// The device failed.
    ///
    /// # Panics
    /// The lesson must have once, twice, ... as many images.
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

    /// Enqueues a step, piece by piece, and the copy of its report.
    fn begin(&mut self, lesson: Lesson<'_>, rates: Rates) -> Pending {
        let (images, all) = (self.store.images, lesson.timesteps.len());
        let pieces = all / images;
        assert!(
            pieces * images == all && pieces > 0,
            "{all} images are no multiple of {images}"
        );
        let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let weights = self.store.weights.clone();
        let client = self.client;
        weights.on_its_stream(|| {
            for piece in 0..pieces {
                let part = lesson.part(piece * images..(piece + 1) * images);
                let given = part.given(&self.config, &self.plan, 1.0 / pieces as f32);
                let given: Vec<&[f32]> = given.iter().map(|values| &values[..]).collect();
                self.store.write(&given, client);
                let rates = rates.of_piece(piece > 0, piece + 1 == pieces);
                let rates = Bytes::from_elems(rates.to_vec());
                client.write(&self.rates.handle, rates);
                self.enqueue();
            }
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

    /// Enqueues a piece of a step: the first time launch by launch, from then on as the device took it down.
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

    /// The numbers of the step.
    pub(super) fn rates(&self) -> BufferArg {
        argument(self.rates.handle.clone(), self.rates.len)
    }
}

/// Where the parameters are cut, with the parts of each one's gradient in the same piece of another buffer.
fn cuts(plan: &Plan, reverse: &Reverse, images: usize, most: usize) -> Result<Cuts, TooLarge> {
    let mut wholes: Vec<_> = plan.wholes().into_iter().map(|whole| (whole, 0)).collect();
    for segment in &reverse.segments {
        let Placed { stride, count, .. } = Placed::new(segment, images, 0);
        let first = segment.ranges.first().map_or(0, |range| range.start);
        let at = wholes.partition_point(|(whole, _)| whole.start <= first);
        if let Some((_, parts)) = wholes.get_mut(at.saturating_sub(1)) {
            *parts += stride * count;
        }
    }
    Cuts::new(&wholes, most, Format::Single)
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

//! A plan for a given number of images: its memory on the device, and its launches, recorded where the device does that.

use super::memory::Layout;
use super::pieces::Pieces;
use super::plan::{Features, Plan};
use super::store::{Store, TooLarge};
use cubecl::bytes::Bytes;
use cubecl::client::{Client, Graph};
use cubecl::prelude::BufferArg;
use cubecl::server::{Handle, ServerError};
use std::pin::Pin;
use std::sync::OnceLock;

/// What was read, once the device has come so far.
pub(super) type Read<'a> = Pin<Box<dyn Future<Output = Result<Vec<Bytes>, ServerError>> + 'a>>;

/// A share of an evaluation, and when it is done.
pub(super) type Mark<'a> = (f64, Read<'a>);

/// A plan's launches for `images` images, in memory of their own.
#[derive(Debug)]
pub(super) struct Run {
    /// The launches as the device took them down, to be repeated without working anything out again; `None` inside
    /// where the device does not. Dropped before the memory that it names.
    graph: OnceLock<Option<Graph>>,
    /// Whether the features after every stage outlast the evaluation.
    keeps: bool,
    store: Store,
    /// The walk, and the step of it, that the evaluation has been given x_t for.
    given_for: Option<(u64, usize)>,
}

impl Run {
    /// Plans the memory and allocates it.
    ///
    /// # Errors
    /// More memory in one piece than the device has, or more images than a grid.
    pub(super) fn new(
        plan: &Plan,
        images: usize,
        keeps: bool,
        weights: &Pieces,
        client: &Client,
    ) -> Result<Self, TooLarge> {
        let layout = Layout::new(plan, images, keeps);
        Ok(Self {
            graph: OnceLock::new(),
            keeps,
            store: Store::new(layout, images, weights, client)?,
            given_for: None,
        })
    }

    /// Writes what the evaluation is given: x_t, sines and class vectors, each for all images.
    pub(super) fn write(&mut self, parts: [&[f32]; 3], client: &Client) {
        self.given_for = None;
        self.store.write(&parts, client);
    }

    /// A launch writes what it is given: x_t for a step of a walk; `None` for what nobody asks for again.
    pub(super) fn give_for(&mut self, step: Option<(u64, usize)>) {
        self.given_for = step;
    }

    /// Whether it is given x_t for this step of this walk.
    pub(super) fn is_given_for(&self, step: (u64, usize)) -> bool {
        self.given_for == Some(step)
    }

    /// The memory that the host writes.
    pub(super) fn given(&self) -> BufferArg {
        self.store.given()
    }

    /// Where in that a tensor begins.
    pub(super) fn begin(&self, given: &Features) -> usize {
        self.store.begin(given)
    }

    /// The memory of a tensor.
    pub(super) fn handle(&self, features: &Features) -> Handle {
        self.store.handle(features)
    }

    /// Enqueues the whole plan: the first time launch by launch, from then on as the device took it down.
    #[allow(unsafe_code)]
    pub(super) fn evaluate(&self, plan: &Plan, client: &Client) {
        let graph = match self.graph.get() {
            Some(graph) => graph,
            None if self.keeps => &None,
            None => {
                let graph = self.record(plan, client);
                if graph.is_some() {
                    let _ = self.graph.set(graph);
                    return;
                }
                self.graph.get_or_init(|| None)
            }
        };
        // SAFETY: the graph's buffers are this run's and the network's weights, all of which outlive it. Everything that
        // touches them is enqueued by `Device::evaluate`: on one stream, whichever thread calls, and one evaluation at a time.
        let repeated = graph.as_ref().map(|graph| unsafe { graph.replay() });
        if !matches!(repeated, Some(Ok(()))) {
            self.launch(plan, client);
        }
    }

    /// Enqueues the whole plan in `count` parts. Each share of it has a future that is ready when so much is done.
    pub(super) fn evaluate_in_parts<'a>(
        &self,
        plan: &Plan,
        client: &'a Client,
        count: usize,
    ) -> Vec<Mark<'a>> {
        let mut marks: Vec<Mark<'a>> = Vec::new();
        for (share, launches) in plan.parts(count) {
            for launch in launches {
                self.store.launch(launch, client);
            }
            // That all is done is known by what is read of it.
            if share < 1.0
                && let Some(last) = launches.last()
            {
                let number = self.store.first(&last.writes());
                marks.push((share, Box::pin(client.read_async(vec![number]))));
            }
        }
        marks
    }

    /// Launches the plan and has the device take down a second time.
    fn record(&self, plan: &Plan, client: &Client) -> Option<Graph> {
        client.graph_prepare().ok()?;
        self.launch(plan, client);
        client.start_capture().ok()?;
        self.launch(plan, client);
        client.stop_capture().ok()
    }

    fn launch(&self, plan: &Plan, client: &Client) {
        for launch in &plan.launches {
            self.store.launch(launch, client);
        }
    }
}

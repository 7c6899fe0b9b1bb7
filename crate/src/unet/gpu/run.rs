//! A plan for a given number of images: its memory on the device, and its launches with their sizes worked out.

use super::kernels::attend::{AttendKind, AttendShapeLaunch, attend};
use super::kernels::conv::{ConvKind, ConvShapeLaunch, conv};
use super::kernels::filter::{FilterShapeLaunch, filter};
use super::kernels::norm::{NormKind, NormShapeLaunch, group_norm};
use super::layer::vector_width;
use super::memory::Layout;
use super::plan::{Attend, Conv, Features, Filtered, Launch, MOST_CUBES, Norm, Plan, Vector};
use cubecl::bytes::Bytes;
use cubecl::client::{Client, Graph};
use cubecl::prelude::*;
use cubecl::server::Handle;
use std::ops::Range;
use std::sync::OnceLock;
use thiserror::Error;

/// Bytes of a number.
const F32: u64 = 4;

/// Threads that a convolution should have, if its channels can be split: what fills a GPU of some hundred lanes several times.
const ENOUGH_THREADS: usize = 8192;

/// Rows of the window, of one vector of input channels each, that a thread of a convolution should have to itself: less is not
/// worth the thread and the meeting with the others.
const LEAST_ROWS: usize = 8;

/// Pixels of a row that one thread of a convolution computes: more would read each weight less often, but need more registers
/// than small GPUs have, and take longer to compile.
const MOST_PIXELS: usize = 4;

/// More than the device takes at once.
#[derive(Debug, Error, Clone, Copy, PartialEq, Eq)]
pub(super) enum TooLarge {
    /// Its memory.
    #[error("a buffer of {0} bytes is needed, but the device allows at most {1}")]
    Memory(u64, u64),
    /// Its grids.
    #[error("{0} images at once are too many for a GPU, which takes at most {MOST_CUBES}")]
    Images(usize),
}

/// Numbers on the device, in one piece.
#[derive(Debug, Clone)]
pub(super) struct Piece {
    handle: Handle,
    len: usize,
}

impl Piece {
    /// Memory for `len` numbers.
    fn new(len: usize, client: &Client) -> Result<Self, TooLarge> {
        let bytes = Self::fits(len, client)?;
        let handle = client.empty(bytes as usize);
        Ok(Self { handle, len })
    }

    /// Memory that holds `values`.
    pub(super) fn of(values: Vec<f32>, client: &Client) -> Result<Self, TooLarge> {
        Self::fits(values.len(), client)?;
        let len = values.len();
        let handle = client.create(Bytes::from_elems(values));
        Ok(Self { handle, len })
    }

    /// The most numbers that the device has room for in one piece.
    pub(super) fn most(client: &Client) -> usize {
        let bytes = client.properties().memory.max_page_size;
        usize::try_from(bytes / F32).unwrap_or(usize::MAX)
    }

    /// Its size in bytes, if the device has so much in one piece.
    fn fits(len: usize, client: &Client) -> Result<u64, TooLarge> {
        let (bytes, most) = (len as u64 * F32, Self::most(client) as u64 * F32);
        if bytes > most {
            return Err(TooLarge::Memory(bytes, most));
        }
        Ok(bytes)
    }

    /// Does `f` on the stream that the memory was made on, whichever thread this is.
    pub(super) fn on_its_stream<T>(&self, f: impl FnOnce() -> T) -> T {
        self.handle.stream.executes(f)
    }

    fn part(&self, range: Range<usize>) -> Handle {
        (self.handle.clone())
            .offset_start(range.start as u64 * F32)
            .offset_end((self.len - range.end) as u64 * F32)
    }
}

/// A plan's launches for `images` images, in memory of their own.
#[derive(Debug)]
pub(super) struct Run {
    /// The launches as the device took them down, to be repeated without working anything out again; `None` inside
    /// where the device does not. Dropped before the memory that it names.
    graph: OnceLock<Option<Graph>>,
    images: usize,
    /// Whether the features after every stage outlast the evaluation.
    keeps: bool,
    weights: Piece,
    /// What the host writes.
    given: Piece,
    /// What the launches write.
    buffers: Vec<Piece>,
    layout: Layout,
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
        weights: &Piece,
        client: &Client,
    ) -> Result<Self, TooLarge> {
        if images > MOST_CUBES {
            return Err(TooLarge::Images(images));
        }
        let layout = Layout::new(plan, images, keeps);
        Ok(Self {
            graph: OnceLock::new(),
            images,
            keeps,
            weights: weights.clone(),
            given: Piece::new(layout.given_len, client)?,
            buffers: (layout.buffers.iter())
                .map(|&len| Piece::new(len, client))
                .collect::<Result<_, _>>()?,
            layout,
        })
    }

    /// Writes what the evaluation is given: x_t, sines and class vectors, each for all images.
    pub(super) fn write(&self, parts: [&[f32]; 3], client: &Client) {
        let values = Bytes::from_elems(self.layout.given(parts));
        client.write(&self.given.handle, values);
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
            match launch {
                Launch::Conv(conv) => self.conv(conv, client),
                Launch::Norm(norm) => self.norm(norm, client),
                Launch::Attend(attend) => self.attend(attend, client),
                Launch::Filter(filtered) => self.filter(filtered, client),
            }
        }
    }

    /// The memory of a tensor.
    pub(super) fn handle(&self, features: &Features) -> Handle {
        let place = self.layout.places[features.id];
        let size = features.size() * self.images;
        match self.layout.is_given(features) {
            true => self.given.part(place..place + size),
            false => self.buffers[place].part(0..size),
        }
    }

    fn tensor(&self, features: &Features, width: usize) -> BufferArg {
        argument(self.handle(features), features.size() * self.images / width)
    }

    fn parameters(&self, range: &Range<usize>, width: usize) -> BufferArg {
        let len = range.len() / width;
        argument(self.weights.part(range.clone()), len)
    }

    fn vector(&self, vector: &Option<Vector>, width: usize) -> Option<BufferArg> {
        vector.map(|vector| self.tensor(&vector.rows, width))
    }

    #[allow(unsafe_code)]
    fn conv(&self, c: &Conv, client: &Client) {
        let inputs = c.inputs.iter().chain(&c.projected);
        let n = vector_width(inputs.map(|x| x.c));
        let m = vector_width([c.out.c]);
        let widths = |features: &[Features], i: usize| features.get(i).map_or(0, |x| x.c / n);
        let (h, w, out) = (c.out.h, c.out.w, c.out.c / m);
        let steps = c.inputs.iter().map(|x| x.c / n).sum::<usize>();

        let row_blocks = w.div_ceil(MOST_PIXELS);
        let pixels = w.div_ceil(row_blocks);
        let row_blocks = w.div_ceil(pixels);
        let blocks = self.images * h * row_blocks * out;
        let mut splits = 1;
        let rows = c.window * steps;
        while splits < 16 && splits * 2 * LEAST_ROWS <= rows && blocks * splits < ENOUGH_THREADS {
            splits *= 2;
        }
        let units = 64;
        let kind = ConvKind {
            window: c.window,
            stride: c.stride,
            padding: c.padding,
            doubled: c.doubled,
            pixels,
            shared: splits > 1,
            units,
            scaled: c.divisor.is_some(),
            plain_doubled: c.plain_doubled,
            activation: c.activation,
        };
        let window_len = c.window * c.window * c.inputs.iter().map(|x| x.c).sum::<usize>() * out;
        let projection_len = c.projected.iter().map(|x| x.c).sum::<usize>() * out;
        let shape = ConvShapeLaunch::new(
            c.inputs[0].h,
            c.inputs[0].w,
            h,
            w,
            row_blocks,
            blocks,
            splits,
            widths(&c.inputs, 0),
            widths(&c.inputs, 1),
            out,
            widths(&c.projected, 0),
            widths(&c.projected, 1),
            window_len,
            window_len + projection_len,
            c.vector.map_or(0, |vector| vector.at / m),
            c.vector.map_or(0, |vector| vector.rows.c / m),
            c.divisor.map_or(1.0, |divisor| 1.0 / divisor) as f32,
        );
        let optional = |x: Option<&Features>, width: usize| x.map(|x| self.tensor(x, width));
        // SAFETY: every index that the kernel forms lies within the shapes given with it, which are those of the buffers.
        unsafe {
            conv::launch_unchecked(
                client,
                cubes(blocks.div_ceil(units / splits)),
                CubeDim::new_1d(units as u32),
                n,
                m,
                self.tensor(&c.inputs[0], n),
                optional(c.inputs.get(1), n).into(),
                self.parameters(&c.weights, m),
                self.vector(&c.vector, m).into(),
                optional(c.plain.as_ref(), m).into(),
                optional(c.projected.first(), n).into(),
                optional(c.projected.get(1), n).into(),
                self.tensor(&c.out, m),
                shape,
                kind,
            );
        }
    }

    #[allow(unsafe_code)]
    fn norm(&self, norm: &Norm, client: &Client) {
        let group = norm.out.c / norm.groups;
        let width = vector_width(norm.inputs.iter().map(|x| x.c).chain([group]));
        let pixels = norm.out.h * norm.out.w;
        let vectors = pixels * group / width;
        let kind = NormKind {
            units: if vectors > 512 { 256 } else { 64 },
            activation: norm.activation,
        };
        let shape = NormShapeLaunch::new(
            pixels,
            norm.inputs[0].c / width,
            norm.inputs.get(1).map_or(0, |x| x.c / width),
            group / width,
            norm.eps as f32,
            norm.vector.map_or(0, |vector| vector.at / width),
            norm.vector.map_or(0, |vector| vector.rows.c / width),
        );
        // SAFETY: as in `conv`.
        unsafe {
            group_norm::launch_unchecked(
                client,
                CubeCount::new_2d(norm.groups as u32, self.images as u32),
                CubeDim::new_1d(kind.units as u32),
                width,
                self.tensor(&norm.inputs[0], width),
                norm.inputs.get(1).map(|x| self.tensor(x, width)).into(),
                self.parameters(&norm.affine, width),
                self.vector(&norm.vector, width).into(),
                self.tensor(&norm.out, width),
                shape,
                kind,
            );
        }
    }

    #[allow(unsafe_code)]
    fn filter(&self, f: &Filtered, client: &Client) {
        let (width, taps, units) = (vector_width([f.out.c]), f.filter.taps(), 64);
        let vectors = f.out.size() * self.images / width;
        let shape = FilterShapeLaunch::new(
            f.input.h,
            f.input.w,
            f.out.h,
            f.out.w,
            f.out.c / width,
            vectors,
            taps.count,
            taps.outer,
            taps.inner,
            taps.up,
            taps.down,
            taps.padding,
        );
        // SAFETY: as in `conv`.
        unsafe {
            filter::launch_unchecked(
                client,
                cubes(vectors.div_ceil(units)),
                CubeDim::new_1d(units as u32),
                width,
                self.tensor(&f.input, width),
                self.tensor(&f.out, width),
                shape,
                units,
            );
        }
    }

    #[allow(unsafe_code)]
    fn attend(&self, a: &Attend, client: &Client) {
        let width = vector_width([a.head_dim]);
        let head = a.head_dim / width;
        let tokens = a.out.h * a.out.w;
        let units = 64;
        // Few pixels are better spread over many workgroups; a wide head leaves fewer registers for queries.
        let queries = if tokens <= 128 || head > 32 { 4 } else { 16 };
        let kind = AttendKind {
            units,
            queries,
            rounds: head.div_ceil(units / queries),
        };
        let scale = (a.head_dim as f32).sqrt().recip();
        let shape = AttendShapeLaunch::new(tokens, a.heads, head, scale);
        // SAFETY: as in `conv`.
        unsafe {
            attend::launch_unchecked(
                client,
                CubeCount::new_3d(
                    tokens.div_ceil(queries) as u32,
                    a.heads as u32,
                    self.images as u32,
                ),
                CubeDim::new_1d(units as u32),
                width,
                self.tensor(&a.qkv, width),
                self.tensor(&a.out, width),
                shape,
                kind,
            );
        }
    }
}

#[allow(unsafe_code)]
fn argument(handle: Handle, len: usize) -> BufferArg {
    // SAFETY: the handle has been cut to this many vectors.
    unsafe { BufferArg::from_raw_parts(handle, len) }
}

/// `count` workgroups, on two axes where one is too short; those beyond the last find nothing to do.
fn cubes(count: usize) -> CubeCount {
    let rows = count.div_ceil(MOST_CUBES);
    CubeCount::new_2d(count.div_ceil(rows) as u32, rows as u32)
}

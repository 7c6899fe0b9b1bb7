//! The launches of an evaluation, with their sizes worked out.

use super::format::Format;
use super::kernels::attend::{AttendKind, AttendShapeLaunch, attend};
use super::kernels::conv::{ConvKind, ConvShapeLaunch, conv};
use super::kernels::filter::{FilterShapeLaunch, filter};
use super::kernels::norm::{NormKind, NormShapeLaunch, group_norm};
use super::layer::vector_width;
use super::plan::{Attend, Conv, Features, Filtered, Launch, Norm};
use super::store::{Store, cubes};
use cubecl::client::Client;
use cubecl::prelude::*;
use half::f16;
use std::ops::Range;

/// Threads that a convolution should have, if its channels can be split: what fills a GPU of some hundred lanes several times.
const ENOUGH_THREADS: usize = 8192;

/// Rows of the window, of one vector of input channels each, that a thread of a convolution should have to itself: less is not
/// worth the thread and the meeting with the others.
const LEAST_ROWS: usize = 8;

/// Pixels of a row that one thread of a convolution computes: more would read each weight less often, but need more registers
/// than small GPUs have, and take longer to compile.
const MOST_PIXELS: usize = 4;

/// Pixels from which on a convolution is computed in tiles: fewer do not make enough of them.
#[cfg(feature = "learn")]
const MANY_PIXELS: usize = 8192;

impl Store {
    /// Enqueues one launch of an evaluation.
    pub(super) fn launch(&self, launch: &Launch, client: &Client) {
        match launch {
            #[cfg(feature = "learn")]
            Launch::Conv(conv) if self.images * conv.out.h * conv.out.w >= MANY_PIXELS => {
                self.tile(conv, &self.weights, client);
            }
            Launch::Conv(conv) => self.conv(conv, client),
            Launch::Norm(norm) => self.norm(norm, client),
            Launch::Attend(attend) => self.attend(attend, client),
            Launch::Filter(filtered) => self.filter(filtered, client),
        }
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
            projects: c.projection_bias.is_some(),
            scaled: c.divisor.is_some(),
            plain_doubled: c.plain_doubled,
            activation: c.activation,
        };
        let parameters = c.parameters();
        let at = |range: &Option<Range<usize>>| {
            let start = range.as_ref().map_or(parameters.start, |range| range.start);
            (start - parameters.start) / m
        };
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
            at(&c.projection),
            at(&c.bias),
            at(&c.projection_bias),
            c.vector.map_or(0, |vector| vector.at / m),
            c.vector.map_or(0, |vector| vector.rows.c / m),
            c.divisor.map_or(1.0, |divisor| 1.0 / divisor) as f32,
        );
        let optional = |x: Option<&Features>, width: usize| x.map(|x| self.tensor(x, width));
        let launch = match self.weights.format() {
            Format::Single => conv::launch_unchecked::<f32>,
            Format::Half => conv::launch_unchecked::<f16>,
        };
        // SAFETY: every index that the kernel forms lies within the shapes given with it, which are those of the buffers.
        unsafe {
            launch(
                client,
                cubes(blocks.div_ceil(units / splits)),
                CubeDim::new_1d(units as u32),
                n,
                m,
                self.tensor(&c.inputs[0], n),
                optional(c.inputs.get(1), n).into(),
                self.parameters(&parameters, m),
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
    pub(super) fn norm(&self, norm: &Norm, client: &Client) {
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
        let launch = match self.weights.format() {
            Format::Single => group_norm::launch_unchecked::<f32>,
            Format::Half => group_norm::launch_unchecked::<f16>,
        };
        // SAFETY: as in `conv`.
        unsafe {
            launch(
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
    pub(super) fn filter(&self, f: &Filtered, client: &Client) {
        let (width, taps, units) = (vector_width([f.out.c]), f.taps, 64);
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
                f.adds,
            );
        }
    }

    #[allow(unsafe_code)]
    pub(super) fn attend(&self, a: &Attend, client: &Client) {
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

//! Tables by which the kernels find their way in the flat buffers: which parts make up a gradient, which weights are turned.

use crate::unet::gpu::pieces::Cuts;
use crate::unet::gpu::plan::ALIGN;
use crate::unet::gpu::product::Placed;
use crate::unet::gpu::reverse::{Reverse, Segment};
use crate::unet::gpu::store::argument;
use cubecl::bytes::Bytes;
use cubecl::client::Client;
use cubecl::prelude::*;
use cubecl::server::Handle;
use std::ops::Range;

/// Whole numbers on the device.
#[derive(Debug)]
pub(super) struct Table {
    handle: Handle,
    len: usize,
}

impl Table {
    pub(super) fn of(values: Vec<u32>, client: &Client) -> Self {
        let len = values.len();
        let handle = client.create(Bytes::from_elems(values));
        Self { handle, len }
    }

    pub(super) fn argument(&self) -> BufferArg {
        argument(self.handle.clone(), self.len)
    }
}

/// What the tables hold, one for each piece of the parameters, with a row for each [`ALIGN`] of them.
pub(super) struct Tables {
    /// Where the parts of each gradient are, and where those of each piece begin.
    pub(super) placed: Vec<Placed>,
    pub(super) parts: Cuts,
    /// The first part, the distance of the parts and how many there are.
    pub(super) gather: Vec<Vec<u32>>,
    /// Where the layer begins, its taps, c_in and c_out.
    pub(super) turn: Vec<Vec<u32>>,
}

impl Tables {
    /// The tables for parameters that are cut so, and learn from so many images.
    pub(super) fn new(reverse: &Reverse, images: usize, cuts: &Cuts) -> Self {
        let placed = |segment: &Segment| Placed::new(segment, images, 0);
        let mut placed: Vec<Placed> = reverse.segments.iter().map(placed).collect();
        let (mut at, mut starts) = (0, Vec::new());
        let (mut gather, mut turn) = (Vec::new(), Vec::new());
        for piece in cuts.ranges() {
            let start = at;
            let is_here = |range: &Range<usize>| piece.contains(&range.start);
            // The rows of a layer, counted in the piece, with the first number of each counted in the layer.
            let rows = |range: &Range<usize>| {
                let first = (range.start - piece.start) / ALIGN;
                (0..range.len().div_ceil(ALIGN)).map(move |row| (first + row, row * ALIGN))
            };
            let mut table = vec![0; 3 * (piece.len() / ALIGN)];
            for (segment, parts) in reverse.segments.iter().zip(&mut placed) {
                if !segment.ranges.first().is_some_and(is_here) {
                    continue;
                }
                parts.at = at;
                at += parts.stride * parts.count;
                for (row, local) in segment.ranges.iter().flat_map(rows) {
                    let first = parts.at - start + local;
                    let values = [first, parts.stride, parts.count].map(|value| value as u32);
                    table[3 * row..3 * row + 3].copy_from_slice(&values);
                }
            }
            gather.push(table);
            // No memory is empty.
            at = at.max(start + ALIGN);
            starts.push(start);

            let mut table = vec![0; 4 * (piece.len() / ALIGN)];
            for (range, sizes) in reverse.turned.iter().filter(|(range, _)| is_here(range)) {
                for (row, _) in rows(range) {
                    let [taps, c_in, c_out] = *sizes;
                    let values = [range.start - piece.start, taps, c_in, c_out];
                    let values = values.map(|value| value as u32);
                    table[4 * row..4 * row + 4].copy_from_slice(&values);
                }
            }
            turn.push(table);
        }
        Self {
            placed,
            parts: Cuts::at(starts, at),
            gather,
            turn,
        }
    }
}

//! Tables by which the kernels find their way in the flat buffers: which parts make up a gradient, which weights are turned.

use crate::unet::gpu::plan::ALIGN;
use crate::unet::gpu::product::Placed;
use crate::unet::gpu::reverse::Reverse;
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

/// What the tables hold, with a row for each [`ALIGN`] parameters.
pub(super) struct Tables {
    /// Where the parts of each gradient are, and the numbers of all parts.
    pub(super) placed: Vec<Placed>,
    pub(super) parts: usize,
    /// The first part, the distance of the parts and how many there are.
    pub(super) gather: Vec<u32>,
    /// Where the layer begins, its taps, c_in and c_out.
    pub(super) turn: Vec<u32>,
}

impl Tables {
    /// The tables for `len` parameters that learn from so many images.
    pub(super) fn new(reverse: &Reverse, images: usize, len: usize) -> Self {
        let rows = |range: &Range<usize>| range.start / ALIGN..range.end.div_ceil(ALIGN);
        let (mut placed, mut at) = (Vec::new(), 0);
        let mut gather = vec![0; 3 * (len / ALIGN)];
        for segment in &reverse.segments {
            let parts = Placed::new(segment, images, at);
            at += parts.stride * parts.count;
            for range in &segment.ranges {
                for row in rows(range) {
                    let first = parts.at + row * ALIGN - range.start;
                    let values = [first, parts.stride, parts.count].map(|value| value as u32);
                    gather[3 * row..3 * row + 3].copy_from_slice(&values);
                }
            }
            placed.push(parts);
        }
        let mut turn = vec![0; 4 * (len / ALIGN)];
        for (range, sizes) in &reverse.turned {
            for row in rows(range) {
                let [taps, c_in, c_out] = *sizes;
                let values = [range.start, taps, c_in, c_out].map(|value| value as u32);
                turn[4 * row..4 * row + 4].copy_from_slice(&values);
            }
        }
        Self {
            placed,
            parts: at,
            gather,
            turn,
        }
    }
}

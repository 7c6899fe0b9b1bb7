//! Where each parameter of the state dict is in the one buffer of all parameters.
//!
//! The kernels read a layer's weights with the output channels innermost, and some layers of one input side by side. Each
//! number of the state dict has one slot there all the same, and each slot belongs to one parameter or to none.

use super::layer::{HostConv, HostNorm};
use super::plan::ALIGN;
use burn::module::ParamId;
use std::ops::Range;

/// A parameter `[c_out, c_in, taps]` in the buffer: element (co, ci, tap) is at `start + (tap * c_in + ci) * row + co`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) id: ParamId,
    pub(super) start: usize,
    pub(super) taps: usize,
    pub(super) c_in: usize,
    pub(super) c_out: usize,
    /// Numbers from one input channel to the next.
    pub(super) row: usize,
}

impl Slot {
    /// A parameter whose numbers stand one after the other, as in the state dict.
    fn plain(id: ParamId, start: usize, len: usize) -> Self {
        Self {
            id,
            start,
            taps: 1,
            c_in: 1,
            c_out: len,
            row: len,
        }
    }

    /// Where each of its numbers is, in the order of the state dict.
    pub(super) fn indices(self) -> impl Iterator<Item = usize> {
        let Self {
            start,
            taps,
            c_in,
            c_out,
            row,
            ..
        } = self;
        (0..c_out).flat_map(move |co| {
            (0..c_in)
                .flat_map(move |ci| (0..taps).map(move |tap| start + (tap * c_in + ci) * row + co))
        })
    }
}

/// All parameters, each layer's from a multiple of [`ALIGN`] on.
#[derive(Debug, Default)]
pub(super) struct Parameters {
    /// Their numbers; none if they went elsewhere.
    pub(super) values: Vec<f32>,
    pub(super) slots: Vec<Slot>,
}

/// Where the numbers of a network's parameters go, layer by layer.
pub(super) enum To<'a> {
    /// To [`Parameters::values`].
    Host,
    /// Nowhere: only where each would be is asked for.
    Nowhere,
    /// To whoever takes those of a range.
    Device(&'a mut dyn FnMut(Range<usize>, Vec<f32>)),
}

/// Parameters while they are laid out.
pub(super) struct Layout<'a> {
    parameters: Parameters,
    len: usize,
    to: To<'a>,
}

impl<'a> Layout<'a> {
    pub(super) fn new(to: To<'a>) -> Self {
        Self {
            parameters: Parameters::default(),
            len: 0,
            to,
        }
    }

    /// The weights of a convolution, `[window, window, c_in, c_out]`.
    pub(super) fn weights(&mut self, layer: &HostConv) -> Range<usize> {
        let range = self.keep(layer.weight.len(), || layer.arranged());
        for part in &layer.parts {
            self.parameters.slots.push(Slot {
                id: part.weight,
                start: range.start + part.column,
                taps: layer.window * layer.window,
                c_in: layer.c_in,
                c_out: part.c_out,
                row: layer.c_out,
            });
        }
        range
    }

    /// Its bias, `[c_out]`.
    pub(super) fn bias(&mut self, layer: &HostConv) -> Range<usize> {
        let range = self.keep(layer.bias.len(), || layer.bias.clone());
        let slot =
            |part: &super::Part| Slot::plain(part.bias, range.start + part.column, part.c_out);
        (self.parameters.slots).extend(layer.parts.iter().map(slot));
        range
    }

    /// The weight of a normalisation, then its bias.
    pub(super) fn affine(&mut self, layer: &HostNorm) -> Range<usize> {
        let c = layer.weight.len();
        let range = self.keep(2 * c, || [&layer.weight[..], &layer.bias].concat());
        for (i, id) in layer.ids.into_iter().enumerate() {
            let slot = Slot::plain(id, range.start + i * c, c);
            self.parameters.slots.push(slot);
        }
        range
    }

    /// A table of vectors, row by row.
    pub(super) fn table(&mut self, id: ParamId, values: &[f32]) -> Range<usize> {
        let range = self.keep(values.len(), || values.to_vec());
        let slot = Slot::plain(id, range.start, values.len());
        self.parameters.slots.push(slot);
        range
    }

    /// All that were laid out.
    pub(super) fn finish(self) -> Parameters {
        self.parameters
    }

    fn keep(&mut self, len: usize, values: impl FnOnce() -> Vec<f32>) -> Range<usize> {
        let start = self.len.next_multiple_of(ALIGN);
        self.len = start + len;
        match &mut self.to {
            To::Host => {
                self.parameters.values.resize(start, 0.0);
                self.parameters.values.extend(values());
            }
            To::Nowhere => {}
            To::Device(take) => take(start..self.len, values()),
        }
        start..self.len
    }
}

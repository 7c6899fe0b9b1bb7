//! Where each parameter of the state dict is in the one buffer of all parameters.
//!
//! The kernels read a layer's weights with the output channels innermost, and some layers of one input side by side. Each
//! number of the state dict has one slot there all the same, and each slot belongs to one parameter or to none.

use super::layer::{HostConv, HostNorm};
use crate::unet::layers::Linear;
use burn::module::ParamId;
use std::ops::Range;

/// Of linear layers side by side, the outputs of each begin at a multiple of this, the widest vector of the kernels.
pub(super) const BESIDE: usize = 4;

/// Numbers that are arranged at once, 1 MiB of them: all layers of the timestep together may be a tenth of a network.
const PART: usize = 1 << 18;

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

/// All parameters.
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
    align: usize,
}

impl<'a> Layout<'a> {
    /// Each layer's begin at a multiple of `align`.
    pub(super) fn new(to: To<'a>, align: usize) -> Self {
        Self {
            align,
            parameters: Parameters::default(),
            len: 0,
            to,
        }
    }

    /// The weights of a convolution, `[window, window, c_in, c_out]`.
    pub(super) fn weights(&mut self, layer: &HostConv) -> Range<usize> {
        let row = layer.c_out;
        let range = self.keep_rows(layer.rows(), row, |arranged, rows| {
            layer.arrange(arranged, rows, row, 0);
        });
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

    /// The weights and biases of linear layers of one input as one layer, the outputs of each from a multiple of [`BESIDE`]
    /// on, zeros between.
    pub(super) fn beside(&mut self, layers: &[Linear]) -> [Range<usize>; 2] {
        let c_in = layers.first().map_or(0, Linear::input_width);
        let mut row = 0;
        let mut columns = Vec::with_capacity(layers.len());
        for layer in layers {
            columns.push(row);
            row += layer.width().next_multiple_of(BESIDE);
        }
        let each = || layers.iter().map(Linear::host).zip(columns.iter().copied());
        let weights = self.keep_rows(c_in, row, |arranged, rows| {
            each().for_each(|(layer, column)| layer.arrange(arranged, rows.clone(), row, column));
        });
        let bias = self.keep(row, || {
            let mut biases = vec![0.0; row];
            for (layer, column) in each() {
                biases[column..column + layer.c_out].copy_from_slice(&layer.bias);
            }
            biases
        });
        let of = || layers.iter().zip(&columns);
        let weight_slots = of().map(|(layer, column)| Slot {
            id: layer.weight.id,
            start: weights.start + column,
            taps: 1,
            c_in,
            c_out: layer.width(),
            row,
        });
        self.parameters.slots.extend(weight_slots);
        let bias_slots = of()
            .map(|(layer, column)| Slot::plain(layer.bias.id, bias.start + column, layer.width()));
        self.parameters.slots.extend(bias_slots);
        [weights, bias]
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

    fn keep(&mut self, len: usize, values: impl Fn() -> Vec<f32>) -> Range<usize> {
        self.keep_in_parts(len, len, |_| values())
    }

    /// Takes `count` rows of `row` numbers, a few after the other, which `arrange` writes over zeros.
    fn keep_rows(
        &mut self,
        count: usize,
        row: usize,
        arrange: impl Fn(&mut [f32], Range<usize>),
    ) -> Range<usize> {
        // An even number of rows, so that two float16 fill each word also where parts meet.
        let part = (PART / row.max(1)).max(2) / 2 * 2 * row;
        self.keep_in_parts(count * row, part, |numbers| {
            let mut arranged = vec![0.0; numbers.len()];
            arrange(&mut arranged, numbers.start / row..numbers.end / row);
            arranged
        })
    }

    /// Takes `values` of ranges of at most `part` of `len` numbers.
    fn keep_in_parts(
        &mut self,
        len: usize,
        part: usize,
        values: impl Fn(Range<usize>) -> Vec<f32>,
    ) -> Range<usize> {
        let start = self.len.next_multiple_of(self.align);
        self.len = start + len;
        match &mut self.to {
            To::Host => {
                self.parameters.values.resize(start, 0.0);
                self.parameters.values.extend(values(0..len));
            }
            To::Nowhere => {}
            To::Device(take) => {
                for from in (0..len).step_by(part.max(1)) {
                    let to = len.min(from + part);
                    take(start + from..start + to, values(from..to));
                }
            }
        }
        start..self.len
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unet::build::Builder;
    use burn::tensor::Device;

    #[test]
    fn layers_side_by_side_begin_at_multiples_and_each_number_is_found() {
        let mut builder = Builder::fresh(&Device::flex());
        let layers = [builder.linear(2, 6), builder.linear(2, 5)];
        let mut layout = Layout::new(To::Host, 64);
        let [weights, bias] = layout.beside(&layers);
        assert_eq!((weights.len(), bias.len()), (2 * 16, 16));
        let Parameters { values, slots } = layout.finish();
        let of = |id| {
            let slot: &Slot = (slots.iter().find(|slot| slot.id == id)).expect("a slot");
            slot.indices().map(|i| values[i]).collect::<Vec<_>>()
        };
        for (layer, column) in layers.iter().zip([0, 8]) {
            let host = layer.host();
            assert_eq!(of(layer.weight.id), host.weight);
            assert_eq!(of(layer.bias.id), host.bias);
            assert_eq!(values[weights.start + column], host.weight[0]);
        }
        let between = [weights.start + 6, weights.start + 7, weights.start + 13];
        assert_eq!(between.map(|i| values[i]), [0.0; 3]);
    }

    #[test]
    fn what_is_taken_in_parts_is_the_whole() {
        let mut builder = Builder::fresh(&Device::flex());
        let layers = [builder.linear(700, 402), builder.linear(700, 400)];
        let mut whole = Layout::new(To::Host, 64);
        whole.beside(&layers);
        let expected = whole.finish().values;
        let mut found = vec![0.0; expected.len()];
        let mut sizes = Vec::new();
        let mut take = |range: Range<usize>, values: Vec<f32>| {
            sizes.push(range.len());
            found[range].copy_from_slice(&values);
        };
        Layout::new(To::Device(&mut take), 64).beside(&layers);
        assert!(found == expected);
        assert!(
            sizes.len() > 3 && sizes.iter().all(|&size| size <= PART),
            "{sizes:?}"
        );
    }
}

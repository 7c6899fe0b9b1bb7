//! A layer's parameters as the kernels read them: output channels innermost, so that neighbouring threads read neighbours.

use burn::module::ParamId;
use std::ops::Range;

/// Which of the network's parameters a layer's numbers are, or, of several layers as one, those of one of them.
#[derive(Debug, Clone, Copy)]
pub(in crate::unet) struct Part {
    pub(in crate::unet) weight: ParamId,
    pub(in crate::unet) bias: ParamId,
    /// Its first output channel.
    pub(in crate::unet) column: usize,
    /// Its output channels.
    pub(in crate::unet) c_out: usize,
}

impl Part {
    /// A layer by itself.
    pub(in crate::unet) fn whole([weight, bias]: [ParamId; 2], c_out: usize) -> Self {
        Self {
            weight,
            bias,
            column: 0,
            c_out,
        }
    }
}

/// A convolution or a linear layer (a window of 1) on the host, as PyTorch orders it.
#[derive(Debug, Clone)]
pub(in crate::unet) struct HostConv {
    /// `[c_out, c_in, window, window]`.
    pub(in crate::unet) weight: Vec<f32>,
    /// `[c_out]`.
    pub(in crate::unet) bias: Vec<f32>,
    pub(in crate::unet) c_in: usize,
    pub(in crate::unet) c_out: usize,
    pub(in crate::unet) window: usize,
    pub(in crate::unet) stride: usize,
    pub(in crate::unet) padding: usize,
    pub(in crate::unet) parts: Vec<Part>,
}

impl HostConv {
    /// A linear layer, weight `[c_out, c_in]`.
    pub(in crate::unet) fn linear(weight: Vec<f32>, bias: Vec<f32>, parts: Vec<Part>) -> Self {
        let c_out = bias.len();
        Self {
            c_in: weight.len() / c_out.max(1),
            c_out,
            weight,
            bias,
            window: 1,
            stride: 1,
            padding: 0,
            parts,
        }
    }

    /// Linear layers of the same input as one: their outputs stand one after the other.
    pub(in crate::unet) fn beside(layers: &[Self]) -> Self {
        let (mut weight, mut bias, mut parts) = (Vec::new(), Vec::new(), Vec::new());
        for layer in layers {
            parts.extend(layer.parts.iter().map(|part| Part {
                column: bias.len() + part.column,
                ..*part
            }));
            weight.extend_from_slice(&layer.weight);
            bias.extend_from_slice(&layer.bias);
        }
        Self::linear(weight, bias, parts)
    }

    /// The weight as `[window, window, c_in, c_out]`.
    #[cfg(test)]
    fn arranged(&self) -> Vec<f32> {
        let mut arranged = vec![0.0; self.weight.len()];
        self.arrange(&mut arranged, 0..self.rows(), self.c_out, 0);
        arranged
    }

    /// Rows of the arranged weight: each place of the window times each input channel.
    pub(super) fn rows(&self) -> usize {
        self.window * self.window * self.c_in
    }

    /// Writes some of its rows to `[rows, row]`, from `column` on.
    pub(super) fn arrange(
        &self,
        arranged: &mut [f32],
        rows: Range<usize>,
        row: usize,
        column: usize,
    ) {
        let taps = self.window * self.window;
        for (to, from) in arranged.chunks_exact_mut(row.max(1)).zip(rows) {
            let (tap, ci) = (from / self.c_in, from % self.c_in);
            for (co, value) in to[column..column + self.c_out].iter_mut().enumerate() {
                *value = self.weight[(co * self.c_in + ci) * taps + tap];
            }
        }
    }
}

/// A group normalisation on the host.
#[derive(Debug, Clone)]
pub(in crate::unet) struct HostNorm {
    pub(in crate::unet) weight: Vec<f32>,
    pub(in crate::unet) bias: Vec<f32>,
    pub(in crate::unet) groups: usize,
    pub(in crate::unet) eps: f64,
    /// The weight and the bias among the network's parameters.
    pub(in crate::unet) ids: [ParamId; 2],
}

/// The widest vector, of at most four numbers, that all of these channel counts are made of.
pub(super) fn vector_width(channels: impl IntoIterator<Item = usize>) -> usize {
    let mut width = 4;
    for channels in channels {
        while !channels.is_multiple_of(width) {
            width /= 2;
        }
    }
    width
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_arranged_with_the_output_channels_innermost() {
        let (c_out, c_in, window) = (3, 2, 3);
        let layer = HostConv {
            weight: (0..c_out * c_in * window * window)
                .map(|i| i as f32)
                .collect(),
            bias: vec![0.0; c_out],
            c_in,
            c_out,
            window,
            stride: 1,
            padding: 1,
            parts: Vec::new(),
        };
        let arranged = layer.arranged();
        for co in 0..c_out {
            for ci in 0..c_in {
                for tap in 0..window * window {
                    assert_eq!(
                        arranged[(tap * c_in + ci) * c_out + co],
                        layer.weight[(co * c_in + ci) * window * window + tap]
                    );
                }
            }
        }
    }

    #[test]
    fn layers_side_by_side_are_one_layer() {
        let layer = |c_out: usize| {
            let part = Part::whole([ParamId::new(), ParamId::new()], c_out);
            HostConv::linear(vec![c_out as f32; 2 * c_out], vec![2.0; c_out], vec![part])
        };
        let both = HostConv::beside(&[layer(2), layer(1)]);
        assert_eq!((both.c_in, both.c_out), (2, 3));
        assert_eq!(both.arranged(), [2.0, 2.0, 1.0, 2.0, 2.0, 1.0]);
        assert_eq!((both.parts[1].column, both.parts[1].c_out), (2, 1));
    }

    #[test]
    fn vectors_are_as_wide_as_all_channel_counts_allow() {
        assert_eq!(vector_width([8, 12]), 4);
        assert_eq!(vector_width([8, 6]), 2);
        assert_eq!(vector_width([8, 3]), 1);
        assert_eq!(vector_width([]), 4);
    }
}

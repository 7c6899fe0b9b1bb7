//! Halving and doubling the resolution by a fixed filter, the same for every channel.

use super::executor::Executor;
use burn::tensor::Tensor;
use burn::tensor::ops::PadMode;

/// How features are resampled inside a residual block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Resample {
    /// Each pixel becomes four.
    Double,
    /// By a filter.
    By(Filter),
}

impl Resample {
    /// `[n, c, h, w]` to twice or half as many rows and columns.
    pub(super) fn apply<E: Executor>(self, on: &mut E, x: E::Features) -> E::Features {
        match self {
            Self::Double => on.upsample(x),
            Self::By(filter) => on.filter(x, filter),
        }
    }
}

/// A filter along both axes, with zeros beyond the sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Filter {
    /// The mean of four pixels: half the resolution.
    Mean,
    /// \[1, 3, 3, 1\] / 8: half the resolution (Zhang 2019; `FirDownsample2D`).
    FirDown,
    /// Zeros between the pixels, then \[1, 3, 3, 1\] / 4: twice the resolution (`FirUpsample2D`).
    FirUp,
}

/// A filter along one axis: value `o` of the output is the sum over `i` of weight `i` times value `o * down + i - padding`
/// of the input, which has `up - 1` zeros between its values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Taps {
    pub(super) count: usize,
    /// Weight of the first and the last.
    pub(super) outer: f32,
    /// Weight of those between.
    pub(super) inner: f32,
    pub(super) up: usize,
    pub(super) down: usize,
    pub(super) padding: usize,
}

impl Taps {
    /// The weight of the one at `i`.
    pub(super) fn weight(&self, i: usize) -> f32 {
        match i == 0 || i + 1 == self.count {
            true => self.outer,
            false => self.inner,
        }
    }

    /// Values of the output, for `side` of the input.
    pub(super) fn length(&self, side: usize) -> usize {
        side * self.up / self.down
    }
}

impl Filter {
    /// What it does along one axis.
    pub(super) fn taps(self) -> Taps {
        let (count, up, down, padding, outer, inner) = match self {
            Self::Mean => (2, 1, 2, 0, 0.5, 0.0),
            Self::FirDown => (4, 1, 2, 1, 0.125, 0.375),
            Self::FirUp => (4, 2, 1, 2, 0.25, 0.75),
        };
        Taps {
            count,
            outer,
            inner,
            up,
            down,
            padding,
        }
    }

    /// `[n, c, h, w]` to `[n, c, h / 2, w / 2]` or `[n, c, 2 h, 2 w]`; h and w are even where they are halved.
    pub(super) fn of(self, x: Tensor<4>) -> Tensor<4> {
        let x = self.along_columns(x).swap_dims(2, 3); // [n, c, w', h]
        self.along_columns(x).swap_dims(2, 3) // [n, c, h', w']
    }

    /// `[n, c, h, w]` to `[n, c, h, w / 2]` or `[n, c, h, 2 w]`.
    fn along_columns(self, x: Tensor<4>) -> Tensor<4> {
        let [n, c, h, w] = x.dims();
        let zeros = PadMode::Constant(0.0);
        match self {
            Self::Mean => x
                .reshape([n * c, h, w / 2, 2]) // [n c, h, w / 2, 2]
                .mean_dim(3)
                .reshape([n, c, h, w / 2]), // [n, c, h, w / 2]
            Self::FirDown => {
                let x = x.pad((1, 1, 0, 0), zeros); // [n, c, h, w + 2]
                let pairs = x.reshape([n * c, h, w / 2 + 1, 2]); // [n c, h, w / 2 + 1, 2]
                let (even, odd) = (pairs.clone().narrow(3, 0, 1), pairs.narrow(3, 1, 1));
                let first =
                    even.clone().narrow(2, 0, w / 2) + odd.clone().narrow(2, 0, w / 2) * 3.0;
                let last = even.narrow(2, 1, w / 2) * 3.0 + odd.narrow(2, 1, w / 2);
                ((first + last) / 8.0).reshape([n, c, h, w / 2]) // [n, c, h, w / 2]
            }
            Self::FirUp => {
                let padded = x.clone().pad((1, 1, 0, 0), zeros); // [n, c, h, w + 2]
                let before = padded.clone().narrow(3, 0, w); // [n, c, h, w]
                let after = padded.narrow(3, 2, w); // [n, c, h, w]
                let x = x * 3.0;
                let pairs = [x.clone() + before, x + after].map(|x| x.reshape([n * c, h, w, 1]));
                (Tensor::cat(pairs.to_vec(), 3) / 4.0).reshape([n, c, h, 2 * w]) // [n, c, h, 2 w]
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unet::cpu;
    use burn::tensor::{Device, TensorData};

    /// The definition of [`Taps`], number by number.
    fn by_taps(filter: Filter, x: &[f32], [h, w]: [usize; 2]) -> Vec<f32> {
        let taps = filter.taps();
        let [out_h, out_w] = [h, w].map(|side| taps.length(side));
        let mut y = vec![0.0; out_h * out_w];
        for (at, y) in y.iter_mut().enumerate() {
            for tap in 0..taps.count * taps.count {
                let source = |o: usize, i: usize, side: usize| {
                    let index = (o * taps.down + i).checked_sub(taps.padding)?;
                    let is_there = index.is_multiple_of(taps.up) && index < side * taps.up;
                    is_there.then_some(index / taps.up)
                };
                let (i, j) = (tap / taps.count, tap % taps.count);
                let pixel = source(at / out_w, i, h).zip(source(at % out_w, j, w));
                *y += pixel.map_or(0.0, |(row, column)| {
                    taps.weight(i) * taps.weight(j) * x[row * w + column]
                });
            }
        }
        y
    }

    #[test]
    fn filters_are_the_sums_that_their_taps_say() {
        let [h, w] = [4, 6];
        let x: Vec<f32> = (0..2 * h * w).map(|i| (i as f32 * 0.7).sin()).collect();
        for filter in [Filter::Mean, Filter::FirDown, Filter::FirUp] {
            let tensor = TensorData::new(x.clone(), [1, 2, h, w]);
            let y = filter.of(Tensor::from_data(tensor, &Device::flex()));
            let ways = [
                y.into_data().iter::<f32>().collect(),
                cpu::filter(&x, [2, h, w], filter),
            ];
            let expected: Vec<f32> = (x.chunks(h * w))
                .flat_map(|x| by_taps(filter, x, [h, w]))
                .collect();
            for y in ways {
                assert_eq!(y.len(), expected.len());
                for (y, expected) in y.iter().zip(&expected) {
                    assert!(
                        (y - expected).abs() < 1e-6,
                        "{filter:?}: {y}, not {expected}"
                    );
                }
            }
        }
    }

    #[test]
    fn filters_keep_what_is_the_same_everywhere() {
        for (filter, side) in [(Filter::FirDown, 4), (Filter::FirUp, 16)] {
            let x = Tensor::<4>::ones([1, 1, 8, 8], &Device::flex());
            let y: Vec<f32> = filter.of(x).into_data().iter().collect();
            assert_eq!(y.len(), side * side);
            assert!(
                (y[side * (side / 2) + side / 2] - 1.0).abs() < 1e-6,
                "{filter:?}"
            );
        }
    }
}

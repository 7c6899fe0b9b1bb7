//! The network's operations on slices, with this module's kernels and without gradients.

use super::activate::activate;
use super::attend::{self, AttendShape};
use super::conv::{self, Added, ConvShape};
use super::features::Features;
use super::norm::{self, NormShape};
use super::{FlexTensor, concat, dims4, filter, linear, memory, values};
use super::{parallel::for_each_chunk, upsample};
use crate::unet::activation::Activation;
use crate::unet::config::UNetConfig;
use crate::unet::embedding::divide_by_timestep;
use crate::unet::executor::{Executor, Finish, Heads, Then};
use crate::unet::layers::{Conv2d, Embedding, Frequencies, GroupNorm, Linear};
use crate::unet::look::{Seen, SeenAttention, SeenStage, Stage};
use crate::unet::progress;
use crate::unet::resample::Filter;
use burn::nn::Dropout;
use std::borrow::Cow;

/// Values that one thread divides at a time.
const CHUNK: usize = 1 << 14;

/// One evaluation on the CPU.
#[derive(Debug)]
pub(in crate::unet) struct OnCpu<'a> {
    config: &'a UNetConfig,
    timesteps: &'a [f32],
    labels: Option<&'a [usize]>,
    seen: Option<&'a mut Seen>,
    shows_attention: bool,
}

impl<'a> OnCpu<'a> {
    /// An evaluation at one timestep, and one label if any, for each image; `seen` keeps what it sees.
    pub(in crate::unet) fn new(
        config: &'a UNetConfig,
        timesteps: &'a [f32],
        labels: Option<&'a [usize]>,
        seen: Option<&'a mut Seen>,
    ) -> Self {
        Self {
            config,
            timesteps,
            labels,
            seen,
            shows_attention: false,
        }
    }
}

impl Executor for OnCpu<'_> {
    type Features = Features;
    /// Row by row.
    type Vector = Vec<f32>;

    fn timestep(&mut self, frequencies: Option<&Frequencies>) -> Vec<f32> {
        let frequencies = frequencies.map(Frequencies::host);
        (self.config).timestep_rows(self.timesteps, frequencies.as_deref())
    }

    fn label_as_timestep(&mut self, frequencies: Option<&Frequencies>) -> Vec<f32> {
        let (images, frequencies) = (self.timesteps.len(), frequencies.map(Frequencies::host));
        (self.config).label_rows(self.labels, images, frequencies.as_deref())
    }

    fn label(&mut self, table: &Embedding) -> Option<Vec<f32>> {
        let [_, d] = table.weight.dims();
        let rows = values(&table.weight);
        let row = |&label: &usize| rows.storage()[label * d..][..d].iter().copied();
        Some(self.labels?.iter().flat_map(row).collect())
    }

    fn linear(&mut self, vector: Vec<f32>, layer: &Linear) -> Vec<f32> {
        let (weight, bias) = (values(&layer.weight), values(&layer.bias));
        let n = self.timesteps.len();
        linear::forward(&vector, weight.storage(), bias.storage(), n) // [n, d_out]
    }

    fn activate(&mut self, mut vector: Vec<f32>, activation: Activation) -> Vec<f32> {
        activate(&mut vector, activation);
        vector
    }

    fn add(&mut self, mut vector: Vec<f32>, other: Vec<f32>) -> Vec<f32> {
        for (sum, other) in vector.iter_mut().zip(other) {
            *sum += other;
        }
        vector
    }

    fn conv(&mut self, x: Features, layer: &Conv2d, then: Finish<Self>) -> Features {
        let (weight, bias) = (values(&layer.weight), values(&layer.bias));
        let bias = match then.vector {
            None => Cow::from(bias.storage::<f32>()),
            Some(mut vector) => {
                for (sum, bias) in vector.iter_mut().zip(bias.storage::<f32>().iter().cycle()) {
                    *sum += bias;
                }
                vector.into() // [n, c_out]
            }
        };
        let added = Added {
            bias: &bias,
            residual: then.residual.as_ref().map(Features::values),
        };
        let sizes = dims4(&weight);
        let shape = ConvShape::new(x.shape(), sizes, layer.stride, layer.padding);
        let mut y = conv::keeping(x.values(), &weight, added, &shape, &layer.kept);
        divide(&mut y, then.divisor);
        let [to, from, rows, columns] = sizes;
        progress::made([to, from, rows, columns, shape.h_out, shape.w_out]);
        Features::new(y, shape.output()) // [n, c_out, h', w']
    }

    fn norm(&mut self, x: Features, layer: &GroupNorm, then: Then<Vec<f32>>) -> Features {
        let (weight, bias) = (values(&layer.weight), values(&layer.bias));
        let (weight, bias) = (weight.storage::<f32>(), bias.storage::<f32>());
        let (affine, activation) = match then {
            Then::Nothing => ([weight.into(), bias.into()], None),
            Then::Activate(activation) => ([weight.into(), bias.into()], Some(activation)),
            Then::ScaleShift(vector, activation) => (
                scaled(weight, bias, &vector).map(Cow::from),
                Some(activation),
            ),
        };
        let [weight, bias]: [Cow<[f32]>; 2] = affine;
        let with_silu = activation == Some(Activation::Silu);
        let shape = NormShape::new(x.shape(), layer.groups, layer.eps, with_silu);
        let (mut y, _) = norm::forward(x.values(), &weight, &bias, &shape);
        if let Some(activation) = activation.filter(|_| !with_silu) {
            activate(&mut y, activation);
        }
        Features::new(y, x.shape())
    }

    fn attention(
        &mut self,
        x: Features,
        heads: Heads<'_>,
        residual: Features,
        divisor: f64,
    ) -> Features {
        let [n, c, h, w] = x.shape();
        let inner = heads.heads * heads.head_dim;
        let project = |layer| pointwise(x.values(), layer, None, [n, c, h, w], inner);
        let [q, k, v] = [heads.to_q, heads.to_k, heads.to_v].map(project); // [n, heads d, h, w] each
        let shape = AttendShape {
            n,
            heads: heads.heads,
            head_dim: heads.head_dim,
            pixels: h * w,
        };
        if let Some(seen) = self.seen.as_mut().filter(|_| self.shows_attention) {
            seen.attention = Some(SeenAttention {
                shape: [n, heads.heads, h * w, h * w],
                weights: attend::weights([&q, &k], &shape),
            });
        }
        self.shows_attention = false;
        let mixed = attend::forward([&q, &k, &v], &shape); // [n, heads d, h, w]
        [q, k, v].into_iter().for_each(memory::keep);
        let residual = Some(residual.values());
        let mut y = pointwise(&mixed, heads.to_out, residual, [n, inner, h, w], c);
        memory::keep(mixed);
        divide(&mut y, divisor);
        Features::new(y, [n, c, h, w])
    }

    fn join(&mut self, x: Features, skip: Features) -> Features {
        let ([n, c, h, w], [_, c_skip, ..]) = (x.shape(), skip.shape());
        let y = concat::forward([x.values(), skip.values()], n);
        Features::new(y, [n, c + c_skip, h, w])
    }

    fn upsample(&mut self, x: Features) -> Features {
        let [n, c, h, w] = x.shape();
        let y = upsample::forward(x.values(), [n * c, h, w]);
        Features::new(y, [n, c, 2 * h, 2 * w])
    }

    fn filter(&mut self, x: Features, filter: Filter) -> Features {
        let ([n, c, h, w], taps) = (x.shape(), filter.taps());
        let y = filter::forward(x.values(), [n * c, h, w], filter);
        Features::new(y, [n, c, taps.length(h), taps.length(w)])
    }

    fn pad_far_sides(&mut self, x: Features) -> Features {
        let [n, c, h, w] = x.shape();
        let mut y = memory::buffer(n * c * (h + 1) * (w + 1));
        y.fill(0.0);
        let planes = y.chunks_exact_mut((h + 1) * (w + 1));
        for (y, x) in planes.zip(x.values().chunks_exact(h * w)) {
            for (y, x) in y.chunks_exact_mut(w + 1).zip(x.chunks_exact(w)) {
                y[..w].copy_from_slice(x);
            }
        }
        Features::new(y, [n, c, h + 1, w + 1])
    }

    /// What is not being trained drops nothing out.
    fn dropout(&mut self, x: Features, _: &Dropout) -> Features {
        x
    }

    fn divide_by_timestep(&mut self, x: Features) -> Features {
        x.map(|x| divide_by_timestep(x, self.timesteps))
    }

    fn stage(&mut self, stage: Stage, x: &Features) {
        if let Some(seen) = &mut self.seen {
            seen.stages.push(SeenStage {
                stage,
                shape: x.shape(),
                values: x.values().to_vec(),
            });
        }
    }

    fn show_next_attention(&mut self) {
        self.shows_attention = true;
    }
}

/// `layer` of every pixel plus `residual`, if any: `[n, c, h, w]` to `[n, c_out, h, w]`.
fn pointwise(
    x: &[f32],
    layer: &Linear,
    residual: Option<&[f32]>,
    sizes: [usize; 4],
    c_out: usize,
) -> Vec<f32> {
    let (weight, bias): (FlexTensor, FlexTensor) = (values(&layer.weight), values(&layer.bias));
    let added = Added {
        bias: bias.storage(),
        residual,
    };
    let shape = ConvShape::new(sizes, [c_out, sizes[1], 1, 1], 1, 0);
    conv::direct(x, weight.storage(), added, &shape)
}

/// y (1 + scale) + shift of an affine map, which is one for each image: `[n, c]`, from `[n, 2 c]`.
fn scaled(weight: &[f32], bias: &[f32], vector: &[f32]) -> [Vec<f32>; 2] {
    let mut affine = [vec![], vec![]];
    for both in vector.chunks_exact(2 * weight.len()) {
        let (scale, shift) = both.split_at(weight.len());
        affine[0].extend(weight.iter().zip(scale).map(|(w, s)| w * (1.0 + s)));
        let each = bias.iter().zip(scale).zip(shift);
        affine[1].extend(each.map(|((b, s), shift)| b * (1.0 + s) + shift));
    }
    affine
}

fn divide(sum: &mut [f32], divisor: f64) {
    if divisor != 1.0 {
        let divisor = divisor as f32;
        for_each_chunk(sum, CHUNK, |_, sum, _: &mut ()| {
            sum.iter_mut().for_each(|x| *x /= divisor);
        });
    }
}

//! The launches of one evaluation, for any number of images: what a device is asked to do.

use super::parameters::Parameters;
use crate::unet::UNetConfig;
use crate::unet::activation::Activation;
use crate::unet::dropout::Dropped;
use crate::unet::embedding::divide_by_timestep;
use crate::unet::look::Stage;
use crate::unet::resample::Taps;
use std::ops::Range;
use thiserror::Error;

/// Numbers between the starts of two layers in the weights, and of two tensors in memory: 256 bytes, the largest
/// `minStorageBufferOffsetAlignment` of WebGPU.
pub(super) const ALIGN: usize = 64;

/// Most workgroups along one axis (WebGPU's `maxComputeWorkgroupsPerDimension`).
pub(super) const MOST_CUBES: usize = 65_535;
/// A network that the kernels cannot compute; the CPU can.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[error("the kernels for the GPU cannot compute this network ({0}); compute it on the CPU")]
pub struct Unsupported(pub String);

/// A tensor of one evaluation: `[n, h, w, c]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Features {
    pub(super) id: usize,
    pub(super) h: usize,
    pub(super) w: usize,
    pub(super) c: usize,
}

impl Features {
    /// Numbers for each image.
    pub(super) fn size(&self) -> usize {
        self.h * self.w * self.c
    }

    /// Each image as one row of pixels, which is how a linear layer sees it.
    pub(super) fn as_row(&self) -> Self {
        Self {
            h: 1,
            w: self.h * self.w,
            ..*self
        }
    }
}

/// A part of each image's row of vectors, `[n, c]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Vector {
    pub(super) rows: Features,
    pub(super) at: usize,
}

/// One launch of [`conv`](super::kernels::conv).
#[derive(Debug, Clone)]
pub(super) struct Conv {
    pub(super) inputs: Vec<Features>,
    pub(super) weights: Range<usize>,
    /// The weights of the 1x1 convolution of `projected`, and its bias.
    pub(super) projection: Option<Range<usize>>,
    pub(super) bias: Option<Range<usize>>,
    pub(super) projection_bias: Option<Range<usize>>,
    pub(super) window: usize,
    pub(super) stride: usize,
    pub(super) padding: usize,
    pub(super) doubled: bool,
    pub(super) vector: Option<Vector>,
    pub(super) plain: Option<Features>,
    /// Whether each pixel of `plain` stands for four.
    pub(super) plain_doubled: bool,
    pub(super) projected: Vec<Features>,
    pub(super) divisor: Option<f64>,
    pub(super) activation: Option<Activation>,
    pub(super) out: Features,
    /// Whether the result is added to what is there.
    pub(super) adds: bool,
    /// What a gradient's convolution is besides.
    pub(super) turned: Option<Turned>,
}

/// A convolution with weights that are turned round, whose output are some of what the layer reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Turned {
    /// Channels that the layer reads, and the first of these.
    pub(super) row: usize,
    pub(super) column: usize,
    /// The pixels that it reads lie so far apart, with zeros between.
    pub(super) spread: usize,
}

impl Conv {
    /// All of its parameters, which lie one after the other.
    pub(super) fn parameters(&self) -> Range<usize> {
        let ends = [&self.projection, &self.bias, &self.projection_bias];
        let end = ends.into_iter().flatten().map(|range| range.end);
        self.weights.start..end.fold(self.weights.end, usize::max)
    }
}

/// One launch of [`group_norm`](super::kernels::norm).
#[derive(Debug, Clone)]
pub(super) struct Norm {
    pub(super) inputs: Vec<Features>,
    pub(super) affine: Range<usize>,
    pub(super) groups: usize,
    pub(super) eps: f64,
    pub(super) vector: Option<Vector>,
    pub(super) activation: Option<Activation>,
    /// What of the output training drops.
    pub(super) dropped: Option<Dropped>,
    pub(super) out: Features,
}

/// One launch of [`attend`](super::kernels::attend).
#[derive(Debug, Clone)]
pub(super) struct Attend {
    pub(super) qkv: Features,
    pub(super) heads: usize,
    pub(super) head_dim: usize,
    pub(super) out: Features,
}

/// One launch of [`filter`](super::kernels::filter).
#[derive(Debug, Clone)]
pub(super) struct Filtered {
    pub(super) input: Features,
    pub(super) taps: Taps,
    pub(super) out: Features,
    /// Whether the result is added to what is there.
    pub(super) adds: bool,
}

/// One launch.
#[derive(Debug, Clone)]
pub(super) enum Launch {
    Conv(Conv),
    Norm(Norm),
    Attend(Attend),
    Filter(Filtered),
}

impl Launch {
    /// The tensors that it reads.
    pub(super) fn reads(&self) -> Vec<Features> {
        let rows = |vector: &Option<Vector>| vector.map(|vector| vector.rows);
        match self {
            Self::Conv(conv) => (conv.inputs.iter().copied())
                .chain(rows(&conv.vector))
                .chain(conv.plain)
                .chain(conv.projected.iter().copied())
                .collect(),
            Self::Norm(norm) => (norm.inputs.iter().copied())
                .chain(rows(&norm.vector))
                .collect(),
            Self::Attend(attend) => vec![attend.qkv],
            Self::Filter(filtered) => vec![filtered.input],
        }
    }

    /// The multiplications of its convolutions, for each image: more than 32 bits count.
    fn multiplications(&self) -> f64 {
        let channels = |inputs: &[Features]| inputs.iter().map(|input| input.c).sum::<usize>();
        match self {
            Self::Conv(conv) => {
                let read = conv.window * conv.window * channels(&conv.inputs);
                conv.out.size() as f64 * (read + channels(&conv.projected)) as f64
            }
            Self::Norm(_) | Self::Attend(_) | Self::Filter(_) => 0.0,
        }
    }

    /// The tensor that it writes.
    pub(super) fn writes(&self) -> Features {
        match self {
            Self::Conv(conv) => conv.out,
            Self::Norm(norm) => norm.out,
            Self::Attend(attend) => attend.out,
            Self::Filter(filtered) => filtered.out,
        }
    }
}

/// The tensors that the host writes before an evaluation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Given {
    /// x_t.
    pub(super) x: Features,
    /// The timestep's sines and cosines.
    pub(super) timestep: Features,
    /// The label's row of the class embedding, or zeros; or its sines and cosines.
    pub(super) class: Features,
}

impl Given {
    /// All of them: the first tensors of a plan.
    pub(super) fn all(&self) -> [Features; 3] {
        [self.x, self.timestep, self.class]
    }
}

/// The class embedding, `[rows, time_channels]`, of which the host gives a row.
#[derive(Debug, Clone)]
pub(super) struct Classes {
    pub(super) values: Vec<f32>,
    /// Where it is among the parameters.
    pub(super) range: Range<usize>,
}

/// What a network's evaluation consists of.
#[derive(Debug)]
pub(super) struct Plan {
    /// Size of every tensor for one image.
    pub(super) sizes: Vec<usize>,
    pub(super) launches: Vec<Launch>,
    pub(super) parameters: Parameters,
    pub(super) classes: Option<Classes>,
    /// Whether labels are embedded as timesteps are.
    pub(super) labels_are_timesteps: bool,
    /// Those of a Fourier embedding.
    pub(super) frequencies: Option<Vec<f32>>,
    /// Whether the host divides the output, each image by its timestep.
    pub(super) divided_by_timestep: bool,
    pub(super) given: Given,
    pub(super) out: Features,
    /// The features after every stage.
    pub(super) stages: Vec<(Stage, Features)>,
    /// The middle block's queries, keys and values, and its number of heads.
    pub(super) bottom: Option<(Features, usize)>,
}

impl Plan {
    /// The launches in at most `count` parts, at least one, of about as many multiplications each, with the share of the
    /// whole that is done after each part.
    pub(super) fn parts(&self, count: usize) -> Vec<(f64, &[Launch])> {
        let whole: f64 = self.launches.iter().map(Launch::multiplications).sum();
        let (mut parts, mut begin, mut done, mut told) = (Vec::new(), 0, 0.0, 0.0);
        for (at, launch) in self.launches.iter().enumerate() {
            done += launch.multiplications();
            let is_last = at + 1 == self.launches.len();
            let next = parts.len() + 1;
            let is_due = done > told && done * count as f64 >= whole * next as f64;
            if is_last || (is_due && next < count) {
                let share = if is_last { 1.0 } else { done / whole };
                parts.push((share, &self.launches[begin..=at]));
                (begin, told) = (at + 1, done);
            }
        }
        parts
    }

    /// What the host writes of timesteps and labels: `[n, timestep_width]`, and a row of the class embedding, zeros where
    /// there is no label, or what stands for the label.
    pub(super) fn rows(
        &self,
        config: &UNetConfig,
        timesteps: &[f32],
        labels: Option<&[usize]>,
    ) -> [Vec<f32>; 2] {
        let (images, d) = (timesteps.len(), self.given.class.c);
        let frequencies = self.frequencies.as_deref();
        let of_labels = match (&self.classes, labels) {
            _ if self.labels_are_timesteps => config.label_rows(labels, images, frequencies),
            (Some(table), Some(labels)) => {
                let row =
                    |&label: &usize| table.values.get(label * d..(label + 1) * d).unwrap_or(&[]);
                labels.iter().flat_map(row).copied().collect()
            }
            _ => vec![0.0; images * d],
        };
        [config.timestep_rows(timesteps, frequencies), of_labels]
    }

    /// Divides `values`, the output of images at these timesteps, if the network says so.
    pub(super) fn divide<T: Copy + From<f32> + std::ops::Div<Output = T>>(
        &self,
        values: &mut [T],
        timesteps: &[f32],
    ) {
        if self.divided_by_timestep {
            divide_by_timestep(values, timesteps);
        }
    }

    /// For how many images no tensor, nor what the host writes, is larger than `most` numbers, and no grid has more
    /// workgroups along an axis than there may be: normalisation and attention have one for each image.
    pub(super) fn most_images(&self, most: usize) -> usize {
        let given = self.given.all().iter().map(Features::size).sum();
        let largest = self.sizes.iter().copied().fold(given, usize::max);
        // What the host writes is one piece, in which each part begins at a multiple.
        let most = most.saturating_sub(self.given.all().len() * ALIGN) / largest.max(1);
        most.min(MOST_CUBES)
    }
}

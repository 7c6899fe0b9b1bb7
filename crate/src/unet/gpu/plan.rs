//! The launches of one evaluation, for any number of images: what a device is asked to do.

use crate::unet::look::Place;
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
    pub(super) window: usize,
    pub(super) stride: usize,
    pub(super) padding: usize,
    pub(super) doubled: bool,
    pub(super) vector: Option<Vector>,
    pub(super) plain: Option<Features>,
    pub(super) projected: Vec<Features>,
    pub(super) divisor: Option<f64>,
    pub(super) silu: bool,
    pub(super) out: Features,
}

/// One launch of [`group_norm`](super::kernels::norm).
#[derive(Debug, Clone)]
pub(super) struct Norm {
    pub(super) inputs: Vec<Features>,
    pub(super) affine: Range<usize>,
    pub(super) groups: usize,
    pub(super) eps: f64,
    pub(super) vector: Option<Vector>,
    pub(super) silu: bool,
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

/// One launch.
#[derive(Debug, Clone)]
pub(super) enum Launch {
    Conv(Conv),
    Norm(Norm),
    Attend(Attend),
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
        }
    }

    /// The tensor that it writes.
    pub(super) fn writes(&self) -> Features {
        match self {
            Self::Conv(conv) => conv.out,
            Self::Norm(norm) => norm.out,
            Self::Attend(attend) => attend.out,
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
    /// The label's row of the class embedding, or zeros.
    pub(super) class: Features,
}

impl Given {
    /// All of them: the first tensors of a plan.
    pub(super) fn all(&self) -> [Features; 3] {
        [self.x, self.timestep, self.class]
    }
}

/// What a network's evaluation consists of.
#[derive(Debug)]
pub(super) struct Plan {
    /// Size of every tensor for one image.
    pub(super) sizes: Vec<usize>,
    pub(super) launches: Vec<Launch>,
    /// All layers' parameters, each layer's from a multiple of [`ALIGN`] on.
    pub(super) weights: Vec<f32>,
    /// The class embedding, `[rows, time_channels]`, of which the host gives a row.
    pub(super) classes: Option<Vec<f32>>,
    pub(super) given: Given,
    pub(super) out: Features,
    /// The features after every stage.
    pub(super) stages: Vec<(Place, Features)>,
    /// The middle block's queries, keys and values, and its number of heads.
    pub(super) bottom: Option<(Features, usize)>,
}

impl Plan {
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

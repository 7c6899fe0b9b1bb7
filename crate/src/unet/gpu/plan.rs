//! The launches of one evaluation, for any number of images: what the blocks of the U say when they are walked once.

use super::layer::{HostConv, HostNorm, vector_width};
use crate::unet::look::Place;
use std::ops::Range;
use thiserror::Error;

/// Numbers between the starts of two layers in the weights, and of two tensors in memory: 256 bytes, the largest
/// `minStorageBufferOffsetAlignment` of WebGPU.
pub(super) const ALIGN: usize = 64;

/// Most workgroups along one axis (WebGPU's `maxComputeWorkgroupsPerDimension`).
pub(super) const MOST_CUBES: usize = 65_535;

/// Vectors of the widest head that the attention kernel sums: 16 for each of the 16 threads that share a query.
const WIDEST_HEAD: usize = 256;

/// A network that the kernels cannot compute; the CPU can.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[error("the kernels for the GPU cannot compute this network ({0}); compute it on the CPU")]
pub struct Unsupported(pub String);

/// A tensor of one evaluation: `[n, h, w, c]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::unet) struct Features {
    pub(super) id: usize,
    pub(in crate::unet) h: usize,
    pub(in crate::unet) w: usize,
    pub(in crate::unet) c: usize,
}

impl Features {
    /// Numbers for each image.
    pub(super) fn size(&self) -> usize {
        self.h * self.w * self.c
    }

    /// Each image as one row of pixels, which is how a linear layer sees it.
    fn as_row(&self) -> Self {
        Self {
            h: 1,
            w: self.h * self.w,
            ..*self
        }
    }
}

/// A part of each image's row of vectors, `[n, c]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::unet) struct Vector {
    pub(super) rows: Features,
    pub(super) at: usize,
}

/// What a convolution adds before its one write, and what it does then.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::unet) struct Finish<'a> {
    /// A vector for each image, added to every pixel.
    pub(in crate::unet) vector: Option<Vector>,
    /// The residual connection.
    pub(in crate::unet) residual: Residual<'a>,
    /// The sum is divided by it; `None`: by 1.
    pub(in crate::unet) divisor: Option<f64>,
    /// Whether SiLU comes last.
    pub(in crate::unet) silu: bool,
    /// Whether each pixel of the input stands for four.
    pub(in crate::unet) doubled: bool,
}

/// What is added to a convolution's output.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::unet) enum Residual<'a> {
    /// Nothing.
    #[default]
    None,
    /// Features of the same shape.
    Plain(&'a [Features]),
    /// A 1x1 convolution of the concatenation.
    Projected(&'a [Features], &'a HostConv),
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
    pub(super) sines: Features,
    /// The label's row of the class embedding, or zeros.
    pub(super) class: Features,
}

impl Given {
    /// All of them: the first tensors of a plan.
    pub(super) fn all(&self) -> [Features; 3] {
        [self.x, self.sines, self.class]
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

/// Takes down a network's launches in their order.
#[derive(Debug)]
pub(in crate::unet) struct Planner {
    sizes: Vec<usize>,
    launches: Vec<Launch>,
    weights: Vec<f32>,
    given: Given,
    /// The time vectors of all residual blocks, side by side; its width is known when the last one has been asked for.
    vectors: Features,
    embedding: Option<Features>,
    projections: Vec<HostConv>,
    stages: Vec<(Place, Features)>,
    bottom: Option<(Features, usize)>,
    unsupported: Option<String>,
}

/// The time vectors begin at multiples of this, the widest vector of the kernels.
const VECTOR_ALIGN: usize = 4;

impl Planner {
    /// Takes down the launches for images of `[h, w, c]`, sines of width `sines` and class vectors of width `class`.
    pub(super) fn new([h, w, c]: [usize; 3], sines: usize, class: usize) -> Self {
        let mut sizes = Vec::new();
        let mut tensor = |h: usize, w: usize, c: usize| {
            sizes.push(h * w * c);
            Features {
                id: sizes.len() - 1,
                h,
                w,
                c,
            }
        };
        let given = Given {
            x: tensor(h, w, c),
            sines: tensor(1, 1, sines),
            class: tensor(1, 1, class),
        };
        let vectors = tensor(1, 1, 0);
        Self {
            sizes,
            launches: Vec::new(),
            weights: Vec::new(),
            given,
            vectors,
            embedding: None,
            projections: Vec::new(),
            stages: Vec::new(),
            bottom: None,
            unsupported: None,
        }
    }

    /// x_t.
    pub(in crate::unet) fn x(&self) -> Features {
        self.given.x
    }

    /// Layers 1 and 2 of the time embedding, with the label's vector, and the SiLU that every residual block begins with.
    pub(in crate::unet) fn embed(&mut self, linear_1: &HostConv, linear_2: &HostConv) {
        let silu = Finish {
            silu: true,
            ..Finish::default()
        };
        let hidden = self.conv(&[self.given.sines], linear_1, silu);
        let class = Vector {
            rows: self.given.class,
            at: 0,
        };
        let embedding = self.conv(
            &[hidden],
            linear_2,
            Finish {
                vector: Some(class),
                ..silu
            },
        );
        self.embedding = Some(embedding);
    }

    /// What `projection` makes of the embedding, for a residual block.
    pub(in crate::unet) fn time_vector(&mut self, projection: HostConv) -> Vector {
        let at = self.vectors.c;
        self.vectors.c += projection.c_out.next_multiple_of(VECTOR_ALIGN);
        self.projections.push(projection);
        Vector {
            rows: self.vectors,
            at,
        }
    }

    /// A convolution of the concatenation of `inputs`.
    pub(in crate::unet) fn conv(
        &mut self,
        inputs: &[Features],
        layer: &HostConv,
        finish: Finish<'_>,
    ) -> Features {
        let (h, w) = (inputs[0].h, inputs[0].w);
        let times = if finish.doubled { 2 } else { 1 };
        let (h, w) = (h * times / layer.stride, w * times / layer.stride);
        let out = self.tensor(h, w, layer.c_out);
        let (plain, projected, projection) = match finish.residual {
            Residual::None => (None, &[][..], None),
            Residual::Plain(x) => {
                self.expect(
                    x.len() == 1,
                    "a residual connection of two features side by side",
                );
                (x.first().copied(), &[][..], None)
            }
            Residual::Projected(x, projection) => (None, x, Some(projection)),
        };
        self.expect(
            inputs.len() <= 2 && projected.len() <= 2,
            "more than two features side by side",
        );
        self.expect(
            layer.window == 1 || layer.window == 3,
            "a window that is neither 1 nor 3",
        );
        let mut weights = layer.arranged();
        let mut bias = layer.bias.clone();
        if let Some(projection) = projection {
            weights.extend(projection.arranged());
            // Both biases are added to every pixel.
            for (bias, &other) in bias.iter_mut().zip(&projection.bias) {
                *bias += other;
            }
        }
        weights.extend(bias);
        let row = |x: &Features| if layer.window == 1 { x.as_row() } else { *x };
        let conv = Conv {
            inputs: inputs.iter().map(row).collect(),
            weights: self.keep(&weights),
            window: layer.window,
            stride: layer.stride,
            padding: layer.padding,
            doubled: finish.doubled,
            vector: finish.vector,
            plain,
            projected: projected.to_vec(),
            divisor: finish.divisor.filter(|&divisor| divisor != 1.0),
            silu: finish.silu,
            out: row(&out),
        };
        self.launches.push(Launch::Conv(conv));
        out
    }

    /// A group normalisation of the concatenation of `inputs`, with scale and shift from `vector`, then SiLU if `silu`.
    pub(in crate::unet) fn norm(
        &mut self,
        inputs: &[Features],
        layer: &HostNorm,
        vector: Option<Vector>,
        silu: bool,
    ) -> Features {
        self.expect(inputs.len() <= 2, "more than two features side by side");
        self.expect(layer.groups <= MOST_CUBES, "norm_num_groups is too large");
        let c = inputs.iter().map(|x| x.c).sum();
        let out = self.tensor(inputs[0].h, inputs[0].w, c);
        let norm = Norm {
            inputs: inputs.to_vec(),
            affine: self.keep(&[&layer.weight[..], &layer.bias].concat()),
            groups: layer.groups,
            eps: layer.eps,
            vector,
            silu,
            out,
        };
        self.launches.push(Launch::Norm(norm));
        out
    }

    /// Attention over the pixels, of queries, keys and values side by side.
    pub(in crate::unet) fn attend(
        &mut self,
        qkv: Features,
        heads: usize,
        head_dim: usize,
    ) -> Features {
        let out = self.tensor(qkv.h, qkv.w, heads * head_dim);
        let widest = WIDEST_HEAD * vector_width([head_dim]);
        self.expect(head_dim <= widest, "attention_head_dim is too large");
        self.expect(
            qkv.h * qkv.w <= MOST_CUBES && heads <= MOST_CUBES,
            "attention over too many pixels",
        );
        self.launches.push(Launch::Attend(Attend {
            qkv,
            heads,
            head_dim,
            out,
        }));
        out
    }

    /// Says that `features` are what comes out at `place`.
    pub(in crate::unet) fn stage(&mut self, place: Place, features: Features) {
        self.stages.push((place, features));
    }

    /// Says that the latest attention is the middle block's.
    pub(in crate::unet) fn bottom(&mut self) {
        let attend = self.launches.iter().rev().find_map(|launch| match launch {
            Launch::Attend(attend) => Some((attend.qkv, attend.heads)),
            _ => None,
        });
        self.bottom = attend;
    }

    /// The plan whose result is `out`.
    pub(super) fn finish(mut self, out: Features) -> Result<Plan, Unsupported> {
        let Some(embedding) = self.embedding else {
            return Err(Unsupported("it has no time embedding".into()));
        };
        let before = self.launches.len();
        let (projection, _) = HostConv::beside(&self.projections, VECTOR_ALIGN);
        let vectors = self.conv(&[embedding], &projection, Finish::default());
        // Wherever a block's vector was asked for, all of them are made right after the embedding.
        self.sizes[self.vectors.id] = vectors.c;
        let full = Features {
            id: self.vectors.id,
            ..vectors
        };
        if let Some(Launch::Conv(conv)) = self.launches.last_mut() {
            conv.out = full;
        }
        let embedded = (self.launches.iter())
            .position(|launch| launch.writes().id == embedding.id)
            .map_or(before, |at| at + 1);
        self.launches[embedded..].rotate_right(1);
        for launch in &mut self.launches {
            let vector = match launch {
                Launch::Conv(conv) => &mut conv.vector,
                Launch::Norm(norm) => &mut norm.vector,
                Launch::Attend(_) => continue,
            };
            if let Some(vector) = vector.as_mut().filter(|vector| vector.rows.id == full.id) {
                vector.rows = full;
            }
        }
        if let Some(reason) = self.unsupported {
            return Err(Unsupported(reason));
        }
        Ok(Plan {
            sizes: self.sizes,
            launches: self.launches,
            weights: self.weights,
            given: self.given,
            out,
            stages: self.stages,
            bottom: self.bottom,
        })
    }

    fn tensor(&mut self, h: usize, w: usize, c: usize) -> Features {
        self.sizes.push(h * w * c);
        Features {
            id: self.sizes.len() - 1,
            h,
            w,
            c,
        }
    }

    fn keep(&mut self, parameters: &[f32]) -> Range<usize> {
        let start = self.weights.len().next_multiple_of(ALIGN);
        self.weights.resize(start, 0.0);
        self.weights.extend_from_slice(parameters);
        start..self.weights.len()
    }

    fn expect(&mut self, fits: bool, otherwise: &str) {
        if !fits {
            self.unsupported.get_or_insert(otherwise.into());
        }
    }
}

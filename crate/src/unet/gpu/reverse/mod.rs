//! The way back through a plan: for each of its launches, from the last to the first, the launches of its gradients
//! (reverse accumulation; Griewank & Walther 2008, section 3.2).
//!
//! The gradient of a convolution's input is a convolution of the output's gradient with weights turned round, and so a launch
//! like those of the plan. The gradients of parameters are written in parts, for some pixels or for one image each, which
//! one launch adds at the end, in a fixed order.

mod builder;

use super::kernels::learn::COEFFICIENTS;
use super::plan::{Attend, Features, Launch, Norm, Plan, Unsupported, Vector};
use crate::unet::activation::Activation;
use crate::unet::dropout::Dropped;
use builder::Builder;
use std::fmt;
use std::ops::Range;

/// Where the parts of a gradient go.
#[derive(Debug, Clone)]
pub(super) struct Segment {
    /// The parameters, or several that have the same gradient.
    pub(super) ranges: Vec<Range<usize>>,
    pub(super) parts: Parts,
}

/// How many parts a gradient has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Parts {
    One,
    /// One for each image.
    Images,
    /// As many as keep a device busy, for a product of so many `rows` and `columns` over the pixels of all images.
    Pixels {
        pixels: usize,
        rows: usize,
        columns: usize,
    },
}

/// One launch of [`weigh`](super::kernels::weigh).
#[derive(Debug, Clone)]
pub(super) struct Weigh {
    pub(super) inputs: Vec<Features>,
    pub(super) window: usize,
    pub(super) stride: usize,
    pub(super) padding: usize,
    pub(super) doubled: bool,
    pub(super) slope: Features,
    pub(super) scale: f64,
    pub(super) segment: usize,
}

/// One launch of [`sums`](super::kernels::sums).
#[derive(Debug, Clone)]
pub(super) struct Sums {
    pub(super) slope: Features,
    pub(super) scale: f64,
    /// The gradient of the vector, and whether it is added to what is there.
    pub(super) vector: Option<(Vector, bool)>,
    pub(super) segment: usize,
}

/// One launch of [`group_norm_slope`](super::kernels::norm_slope).
#[derive(Debug, Clone)]
pub(super) struct NormSlope {
    pub(super) norm: Norm,
    pub(super) slope: Features,
    /// The gradients of the inputs, and whether they are added to what is there.
    pub(super) inputs: Vec<(Features, bool)>,
    pub(super) vector: Option<Vector>,
    pub(super) segment: usize,
}

/// The launches of [`attend_slope`](super::kernels::attend_slope).
#[derive(Debug, Clone)]
pub(super) struct AttendSlope {
    pub(super) attend: Attend,
    pub(super) slope: Features,
    pub(super) slope_qkv: Features,
    pub(super) kept: Features,
}

/// One launch of a step of training, there or back.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// One of the plan's, or the gradient of what a convolution or a filter reads.
    Launch(Launch),
    Weigh(Weigh),
    Sums(Sums),
    NormSlope(NormSlope),
    QuerySlope(AttendSlope),
    KeySlope(AttendSlope),
    /// The gradient of what an activation is given.
    ActivationSlope {
        before: Features,
        activation: Option<Activation>,
        slope: Features,
        out: Features,
    },
    /// `to` is `scale` times `from`, or that is added to it.
    Add {
        from: Features,
        to: Features,
        scale: f64,
        adds: bool,
    },
    /// Dropout of features, or of their gradient.
    Drop {
        features: Features,
        dropped: Dropped,
    },
    /// The rows of the class embedding, and their gradient.
    TableRows,
    TableSlope {
        slope: Features,
        segment: usize,
    },
    /// x_t and the target; the loss and the gradient of the output.
    Noise,
    Loss,
}

/// The tensors that only training has.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extra {
    pub(super) x_0: Features,
    pub(super) eps: Features,
    pub(super) target: Features,
    pub(super) coefficients: Features,
    /// The two halves of each image's key for dropout.
    pub(super) keys: Features,
    pub(super) labels: Features,
    /// The gradient of the network's output.
    pub(super) slope: Features,
    /// The loss of each image.
    pub(super) losses: Features,
}

/// There and back: everything that a step computes of gradients.
#[derive(Debug)]
pub(super) struct Reverse {
    /// Size of every tensor for one image.
    pub(super) sizes: Vec<usize>,
    pub(super) steps: Vec<Step>,
    pub(super) segments: Vec<Segment>,
    pub(super) extra: Extra,
    /// Gradients of vectors, which are written in parts and are 0 between them.
    pub(super) own: Vec<usize>,
    /// The convolutions' weights that are turned round: where they are, their taps, c_in and c_out.
    pub(super) turned: Vec<(Range<usize>, [usize; 3])>,
}

impl Reverse {
    /// The way there and back of `plan`.
    ///
    /// # Errors
    /// What is not differentiated.
    pub(super) fn new(plan: &Plan) -> Result<Self, Unsupported> {
        let mut builder = Builder::new(plan);
        let (x, out) = (plan.given.x, plan.out);
        let extra = Extra {
            x_0: builder.tensor(x.h, x.w, x.c),
            eps: builder.tensor(x.h, x.w, x.c),
            target: builder.tensor(x.h, x.w, x.c),
            coefficients: builder.tensor(1, 1, COEFFICIENTS),
            keys: builder.tensor(1, 1, 2),
            labels: builder.tensor(1, 1, 1),
            slope: builder.tensor(out.h, out.w, out.c),
            losses: builder.tensor(1, 1, 1),
        };
        builder.steps.push(Step::Noise);
        if plan.classes.is_some() {
            builder.steps.push(Step::TableRows);
        }
        for launch in &plan.launches {
            builder.steps.push(Step::Launch(launch.clone()));
            if let Launch::Norm(norm) = launch {
                builder.drop_of(norm, norm.out);
            }
        }
        builder.steps.push(Step::Loss);
        builder.slopes[out.id] = Some(extra.slope);
        for launch in plan.launches.iter().rev() {
            match launch {
                Launch::Conv(conv) => builder.conv(conv),
                Launch::Norm(norm) => builder.norm(norm),
                Launch::Attend(attend) => builder.attend(attend),
                Launch::Filter(filtered) => builder.filter(filtered),
            }
        }
        if let (Some(classes), Some(slope)) = (&plan.classes, builder.slopes[plan.given.class.id]) {
            let segment = builder.segment(vec![classes.range.clone()], Parts::One);
            builder.steps.push(Step::TableSlope { slope, segment });
        }
        if let Some(reason) = builder.unsupported {
            return Err(Unsupported(reason.into()));
        }
        Ok(Self {
            sizes: builder.sizes,
            steps: builder.steps,
            segments: builder.segments,
            extra,
            own: builder.own,
            turned: builder.turned,
        })
    }
}

impl Reverse {
    /// Launches of a step: there and back, the weights turned round, the sums of the gradients, the report and AdamW.
    pub(super) fn launches(&self) -> usize {
        self.steps.len() + 4
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shape = |x: &Features| format!("{}x{}x{}", x.h, x.w, x.c);
        match self {
            Self::Launch(Launch::Conv(conv)) => {
                let what = if conv.turned.is_some() {
                    "convolution, back"
                } else {
                    "convolution"
                };
                let (input, out) = (shape(&conv.inputs[0]), shape(&conv.out));
                write!(f, "{what}: {0}x{0}, {input} to {out}", conv.window)
            }
            Self::Launch(Launch::Norm(norm)) => write!(f, "normalisation: {}", shape(&norm.out)),
            Self::Launch(Launch::Attend(attend)) => write!(f, "attention: {}", shape(&attend.out)),
            Self::Launch(Launch::Filter(filtered)) => write!(f, "filter: {}", shape(&filtered.out)),
            Self::Weigh(w) => {
                let (input, out) = (shape(&w.inputs[0]), shape(&w.slope));
                write!(
                    f,
                    "gradient of weights: {0}x{0}, {input} to {out}",
                    w.window
                )
            }
            Self::Sums(sums) => write!(f, "gradient of biases: {}", shape(&sums.slope)),
            Self::NormSlope(norm) => write!(f, "normalisation, back: {}", shape(&norm.slope)),
            Self::QuerySlope(a) => write!(f, "queries, back: {}", shape(&a.slope)),
            Self::KeySlope(a) => write!(f, "keys and values, back: {}", shape(&a.slope)),
            Self::ActivationSlope { out, .. } => write!(f, "activation, back: {}", shape(out)),
            Self::Add { to, .. } => write!(f, "sum: {}", shape(to)),
            Self::Drop { features, .. } => write!(f, "dropout: {}", shape(features)),
            Self::TableRows => write!(f, "rows of labels"),
            Self::TableSlope { .. } => write!(f, "rows of labels, back"),
            Self::Noise => write!(f, "noise"),
            Self::Loss => write!(f, "loss"),
        }
    }
}

impl Step {
    /// The tensors that it reads, and those that it writes. What it adds to is among the latter.
    pub(super) fn uses(&self, plan: &Plan, extra: &Extra) -> [Vec<usize>; 2] {
        let ids = |features: &[Features]| features.iter().map(|x| x.id).collect::<Vec<_>>();
        match self {
            Self::Launch(launch) => [ids(&launch.reads()), vec![launch.writes().id]],
            Self::Weigh(weigh) => {
                let reads = weigh.inputs.iter().copied().chain([weigh.slope]);
                [ids(&reads.collect::<Vec<_>>()), Vec::new()]
            }
            Self::Sums(sums) => {
                let vector = sums.vector.iter().map(|(vector, _)| vector.rows.id);
                [vec![sums.slope.id], vector.collect()]
            }
            Self::NormSlope(norm) => {
                let reads = Launch::Norm(norm.norm.clone()).reads();
                let inputs = norm.inputs.iter().map(|(slope, _)| slope.id);
                let vector = norm.vector.iter().map(|vector| vector.rows.id);
                let reads = reads.into_iter().chain([norm.slope]).collect::<Vec<_>>();
                [ids(&reads), inputs.chain(vector).collect()]
            }
            Self::QuerySlope(a) => [
                ids(&[a.attend.qkv, a.attend.out, a.slope]),
                ids(&[a.slope_qkv, a.kept]),
            ],
            Self::KeySlope(a) => [ids(&[a.attend.qkv, a.slope, a.kept]), ids(&[a.slope_qkv])],
            Self::ActivationSlope {
                before, slope, out, ..
            } => [ids(&[*before, *slope]), ids(&[*out])],
            Self::Add { from, to, .. } => [ids(&[*from]), ids(&[*to])],
            Self::Drop { features, .. } => [ids(&[extra.keys]), ids(&[*features])],
            Self::TableRows => [ids(&[extra.labels]), ids(&[plan.given.class])],
            Self::TableSlope { slope, .. } => [ids(&[*slope, extra.labels]), Vec::new()],
            Self::Noise => [
                ids(&[extra.x_0, extra.eps, extra.coefficients]),
                ids(&[plan.given.x, extra.target]),
            ],
            Self::Loss => [
                ids(&[plan.out, extra.target, extra.x_0, extra.coefficients]),
                ids(&[extra.slope, extra.losses]),
            ],
        }
    }
}

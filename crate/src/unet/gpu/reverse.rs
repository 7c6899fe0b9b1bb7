//! The way back through a plan: for each of its launches, from the last to the first, the launches of its gradients
//! (reverse accumulation; Griewank & Walther 2008, section 3.2).
//!
//! The gradient of a convolution's input is a convolution of the output's gradient with weights turned round, and so a launch
//! like those of the plan. The gradients of parameters are written in parts, for some pixels or for one image each, which
//! one launch adds at the end, in a fixed order.

use super::kernels::learn::COEFFICIENTS;
use super::plan::{
    Attend, Conv, Features, Filtered, Launch, Norm, Plan, Turned, Unsupported, Vector,
};
use crate::unet::activation::Activation;
use crate::unet::resample::Taps;
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

struct Builder<'a> {
    plan: &'a Plan,
    sizes: Vec<usize>,
    slopes: Vec<Option<Features>>,
    steps: Vec<Step>,
    segments: Vec<Segment>,
    own: Vec<usize>,
    turned: Vec<(Range<usize>, [usize; 3])>,
    /// Parts of vectors' gradients that have been written.
    written: Vec<Vector>,
    unsupported: Option<&'static str>,
}

impl Reverse {
    /// The way there and back of `plan`.
    ///
    /// # Errors
    /// What is not differentiated.
    pub(super) fn new(plan: &Plan) -> Result<Self, Unsupported> {
        let mut builder = Builder {
            plan,
            sizes: plan.sizes.clone(),
            slopes: vec![None; plan.sizes.len()],
            steps: Vec::new(),
            segments: Vec::new(),
            own: Vec::new(),
            turned: Vec::new(),
            written: Vec::new(),
            unsupported: None,
        };
        let (x, out) = (plan.given.x, plan.out);
        let extra = Extra {
            x_0: builder.tensor(x.h, x.w, x.c),
            eps: builder.tensor(x.h, x.w, x.c),
            target: builder.tensor(x.h, x.w, x.c),
            coefficients: builder.tensor(1, 1, COEFFICIENTS),
            labels: builder.tensor(1, 1, 1),
            slope: builder.tensor(out.h, out.w, out.c),
            losses: builder.tensor(1, 1, 1),
        };
        builder.slopes.resize(builder.sizes.len(), None);
        builder.steps.push(Step::Noise);
        if plan.classes.is_some() {
            builder.steps.push(Step::TableRows);
        }
        let there = plan.launches.iter().cloned().map(Step::Launch);
        builder.steps.extend(there);
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
            let segment = builder.segment(vec![classes.place.clone()], Parts::One);
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

impl Builder<'_> {
    fn tensor(&mut self, h: usize, w: usize, c: usize) -> Features {
        self.sizes.push(h * w * c);
        let id = self.sizes.len() - 1;
        Features { id, h, w, c }
    }

    fn segment(&mut self, ranges: Vec<Range<usize>>, parts: Parts) -> usize {
        self.segments.push(Segment { ranges, parts });
        self.segments.len() - 1
    }

    /// Whether anything learns from the gradient of `features`.
    fn learns(&self, features: &Features) -> bool {
        let given = &self.plan.given;
        let is_class = features.id == given.class.id;
        let is_given = given.all().iter().any(|given| given.id == features.id);
        !is_given || (is_class && self.plan.classes.is_some())
    }

    /// The gradient of `features`, and whether there is something in it already.
    fn slope(&mut self, features: &Features) -> (Features, bool) {
        let is_there = self.slopes[features.id].is_some();
        let found = self.slopes[features.id].unwrap_or_else(|| {
            let Features { h, w, c, .. } = *features;
            self.tensor(h, w, c)
        });
        self.slopes[features.id] = Some(found);
        self.slopes.resize(self.sizes.len(), None);
        if is_there && self.own.contains(&found.id) {
            self.unsupported = Some("a vector that is read whole and in parts");
        }
        let slope = Features {
            id: found.id,
            ..*features
        };
        (slope, is_there)
    }

    /// The gradient of a part of a vector, and whether there is something in it already.
    fn slope_of_part(&mut self, vector: &Vector) -> Option<(Vector, bool)> {
        if !self.learns(&vector.rows) {
            return None;
        }
        let is_whole =
            self.slopes[vector.rows.id].is_some_and(|slope| !self.own.contains(&slope.id));
        let rows = match self.slopes[vector.rows.id] {
            Some(rows) => rows,
            None => {
                let (rows, _) = self.slope(&vector.rows);
                self.own.push(rows.id);
                rows
            }
        };
        let adds = is_whole || self.written.contains(vector);
        self.written.push(*vector);
        Some((Vector { rows, ..*vector }, adds))
    }

    /// The gradient of a launch's output; `None` where nothing reads it.
    fn of_output(&self, out: &Features) -> Option<Features> {
        let slope = self.slopes[out.id]?;
        Some(Features {
            id: slope.id,
            ..*out
        })
    }

    fn conv(&mut self, conv: &Conv) {
        let Some(mut slope) = self.of_output(&conv.out) else {
            return;
        };
        if conv.activation.is_some() {
            let Features { h, w, c, .. } = conv.out;
            let before = Conv {
                activation: None,
                out: self.tensor(h, w, c),
                ..conv.clone()
            };
            let (before, launch) = (before.out, before);
            self.steps.push(Step::Launch(Launch::Conv(launch)));
            let out = self.tensor(h, w, c);
            self.steps.push(Step::ActivationSlope {
                before,
                activation: conv.activation,
                slope,
                out,
            });
            self.slopes.resize(self.sizes.len(), None);
            slope = out;
        }
        let scale = conv.divisor.map_or(1.0, |divisor| 1.0 / divisor);
        self.parameters(conv, slope, scale);

        for part in reads(&conv.inputs) {
            if self.learns(&part.0) {
                self.input(conv, part, slope);
            }
        }
        if let Some(weights) = &conv.projection {
            let projection = Conv {
                inputs: conv.projected.clone(),
                weights: weights.clone(),
                window: 1,
                stride: 1,
                padding: 0,
                doubled: false,
                ..conv.clone()
            };
            for part in reads(&conv.projected) {
                if self.learns(&part.0) {
                    self.input(&projection, part, slope);
                }
            }
        }
        if let Some(plain) = conv.plain.filter(|plain| self.learns(plain)) {
            if conv.plain_doubled {
                self.halve(slope, &plain, scale);
            } else if self.slopes[plain.id].is_none() && scale == 1.0 {
                // Nothing else reads the output's gradient from here on: it becomes that of the residual.
                self.slopes[plain.id] = Some(slope);
            } else {
                let (to, adds) = self.slope(&plain);
                self.steps.push(Step::Add {
                    from: slope,
                    to,
                    scale,
                    adds,
                });
            }
        }
    }

    /// The gradients of weights, biases and the vector.
    fn parameters(&mut self, conv: &Conv, slope: Features, scale: f64) {
        let pixels = conv.out.h * conv.out.w;
        let mut weigh = |inputs: &[Features], weights: &Range<usize>, by: &Conv| {
            let rows = weights.len() / conv.out.c;
            let parts = Parts::Pixels {
                pixels,
                rows,
                columns: conv.out.c,
            };
            let segment = self.segment(vec![weights.clone()], parts);
            self.steps.push(Step::Weigh(Weigh {
                inputs: inputs.to_vec(),
                window: by.window,
                stride: by.stride,
                padding: by.padding,
                doubled: by.doubled,
                slope,
                scale,
                segment,
            }));
        };
        weigh(&conv.inputs, &conv.weights, conv);
        if let Some(weights) = &conv.projection {
            let projection = Conv {
                window: 1,
                stride: 1,
                padding: 0,
                doubled: false,
                ..conv.clone()
            };
            weigh(&conv.projected, weights, &projection);
        }
        let biases = [&conv.bias, &conv.projection_bias];
        let biases = biases.into_iter().flatten().cloned().collect();
        let segment = self.segment(biases, Parts::Images);
        let vector = (conv.vector.as_ref()).and_then(|vector| self.slope_of_part(vector));
        self.steps.push(Step::Sums(Sums {
            slope,
            scale,
            vector,
            segment,
        }));
    }

    /// The gradient of what `conv` reads: of `part`, whose channels begin at `column`.
    fn input(&mut self, conv: &Conv, (part, column): (Features, usize), mut slope: Features) {
        if conv.window == 1 && conv.stride == 1 && !conv.doubled {
            (slope.h, slope.w) = (part.h, part.w);
        }
        let row = conv.inputs.iter().map(|x| x.c).sum();
        let sizes = [conv.window * conv.window, row, conv.out.c];
        if !self.turned.iter().any(|(range, _)| *range == conv.weights) {
            self.turned.push((conv.weights.clone(), sizes));
        }
        let (out, adds) = match conv.doubled {
            true => (self.tensor(2 * part.h, 2 * part.w, part.c), false),
            false => self.slope(&part),
        };
        self.slopes.resize(self.sizes.len(), None);
        let turned = Conv {
            inputs: vec![slope],
            projection: None,
            bias: None,
            projection_bias: None,
            stride: 1,
            padding: conv.window - 1 - conv.padding,
            doubled: false,
            vector: None,
            plain: None,
            plain_doubled: false,
            projected: Vec::new(),
            activation: None,
            out,
            adds,
            turned: Some(Turned {
                row,
                column,
                spread: conv.stride,
            }),
            ..conv.clone()
        };
        self.steps.push(Step::Launch(Launch::Conv(turned)));
        if conv.doubled {
            self.halve(out, &part, 1.0);
        }
    }

    /// The gradient of features whose pixels each stood for four: the sum of the four's.
    fn halve(&mut self, slope: Features, of: &Features, scale: f64) {
        let (out, adds) = self.slope(of);
        // Along each axis in turn, so that the root of the scale is in each.
        let taps = Taps {
            count: 2,
            outer: scale.sqrt() as f32,
            inner: 0.0,
            up: 1,
            down: 2,
            padding: 0,
        };
        self.steps.push(Step::Launch(Launch::Filter(Filtered {
            input: slope,
            taps,
            out,
            adds,
        })));
    }

    fn norm(&mut self, norm: &Norm) {
        let Some(slope) = self.of_output(&norm.out) else {
            return;
        };
        let segment = self.segment(vec![norm.affine.clone()], Parts::Images);
        let vector = (norm.vector.as_ref()).and_then(|vector| self.slope_of_part(vector));
        if vector.is_some_and(|(_, adds)| adds) {
            self.unsupported = Some("a scale and shift that several layers read");
        }
        if norm.inputs.iter().any(|x| !self.learns(x)) {
            self.unsupported = Some("a normalisation of the image itself");
            return;
        }
        let inputs = norm.inputs.iter().map(|x| self.slope(x)).collect();
        self.steps.push(Step::NormSlope(NormSlope {
            inputs,
            norm: norm.clone(),
            slope,
            vector: vector.map(|(vector, _)| vector),
            segment,
        }));
    }

    fn attend(&mut self, attend: &Attend) {
        let Some(slope) = self.of_output(&attend.out) else {
            return;
        };
        let (slope_qkv, adds) = self.slope(&attend.qkv);
        if adds {
            self.unsupported = Some("queries, keys and values that several layers read");
        }
        let tokens = attend.out.h * attend.out.w;
        let attend = AttendSlope {
            attend: attend.clone(),
            slope,
            slope_qkv,
            kept: self.tensor(1, attend.heads * tokens, 2),
        };
        self.slopes.resize(self.sizes.len(), None);
        self.steps.push(Step::QuerySlope(attend.clone()));
        self.steps.push(Step::KeySlope(attend));
    }

    fn filter(&mut self, filtered: &Filtered) {
        let Some(slope) = self.of_output(&filtered.out) else {
            return;
        };
        if !self.learns(&filtered.input) {
            return;
        }
        let (out, adds) = self.slope(&filtered.input);
        let taps = filtered.taps;
        // The same weights from the other side; they are the same backwards.
        let taps = Taps {
            up: taps.down,
            down: taps.up,
            padding: taps.count - 1 - taps.padding,
            ..taps
        };
        self.steps.push(Step::Launch(Launch::Filter(Filtered {
            input: slope,
            taps,
            out,
            adds,
        })));
    }
}

/// Features side by side, each with the channels before it.
fn reads(inputs: &[Features]) -> Vec<(Features, usize)> {
    let mut column = 0;
    let place = |&x: &Features| {
        let at = column;
        column += x.c;
        (x, at)
    };
    inputs.iter().map(place).collect()
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
            Self::TableRows => [ids(&[extra.labels]), ids(&[plan.given.class])],
            Self::TableSlope { slope, .. } => [ids(&[*slope, extra.labels]), Vec::new()],
            Self::Noise => [
                ids(&[extra.x_0, extra.eps, extra.coefficients]),
                ids(&[plan.given.x, extra.target]),
            ],
            Self::Loss => [
                ids(&[plan.out, extra.target, extra.coefficients]),
                ids(&[extra.slope, extra.losses]),
            ],
        }
    }
}

//! The launches of each launch's gradients.

use super::{AttendSlope, NormSlope, Parts, Segment, Step, Sums, Weigh};
use crate::unet::gpu::plan::{
    Attend, Conv, Features, Filtered, Launch, Norm, Plan, Turned, Vector,
};
use crate::unet::resample::Taps;
use std::ops::Range;

/// Takes down the way back, launch by launch.
pub(super) struct Builder<'a> {
    pub(super) plan: &'a Plan,
    pub(super) sizes: Vec<usize>,
    pub(super) slopes: Vec<Option<Features>>,
    pub(super) steps: Vec<Step>,
    pub(super) segments: Vec<Segment>,
    pub(super) own: Vec<usize>,
    pub(super) turned: Vec<(Range<usize>, [usize; 3])>,
    /// Parts of vectors' gradients that have been written.
    written: Vec<Vector>,
    pub(super) unsupported: Option<&'static str>,
}

impl<'a> Builder<'a> {
    /// The way back of `plan`, of which nothing is known yet.
    pub(super) fn new(plan: &'a Plan) -> Self {
        Self {
            plan,
            sizes: plan.sizes.clone(),
            slopes: vec![None; plan.sizes.len()],
            steps: Vec::new(),
            segments: Vec::new(),
            own: Vec::new(),
            turned: Vec::new(),
            written: Vec::new(),
            unsupported: None,
        }
    }

    pub(super) fn tensor(&mut self, h: usize, w: usize, c: usize) -> Features {
        self.sizes.push(h * w * c);
        let id = self.sizes.len() - 1;
        Features { id, h, w, c }
    }

    pub(super) fn segment(&mut self, ranges: Vec<Range<usize>>, parts: Parts) -> usize {
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

    pub(super) fn conv(&mut self, conv: &Conv) {
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

    /// Dropout of what `norm` wrote, or of its gradient.
    pub(super) fn drop_of(&mut self, norm: &Norm, features: Features) {
        if let Some(dropped) = norm.dropped {
            self.steps.push(Step::Drop { features, dropped });
        }
    }

    pub(super) fn norm(&mut self, norm: &Norm) {
        let Some(slope) = self.of_output(&norm.out) else {
            return;
        };
        self.drop_of(norm, slope);
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

    pub(super) fn attend(&mut self, attend: &Attend) {
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
        self.steps.push(Step::QuerySlope(attend.clone()));
        self.steps.push(Step::KeySlope(attend));
    }

    pub(super) fn filter(&mut self, filtered: &Filtered) {
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
    let numbered = |&x: &Features| {
        let at = column;
        column += x.c;
        (x, at)
    };
    inputs.iter().map(numbered).collect()
}

//! Features before they are launched: what a reader can do by itself waits for it.

use super::Planner;
use crate::unet::gpu::layer::HostConv;
use crate::unet::gpu::plan::{Conv, Features, Launch, Vector};
use std::cell::Cell;
use std::rc::Rc;

/// Features as the next launch reads them.
#[derive(Debug, Clone)]
pub(super) struct View {
    /// Side by side.
    pub(super) parts: Vec<Features>,
    /// Whether each pixel stands for four.
    pub(super) doubled: bool,
    /// A 1x1 convolution that they go through.
    pub(super) projection: Option<Rc<Projection>>,
}

/// A 1x1 convolution that waits for its readers: a single one may take it into its own launch.
#[derive(Debug)]
pub(super) struct Projection {
    pub(super) layer: HostConv,
    /// Its output, once it is a launch of its own.
    pub(super) out: Cell<Option<Features>>,
}

impl View {
    pub(super) fn of(features: Features) -> Self {
        Self {
            parts: vec![features],
            doubled: false,
            projection: None,
        }
    }
}

impl Planner<'_> {
    /// A launch of a convolution of `x`, plus `vector`, plus `residual`, divided by `divisor`.
    pub(super) fn convolve(
        &mut self,
        x: View,
        layer: &HostConv,
        vector: Option<Vector>,
        residual: Option<View>,
        divisor: f64,
    ) -> Features {
        let x = self.computed(x);
        let (h, w) = (x.parts[0].h, x.parts[0].w);
        let times = if x.doubled { 2 } else { 1 };
        let (h, w) = (h * times / layer.stride, w * times / layer.stride);
        let out = self.tensor(h, w, layer.c_out);
        let c_in = x.parts.iter().map(|x| x.c).sum::<usize>();
        self.expect(
            c_in == layer.c_in,
            "a layer of another width than its input",
        );
        self.expect(
            layer.window == 1 || layer.window == 3,
            "a window that is neither 1 nor 3",
        );
        let weights = self.parameters.weights(layer);
        let (mut plain, mut plain_doubled, mut projected) = (None, false, Vec::new());
        let mut projection = None;
        if let Some(mut residual) = residual {
            self.expect(
                !residual.doubled || residual.projection.is_none(),
                "a residual connection of projected and upsampled features",
            );
            match residual.projection.take().map(Rc::try_unwrap) {
                Some(Ok(Projection { layer, out })) if out.get().is_none() => {
                    projection = Some((self.parameters.weights(&layer), layer));
                    projected = residual.parts;
                }
                shared => {
                    residual.projection = match shared {
                        Some(Ok(projection)) => Some(Rc::new(projection)),
                        Some(Err(projection)) => Some(projection),
                        None => None,
                    };
                    let residual = self.computed(residual);
                    self.expect(
                        residual.parts.len() == 1,
                        "a residual connection of two features side by side",
                    );
                    plain = residual.parts.first().copied();
                    plain_doubled = residual.doubled;
                }
            }
        }
        let bias = Some(self.parameters.bias(layer));
        let (projection, projection_bias) = projection
            .map(|(weights, layer)| (weights, self.parameters.bias(&layer)))
            .unzip();
        let row = |x: &Features| if layer.window == 1 { x.as_row() } else { *x };
        let conv = Conv {
            inputs: x.parts.iter().map(row).collect(),
            weights,
            projection,
            bias,
            projection_bias,
            window: layer.window,
            stride: layer.stride,
            padding: layer.padding,
            doubled: x.doubled,
            vector,
            plain,
            plain_doubled,
            projected,
            divisor: (divisor != 1.0).then_some(divisor),
            activation: None,
            out: row(&out),
            adds: false,
            turned: None,
        };
        self.launches.push(Launch::Conv(conv));
        out
    }

    /// The view without its 1x1 convolution, which becomes a launch.
    pub(super) fn computed(&mut self, mut x: View) -> View {
        let Some(projection) = x.projection.take() else {
            return x;
        };
        let out = projection.out.get().unwrap_or_else(|| {
            let out = self.convolve(x, &projection.layer, None, None, 1.0);
            projection.out.set(Some(out));
            out
        });
        View::of(out)
    }
}

//! The residual block: diffusers' `ResnetBlock2D`.

use super::build::Builder;
use super::config::{TimeScaleShift, UNetConfig};
use super::executor::{Executor, Finish, Then};
use super::layers::{Conv2d, GroupNorm, Linear};
use burn::module::Module;
use burn::nn::{Dropout, DropoutConfig};

/// x + conv(silu(norm(conv(silu(norm(x))) with the time embedding))), with a 1x1 convolution on x where the width changes.
#[derive(Module, Debug)]
pub struct Resnet {
    norm1: GroupNorm,
    conv1: Conv2d,
    time_emb_proj: Linear,
    norm2: GroupNorm,
    conv2: Conv2d,
    conv_shortcut: Option<Conv2d>,
    dropout: Dropout,
    #[module(skip)]
    scale_shift: bool,
    #[module(skip)]
    output_scale_factor: f64,
}

impl Resnet {
    /// A block from `c_in` to `c_out` channels, which starts as the identity: its last convolution is at zero.
    pub(super) fn new(
        layers: &mut Builder,
        c_in: usize,
        c_out: usize,
        config: &UNetConfig,
    ) -> Self {
        let (groups, eps) = (config.norm_num_groups, config.norm_eps);
        let scale_shift = config.resnet_time_scale_shift == TimeScaleShift::ScaleShift;
        let time_out = if scale_shift { 2 * c_out } else { c_out };
        Self {
            norm1: layers.norm(groups, c_in, eps),
            conv1: layers.conv3x3(c_in, c_out),
            time_emb_proj: layers.linear(config.time_channels(), time_out),
            norm2: layers.norm(groups, c_out, eps),
            conv2: layers.conv3x3_at_zero(c_out, c_out),
            conv_shortcut: (c_in != c_out).then(|| layers.conv(c_in, c_out, 1, 1, 0)),
            dropout: DropoutConfig::new(config.dropout).init(),
            scale_shift,
            output_scale_factor: 1.0,
        }
    }

    /// The block whose output is divided by `factor` (the middle block's).
    #[must_use]
    pub(super) fn scaled(mut self, factor: f64) -> Self {
        self.output_scale_factor = factor;
        self
    }

    /// `x` is `[n, c_in, h, w]`, `emb` `[n, time_channels]`; returns `[n, c_out, h, w]`.
    pub(super) fn forward<E: Executor>(
        &self,
        on: &mut E,
        x: E::Features,
        emb: &E::Vector,
    ) -> E::Features {
        let h = on.norm(x.clone(), &self.norm1, Then::Silu);
        let emb = on.silu(emb.clone());
        let emb = on.linear(emb, &self.time_emb_proj); // [n, c_out or 2 c_out]
        let h = if self.scale_shift {
            let h = on.conv(h, &self.conv1, Finish::nothing()); // [n, c_out, h, w]
            on.norm(h, &self.norm2, Then::ScaleShiftSilu(emb))
        } else {
            let h = on.conv(h, &self.conv1, Finish::plus(emb)); // [n, c_out, h, w]
            on.norm(h, &self.norm2, Then::Silu)
        };
        let x = match &self.conv_shortcut {
            Some(conv) => on.conv(x, conv, Finish::nothing()), // [n, c_out, h, w]
            None => x,
        };
        let h = on.dropout(h, &self.dropout);
        on.conv(h, &self.conv2, Finish::onto(x, self.output_scale_factor))
    }
}

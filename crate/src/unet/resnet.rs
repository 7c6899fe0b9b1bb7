//! The residual block: diffusers' `ResnetBlock2D`.

use super::activation::Activation;
use super::build::Builder;
use super::config::{TimeScaleShift, UNetConfig};
use super::executor::{Executor, Finish, Then};
use super::layers::{Conv2d, GroupNorm, Linear};
use super::resample::Resample;
use burn::module::Module;
use burn::nn::{Dropout, DropoutConfig};

/// x + conv(act(norm(conv(act(norm(x))) with the time embedding))), with a 1x1 convolution on x where the width changes.
///
/// A block that changes the resolution resamples x and the input of the first convolution.
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
    activation: Activation,
    #[module(skip)]
    resample: Option<Resample>,
    #[module(skip)]
    scale_shift: bool,
    #[module(skip)]
    output_scale_factor: f64,
}

/// How a residual block differs from the usual one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    /// Groups of both normalisations.
    pub(super) groups: [usize; 2],
    /// How it changes the resolution.
    pub(super) resample: Option<Resample>,
    /// Whether x goes through a 1x1 convolution even where the width stays.
    pub(super) always_shortcut: bool,
    /// Divides the output.
    pub(super) factor: f64,
}

impl Style {
    /// The usual block's, with `groups` in both normalisations.
    pub(super) fn usual(groups: usize) -> Self {
        Self {
            groups: [groups; 2],
            resample: None,
            always_shortcut: false,
            factor: 1.0,
        }
    }
}

impl Resnet {
    /// A usual block from `c_in` to `c_out` channels, which starts as the identity: its last convolution is at zero.
    pub(super) fn new(
        layers: &mut Builder,
        c_in: usize,
        c_out: usize,
        config: &UNetConfig,
    ) -> Self {
        let style = Style::usual(layers.groups(config));
        Self::styled(layers, [c_in, c_out], config, style)
    }

    /// A usual block that keeps the width and changes the resolution.
    pub(super) fn resampling(
        layers: &mut Builder,
        width: usize,
        config: &UNetConfig,
        resample: Resample,
    ) -> Self {
        let style = Style {
            resample: Some(resample),
            ..Style::usual(layers.groups(config))
        };
        Self::styled(layers, [width, width], config, style)
    }

    /// A block of any style.
    pub(super) fn styled(
        layers: &mut Builder,
        [c_in, c_out]: [usize; 2],
        config: &UNetConfig,
        style: Style,
    ) -> Self {
        let eps = config.norm_eps;
        let scale_shift = config.resnet_time_scale_shift == TimeScaleShift::ScaleShift;
        let time_out = if scale_shift { 2 * c_out } else { c_out };
        let has_shortcut = style.always_shortcut || c_in != c_out;
        Self {
            norm1: layers.norm(style.groups[0], c_in, eps),
            conv1: layers.conv3x3(c_in, c_out),
            time_emb_proj: layers.linear(config.time_channels(), time_out),
            norm2: layers.norm(style.groups[1], c_out, eps),
            conv2: layers.conv3x3_at_zero(c_out, c_out),
            conv_shortcut: has_shortcut.then(|| layers.conv(c_in, c_out, 1, 1, 0)),
            dropout: DropoutConfig::new(config.dropout).init(),
            activation: config.act_fn,
            resample: style.resample,
            scale_shift,
            output_scale_factor: style.factor,
        }
    }

    /// `x` is `[n, c_in, h, w]`, `emb` `[n, time_channels]`; returns `[n, c_out, h', w']`, h and w unless it resamples.
    pub(super) fn forward<E: Executor>(
        &self,
        on: &mut E,
        x: E::Features,
        emb: &E::Vector,
    ) -> E::Features {
        let act = self.activation;
        let h = on.norm(x.clone(), &self.norm1, Then::Activate(act));
        let (h, x) = match self.resample {
            Some(resample) => (resample.apply(on, h), resample.apply(on, x)), // [n, c_in, h', w']
            None => (h, x),
        };
        let emb = on.activate(emb.clone(), act);
        let emb = on.linear(emb, &self.time_emb_proj); // [n, c_out or 2 c_out]
        let h = if self.scale_shift {
            let h = on.conv(h, &self.conv1, Finish::nothing()); // [n, c_out, h', w']
            on.norm(h, &self.norm2, Then::ScaleShift(emb, act))
        } else {
            let h = on.conv(h, &self.conv1, Finish::plus(emb)); // [n, c_out, h', w']
            on.norm(h, &self.norm2, Then::Activate(act))
        };
        let x = match &self.conv_shortcut {
            Some(conv) => on.conv(x, conv, Finish::nothing()), // [n, c_out, h', w']
            None => x,
        };
        let h = on.dropout(h, &self.dropout);
        on.conv(h, &self.conv2, Finish::onto(x, self.output_scale_factor))
    }
}

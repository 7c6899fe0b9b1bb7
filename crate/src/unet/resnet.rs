//! The residual block: diffusers' `ResnetBlock2D`.

use super::config::{TimeScaleShift, UNetConfig};
#[cfg(any(feature = "gpu", test))]
use super::gpu::{Features, Finish, Planner, Residual};
use super::layers::{Conv2d, GroupNorm, Linear};
use burn::module::Module;
use burn::nn::{Dropout, DropoutConfig};
use burn::tensor::activation::silu;
use burn::tensor::{Device, Tensor};

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
    /// A block from `c_in` to `c_out` channels.
    pub fn new(c_in: usize, c_out: usize, config: &UNetConfig, device: &Device) -> Self {
        let scale_shift = config.resnet_time_scale_shift == TimeScaleShift::ScaleShift;
        let time_out = if scale_shift { 2 * c_out } else { c_out };
        let norm =
            |channels| GroupNorm::new(config.norm_num_groups, channels, config.norm_eps, device);
        Self {
            norm1: norm(c_in),
            conv1: Conv2d::same(c_in, c_out, device),
            time_emb_proj: Linear::new(config.time_channels(), time_out, device),
            norm2: norm(c_out),
            conv2: Conv2d::same(c_out, c_out, device),
            conv_shortcut: (c_in != c_out).then(|| Conv2d::new(c_in, c_out, 1, 1, 0, device)),
            dropout: DropoutConfig::new(config.dropout).init(),
            scale_shift,
            output_scale_factor: 1.0,
        }
    }

    /// The block whose output is divided by `factor` (the middle block's).
    #[must_use]
    pub fn scaled(mut self, factor: f64) -> Self {
        self.output_scale_factor = factor;
        self
    }

    /// The block with its last convolution at zero: it starts as the identity.
    #[must_use]
    pub fn zeroed(mut self) -> Self {
        self.conv2 = self.conv2.zeroed();
        self
    }

    /// `x` is `[n, c_in, h, w]`, `emb` `[n, time_channels]`; returns `[n, c_out, h, w]`.
    pub fn forward(&self, x: Tensor<4>, emb: Tensor<2>) -> Tensor<4> {
        let h = self.norm1.forward_silu(x.clone());
        let emb = self.time_emb_proj.forward(silu(emb)); // [n, c_out or 2 c_out]
        let h = if self.scale_shift {
            let h = self.conv1.forward(h); // [n, c_out, h, w]
            let [n, d] = emb.dims();
            let emb = emb.reshape([n, d, 1, 1]);
            let [scale, shift] = [emb.clone().narrow(1, 0, d / 2), emb.narrow(1, d / 2, d / 2)]; // [n, c_out, 1, 1]
            silu(self.norm2.forward(h) * (scale + 1.0) + shift)
        } else {
            self.norm2.forward_silu(self.conv1.forward_with(h, emb)) // [n, c_out, h, w]
        };
        let x = match &self.conv_shortcut {
            Some(conv) => conv.forward(x), // [n, c_out, h, w]
            None => x,
        };
        let sum = self.conv2.forward_onto(self.dropout.forward(h), x);
        if self.output_scale_factor == 1.0 {
            sum
        } else {
            sum / self.output_scale_factor
        }
    }

    /// [`forward`](Self::forward) of the concatenation of `x` as launches.
    #[cfg(any(feature = "gpu", test))]
    pub(super) fn plan(&self, planner: &mut Planner, x: &[Features]) -> Features {
        let emb = planner.time_vector(self.time_emb_proj.host());
        let (added, scale_shift) = if self.scale_shift {
            (None, Some(emb))
        } else {
            (Some(emb), None)
        };
        let h = planner.norm(x, &self.norm1.host(), None, true);
        let finish = Finish {
            vector: added,
            ..Finish::default()
        };
        let h = planner.conv(&[h], &self.conv1.host(), finish);
        let h = planner.norm(&[h], &self.norm2.host(), scale_shift, true);
        let shortcut = self.conv_shortcut.as_ref().map(Conv2d::host);
        let finish = Finish {
            residual: match &shortcut {
                Some(conv) => Residual::Projected(x, conv),
                None => Residual::Plain(x),
            },
            divisor: Some(self.output_scale_factor),
            ..Finish::default()
        };
        planner.conv(&[h], &self.conv2.host(), finish)
    }
}

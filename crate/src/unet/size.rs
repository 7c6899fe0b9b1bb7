//! How many parameters a configuration asks for, known before any of them is allocated.

use super::config::{TimeScaleShift, UNetConfig};

fn linear(from: u128, to: u128) -> u128 {
    from * to + to
}

fn conv(from: u128, to: u128, kernel: u128) -> u128 {
    from * to * kernel * kernel + to
}

fn norm(width: u128) -> u128 {
    2 * width
}

impl UNetConfig {
    /// Number of parameters of the network; a hostile configuration is found out by it before memory is asked for.
    #[must_use]
    pub fn parameter_count(&self) -> u128 {
        let channels: Vec<u128> = self.block_out_channels.iter().map(|&c| c as u128).collect();
        let (levels, layers) = (channels.len(), self.layers_per_block);
        let (first, time) = (
            channels.first().copied().unwrap_or(0),
            self.time_channels() as u128,
        );
        let mut count = conv(self.in_channels as u128, first, 3)
            + linear(first, time)
            + linear(time, time)
            + self.num_class_embeds.unwrap_or(0) as u128 * time
            + norm(first)
            + conv(first, self.out_channels as u128, 3);
        for (level, &width) in channels.iter().enumerate() {
            let attentions = |types: &[String], at: usize, n: usize| {
                let has = types.get(at).is_some_and(|t| t.starts_with("Attn"));
                if has {
                    n as u128 * self.attention_count(width, true)
                } else {
                    0
                }
            };
            let above = if level == 0 {
                width
            } else {
                channels[level - 1]
            };
            count += self.resnet_count(above, width)
                + (layers as u128 - 1) * self.resnet_count(width, width)
                + attentions(&self.down_block_types, level, layers)
                + attentions(&self.up_block_types, levels - 1 - level, layers + 1);
            // The middle ones of an up block are alike; the first and the last are not.
            let up = |resnet| {
                let (from, skip) = self.up_resnet_channels(level, resnet);
                self.resnet_count((from + skip) as u128, width)
            };
            count += up(0)
                + up(layers)
                + if layers > 1 {
                    (layers as u128 - 1) * up(1)
                } else {
                    0
                };
            let resampled = u128::from(level + 1 < levels) + u128::from(level > 0);
            count += resampled * conv(width, width, 3);
        }
        let bottom = self.bottom_channels() as u128;
        count += 2 * self.resnet_count(bottom, bottom);
        if self.add_attention {
            let normed = self.attn_norm_num_groups.is_some()
                || self.resnet_time_scale_shift == TimeScaleShift::Default;
            count += self.attention_count(bottom, normed);
        }
        count
    }

    fn resnet_count(&self, from: u128, to: u128) -> u128 {
        let scale_shift = self.resnet_time_scale_shift == TimeScaleShift::ScaleShift;
        let time_out = if scale_shift { 2 * to } else { to };
        let shortcut = if from == to { 0 } else { conv(from, to, 1) };
        norm(from)
            + conv(from, to, 3)
            + linear(self.time_channels() as u128, time_out)
            + norm(to)
            + conv(to, to, 3)
            + shortcut
    }

    fn attention_count(&self, width: u128, normed: bool) -> u128 {
        let head_dim = self
            .attention_head_dim
            .map_or(width, |dim| dim as u128)
            .max(1);
        let inner = width / head_dim * head_dim;
        3 * linear(width, inner) + linear(inner, width) + if normed { norm(width) } else { 0 }
    }
}

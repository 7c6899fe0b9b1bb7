//! What the Skip blocks on the way down and on the way up have in common (Song et al. 2021, appendix H).

use super::build::groups_of;
use super::resnet::Style;
use std::f64::consts::SQRT_2;

/// Channels of the image that the Skip blocks pass on: diffusers builds them only for colour.
pub(super) const IMAGE: usize = 3;

/// Groups of the attention's normalisation in the Skip blocks, whatever `norm_num_groups` says.
pub(super) const SKIP_ATTENTION_GROUPS: usize = 32;

/// What the sums of residual connections are divided by in the Skip blocks.
pub(super) const SKIP_FACTOR: f64 = SQRT_2;

/// The style of the residual blocks in Skip blocks, with these channels in and out.
pub(super) fn skip_style([c_in, c_out]: [usize; 2]) -> Style {
    Style {
        groups: [c_in, c_out].map(groups_of),
        factor: SKIP_FACTOR,
        ..Style::usual(0)
    }
}

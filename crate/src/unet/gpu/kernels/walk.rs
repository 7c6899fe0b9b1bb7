//! A step of a walk around the network: what the network is given, and from its output to x_prev.

use cubecl::prelude::*;

/// Where the images begin in a walk's state: the first number before them is 1 once a number was not finite.
pub(crate) const HEAD: usize = 64;
/// What the state holds of each image: x_t, x_0-hat and eps-hat of the step before, x_0-hat of the step before that, and
/// x_t before the step.
pub(crate) const TENSORS: usize = 5;
/// The numbers that a step's row begins with: scale and shift of x_t for the network; the factors of x_t and of the output in
/// its answer; those of x_t and of the answer in x_0-hat and in eps-hat; those of x_t, x_0-hat, eps-hat and the two x_0-hats
/// before in x_prev; the factor of the noise, and of the noise's exponential; that exponent's base and slope. The timestep's
/// row follows.
pub(crate) const NUMBERS: usize = 17;

/// Sizes of what the network is given.
#[derive(CubeType, CubeLaunch, Clone, Copy)]
pub(crate) struct GivenShape {
    /// Numbers of an image.
    size: usize,
    /// Images of this evaluation, and its batch: with guidance, twice as many.
    images: usize,
    batch: usize,
    /// The first of these images, and how many images the walk has.
    first: usize,
    all: usize,
    /// Where timesteps and classes begin in what the network is given, and their widths.
    timesteps: usize,
    width: usize,
    classes: usize,
    class_width: usize,
}

/// Writes what the network is given: images, timesteps, classes, one thread for each number.
#[cube(launch_unchecked)]
pub(crate) fn give(
    state: &[f32],
    row: &[f32],
    classes: &[f32],
    given: &mut [f32],
    shape: GivenShape,
    #[comptime] units: usize,
) {
    let i = CUBE_POS * units + UNIT_POS as usize;
    let of_images = shape.batch * shape.size;
    let of_timesteps = shape.batch * shape.width;
    let of_classes = shape.batch * shape.class_width;
    if i < of_images {
        let image = shape.first + i / shape.size % shape.images;
        let x = state[comptime!(HEAD) + image * shape.size + i % shape.size];
        given[i] = x * row[0] + row[1];
    } else if i < of_images + of_timesteps {
        let i = i - of_images;
        given[shape.timesteps + i] = row[comptime!(NUMBERS) + i % shape.width];
    } else if i < of_images + of_timesteps + of_classes {
        let i = i - of_images - of_timesteps;
        let image = i / shape.class_width;
        // The labels of all images come first, then the null labels of all.
        let of = image / shape.images * shape.all + shape.first + image % shape.images;
        let value = classes[of * shape.class_width + i % shape.class_width];
        given[shape.classes + i] = value;
    }
}

/// Sizes of a step.
#[derive(CubeType, CubeLaunch, Clone, Copy)]
pub(crate) struct StepShape {
    /// Numbers of these images, of all images, and of those before these.
    len: usize,
    all: usize,
    first: usize,
    /// Channels of an image and of the network's output.
    channels: usize,
    out_channels: usize,
    /// Where in the output that for the null labels begins.
    of_null: usize,
    guidance_scale: f32,
    clip: f32,
}

/// How a step is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct StepKind {
    pub(crate) guided: bool,
    pub(crate) clips: bool,
    pub(crate) learned: bool,
    pub(crate) units: usize,
}

/// Takes a step, one thread for each number of an image.
#[cube(launch_unchecked)]
pub(crate) fn take_step(
    output: &[f32],
    row: &[f32],
    noise: &[f32],
    state: &mut [f32],
    shape: StepShape,
    #[comptime] kind: StepKind,
) {
    let i = CUBE_POS * kind.units + UNIT_POS as usize;
    if i < shape.len {
        let from = i / shape.channels * shape.out_channels + i % shape.channels;
        let mut predicted = output[from];
        if comptime!(kind.guided) {
            let of_null = output[shape.of_null + from];
            predicted = shape.guidance_scale * predicted + (1.0 - shape.guidance_scale) * of_null;
        }
        let at = comptime!(HEAD) + shape.first + i;
        let x = state[at];
        let x_0_before = state[at + shape.all];
        let x_0_two_before = state[at + 3 * shape.all];

        let answer = row[2] * x + row[3] * predicted;
        let mut x_0 = row[4] * x + row[5] * answer;
        let eps = row[6] * x + row[7] * answer;
        let mut fails = is_not_finite(predicted) || is_not_finite(x_0) || is_not_finite(eps);
        if comptime!(kind.clips) {
            x_0 = clamp(x_0, -shape.clip, shape.clip);
        }
        let mut x_prev = row[8] * x
            + row[9] * x_0
            + row[10] * eps
            + row[11] * x_0_before
            + row[12] * x_0_two_before;
        let mut sigma = row[13];
        if comptime!(kind.learned) {
            let v = output[from + shape.channels];
            fails = fails || is_not_finite(v);
            sigma += row[14] * (row[15] + row[16] * v).exp();
        }
        x_prev += sigma * noise[shape.first + i];
        if fails || is_not_finite(x_prev) {
            state[0] = 1.0;
        }

        state[at] = x_prev;
        state[at + shape.all] = x_0;
        state[at + 2 * shape.all] = eps;
        state[at + 3 * shape.all] = x_0_before;
        state[at + 4 * shape.all] = x;
    }
}

/// Whether a number is infinite or none. Comparisons are not to be trusted with what is no number: bits are.
#[cube]
fn is_not_finite(x: f32) -> bool {
    let exponent = 0x7f80_0000u32;
    u32::reinterpret(x) & exponent == exponent
}

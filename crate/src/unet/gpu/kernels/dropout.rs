//! Dropout, of features and of their gradients: the numbers that [`dropout`](crate::unet::dropout) drops on the CPU.

use cubecl::prelude::*;

/// Multiplies `values`, `[n, size]` vectors of features with their channels innermost, by 0 or by `scale`. `keys` has the
/// two halves of each image's key.
#[cube(launch_unchecked)]
pub(crate) fn drop_numbers<N: Size>(
    keys: &[f32],
    values: &mut [Vector<f32, N>],
    size: usize,
    len: usize,
    layer: u32,
    below: u32,
    scale: f32,
    #[comptime] units: usize,
) {
    let at = CUBE_POS * units + UNIT_POS as usize;
    if at < len {
        let image = at / size * 2;
        let key = u32::cast_from(keys[image]) * 65_536u32 + u32::cast_from(keys[image + 1]);
        let key = hash(key + layer);
        let first = u32::cast_from(at % size * N::value());
        let mut value = values[at];
        #[unroll]
        for l in 0..N::value() {
            let stays = hash(hash(first + u32::cast_from(l)) ^ key) < below;
            value.insert(l, select(stays, value.extract(l) * scale, f32::new(0.0)));
        }
        values[at] = value;
    }
}

/// That of [`dropout`](crate::unet::dropout).
#[cube]
fn hash(x: u32) -> u32 {
    let state = x * 747_796_405u32 + 2_891_336_453u32;
    let word = ((state >> ((state >> 28u32) + 4u32)) ^ state) * 277_803_737u32;
    (word >> 22u32) ^ word
}

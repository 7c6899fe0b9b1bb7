//! softmax(q k^T / sqrt(d)) v (Vaswani et al. 2017, eq. 1) in one launch: a workgroup for each query of each head of each image.
//!
//! Keys are taken in chunks of one for each thread, with a running maximum (Milakov & Gimelshein 2018, algorithm 3), so
//! that an image of any size needs the same small memory.

use cubecl::prelude::*;

/// Threads that find the largest of the parts; the number of threads is a multiple.
const ADDERS: usize = 16;

/// What a kernel is compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct AttendKind {
    /// Threads of a workgroup, a multiple of 16.
    pub(crate) units: usize,
    /// Vectors of the output that one thread sums.
    pub(crate) rounds: usize,
}

/// Sizes; that of a head is counted in vectors.
#[derive(CubeType, CubeLaunch, Clone, Copy)]
pub(crate) struct AttendShape {
    tokens: usize,
    heads: usize,
    head: usize,
    /// Groups of threads that share the keys of a chunk.
    splits: usize,
    /// 1 / sqrt(d).
    scale: f32,
}

/// `qkv` is `[n, tokens, 3, heads, d]`, `out` `[n, tokens, heads, d]`.
#[cube(launch_unchecked)]
pub(crate) fn attend<N: Size>(
    qkv: &[Vector<f32, N>],
    out: &mut [Vector<f32, N>],
    shape: AttendShape,
    #[comptime] kind: AttendKind,
) {
    let units = comptime!(kind.units);
    let rounds = comptime!(kind.rounds);
    let unit = UNIT_POS as usize;
    let query = CUBE_POS_X as usize;
    let head = CUBE_POS_Y as usize;
    let image = CUBE_POS_Z as usize;

    let width = shape.heads * shape.head;
    let token = 3 * width;
    let q_at = (image * shape.tokens + query) * token + head * shape.head;
    let k_at = image * shape.tokens * token + width + head * shape.head;
    let v_at = k_at + width;
    let lane = unit % shape.head;
    let split = unit / shape.head;

    let mut scores = Shared::<[f32]>::new_slice(units);
    let mut largest = Shared::<[f32]>::new_slice(ADDERS);
    let mut weights = Shared::<[f32]>::new_slice(units);

    let mut sums = Array::<Vector<f32, N>>::new(rounds);
    #[unroll]
    for r in 0..rounds {
        sums[r] = Vector::new(0.0);
    }
    let mut weight_sum = f32::new(0.0);
    let mut maximum = f32::new(-1e30);

    for start in range_stepped(0usize, shape.tokens, units) {
        let key = start + unit;
        let mut score = f32::new(-1e30);
        if key < shape.tokens {
            let mut dot = Vector::<f32, N>::new(0.0);
            for l in 0..shape.head {
                dot += qkv[q_at + l] * qkv[k_at + key * token + l];
            }
            score = dot.extract(0usize);
            #[unroll]
            for l in 1..N::value() {
                score += dot.extract(l);
            }
            score *= shape.scale;
        }

        scores[unit] = score;
        sync_cube();
        if unit < ADDERS {
            let mut part = scores[unit];
            #[unroll]
            for i in 1..comptime!(units / ADDERS) {
                part = max(part, scores[unit + i * ADDERS]);
            }
            largest[unit] = part;
        }
        sync_cube();
        let mut new_maximum = maximum;
        #[unroll]
        for i in 0..ADDERS {
            new_maximum = max(new_maximum, largest[i]);
        }
        let mut weight = f32::new(0.0);
        if key < shape.tokens {
            weight = (score - new_maximum).exp();
        }
        weights[unit] = weight;
        sync_cube();

        let fade = max(maximum - new_maximum, f32::new(-80.0)).exp();
        maximum = new_maximum;
        weight_sum *= fade;
        #[unroll]
        for r in 0..rounds {
            sums[r] = sums[r] * Vector::new(fade);
        }
        if split < shape.splits {
            let keys = (shape.tokens - start).min(units);
            for j in range_stepped(split, keys, shape.splits) {
                let weight = weights[j];
                weight_sum += weight;
                #[unroll]
                for r in 0..rounds {
                    let l = lane + r * units;
                    if comptime!(rounds == 1) || l < shape.head {
                        sums[r] += Vector::new(weight) * qkv[v_at + (start + j) * token + l];
                    }
                }
            }
        }
    }

    let to = (image * shape.tokens + query) * width + head * shape.head;
    if comptime!(rounds == 1) {
        let mut parts = Shared::<[Vector<f32, N>]>::new_slice(units);
        parts[unit] = sums[0];
        scores[unit] = weight_sum;
        sync_cube();
        if unit < shape.head {
            let mut sum = parts[unit];
            let mut weight_sum = scores[unit];
            for s in 1..shape.splits {
                sum += parts[s * shape.head + unit];
                weight_sum += scores[s * shape.head + unit];
            }
            out[to + unit] = sum / Vector::new(weight_sum);
        }
    } else {
        #[unroll]
        for r in 0..rounds {
            let l = lane + r * units;
            if l < shape.head {
                out[to + l] = sums[r] / Vector::new(weight_sum);
            }
        }
    }
}

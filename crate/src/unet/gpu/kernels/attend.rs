//! softmax(q k^T / sqrt(d)) v (Vaswani et al. 2017, eq. 1) in one launch: a workgroup for some queries of a head of an image.
//!
//! Keys are taken in chunks of one for each thread, with a running maximum (Milakov & Gimelshein 2018, algorithm 3), so
//! that an image of any size needs the same small memory. Each thread has a key while scores are computed, and a query while
//! the values are summed.

use cubecl::prelude::*;

/// What a kernel is compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct AttendKind {
    /// Threads of a workgroup.
    pub(crate) units: usize,
    /// Queries of a workgroup; they divide the threads.
    pub(crate) queries: usize,
    /// Vectors of the output that one thread sums.
    pub(crate) rounds: usize,
}

/// Sizes; that of a head is counted in vectors.
#[derive(CubeType, CubeLaunch, Clone, Copy)]
pub(crate) struct AttendShape {
    pub(super) tokens: usize,
    pub(super) heads: usize,
    pub(super) head: usize,
    /// 1 / sqrt(d).
    pub(super) scale: f32,
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
    let queries = comptime!(kind.queries);
    let rounds = comptime!(kind.rounds);
    let unit = UNIT_POS as usize;
    let first = CUBE_POS_X as usize * queries;
    let head = CUBE_POS_Y as usize;
    let image = CUBE_POS_Z as usize;

    let width = shape.heads * shape.head;
    let token = 3 * width;
    let q_at = image * shape.tokens * token + head * shape.head;
    let k_at = q_at + width;
    let v_at = k_at + width;
    let mine = unit % queries;
    let lane = unit / queries;
    let lanes = comptime!(kind.units / kind.queries);

    let mut scores = Shared::<[f32]>::new_slice(comptime!(kind.units * kind.queries));
    let mut sums = Array::<Vector<f32, N>>::new(rounds);
    #[unroll]
    for r in 0..rounds {
        sums[r] = Vector::new(0.0);
    }
    let mut weight_sum = f32::new(0.0);
    let mut maximum = f32::new(-1e30);

    for start in range_stepped(0usize, shape.tokens, units) {
        let key = (start + unit).min(shape.tokens - 1);
        let mut dots = Array::<Vector<f32, N>>::new(queries);
        #[unroll]
        for q in 0..queries {
            dots[q] = Vector::new(0.0);
        }
        for l in 0..shape.head {
            let k = qkv[k_at + key * token + l];
            #[unroll]
            for q in 0..queries {
                let query = (first + q).min(shape.tokens - 1);
                dots[q] += qkv[q_at + query * token + l] * k;
            }
        }
        #[unroll]
        for q in 0..queries {
            let mut score = dots[q].extract(0usize);
            #[unroll]
            for l in 1..N::value() {
                score += dots[q].extract(l);
            }
            scores[q * units + unit] = score * shape.scale;
        }
        sync_cube();

        let keys = (shape.tokens - start).min(units);
        let mut new_maximum = maximum;
        for j in 0..keys {
            new_maximum = max(new_maximum, scores[mine * units + j]);
        }
        let fade = max(maximum - new_maximum, f32::new(-80.0)).exp();
        maximum = new_maximum;
        weight_sum *= fade;
        #[unroll]
        for r in 0..rounds {
            sums[r] *= Vector::new(fade);
        }
        for j in 0..keys {
            let weight = (scores[mine * units + j] - maximum).exp();
            weight_sum += weight;
            #[unroll]
            for r in 0..rounds {
                let l = (lane + r * lanes).min(shape.head - 1);
                sums[r] += Vector::new(weight) * qkv[v_at + (start + j) * token + l];
            }
        }
        // The next chunk's scores take the place of these.
        sync_cube();
    }

    let query = first + mine;
    if query < shape.tokens {
        let to = (image * shape.tokens + query) * width + head * shape.head;
        #[unroll]
        for r in 0..rounds {
            let l = lane + r * lanes;
            if l < shape.head {
                out[to + l] = sums[r] / Vector::new(weight_sum);
            }
        }
    }
}

//! The gradients of attention in two launches: of the queries, and of the keys and values. The scores, which are large, are
//! computed again from what each query keeps (Dao et al. 2022, appendix B.2): the logarithm of its sum of exponentials, and
//! the product of its output and the output's gradient.
//!
//! ```text
//! P = exp(s q k^T - log-sum)        dS = P (do v^T - o do)        s = 1 / sqrt(d)
//! dv = P^T do                       dq = s dS k                   dk = s dS^T q
//! ```

use super::attend::{AttendKind, AttendShape};
use cubecl::prelude::*;

/// The sum of a vector's elements.
#[cube]
fn across<N: Size>(x: Vector<f32, N>) -> f32 {
    let mut sum = x.extract(0usize);
    #[unroll]
    for l in 1..N::value() {
        sum += x.extract(l);
    }
    sum
}

/// The first third of `slope_qkv` `[n, tokens, 3, heads, d]`; `kept` is `[n, heads, tokens, 2]`.
#[cube(launch_unchecked)]
pub(crate) fn query_slope<N: Size>(
    qkv: &[Vector<f32, N>],
    out: &[Vector<f32, N>],
    slope: &[Vector<f32, N>],
    slope_qkv: &mut [Vector<f32, N>],
    kept: &mut [f32],
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
    let o_at = image * shape.tokens * width + head * shape.head;
    let mine = unit % queries;
    let lane = unit / queries;
    let lanes = comptime!(kind.units / kind.queries);
    let query = (first + mine).min(shape.tokens - 1);

    let mut scores = Shared::<[f32]>::new_slice(comptime!(kind.units * kind.queries));
    let mut log_sums = Shared::<[f32]>::new_slice(queries);
    let mut products = Shared::<[f32]>::new_slice(queries);
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
            scores[q * units + unit] = across(dots[q]) * shape.scale;
        }
        sync_cube();
        let keys = (shape.tokens - start).min(units);
        let mut new_maximum = maximum;
        for j in 0..keys {
            new_maximum = max(new_maximum, scores[mine * units + j]);
        }
        weight_sum *= max(maximum - new_maximum, f32::new(-80.0)).exp();
        maximum = new_maximum;
        for j in 0..keys {
            weight_sum += (scores[mine * units + j] - maximum).exp();
        }
        sync_cube();
    }
    let mut product = Vector::<f32, N>::new(0.0);
    for l in 0..shape.head {
        product += out[o_at + query * width + l] * slope[o_at + query * width + l];
    }
    if lane == 0 {
        log_sums[mine] = maximum + weight_sum.ln();
        products[mine] = across(product);
        if first + mine < shape.tokens {
            let at = ((image * shape.heads + head) * shape.tokens + query) * 2;
            kept[at] = maximum + weight_sum.ln();
            kept[at + 1] = across(product);
        }
    }
    sync_cube();

    let mut sums = Array::<Vector<f32, N>>::new(rounds);
    #[unroll]
    for r in 0..rounds {
        sums[r] = Vector::new(0.0);
    }
    for start in range_stepped(0usize, shape.tokens, units) {
        let key = (start + unit).min(shape.tokens - 1);
        let mut dots = Array::<Vector<f32, N>>::new(queries);
        let mut values = Array::<Vector<f32, N>>::new(queries);
        #[unroll]
        for q in 0..queries {
            dots[q] = Vector::new(0.0);
            values[q] = Vector::new(0.0);
        }
        for l in 0..shape.head {
            let k = qkv[k_at + key * token + l];
            let v = qkv[v_at + key * token + l];
            #[unroll]
            for q in 0..queries {
                let query = (first + q).min(shape.tokens - 1);
                dots[q] += qkv[q_at + query * token + l] * k;
                values[q] += slope[o_at + query * width + l] * v;
            }
        }
        #[unroll]
        for q in 0..queries {
            let weight = (across(dots[q]) * shape.scale - log_sums[q]).exp();
            let score = weight * (across(values[q]) - products[q]) * shape.scale;
            scores[q * units + unit] = score;
        }
        sync_cube();
        let keys = (shape.tokens - start).min(units);
        for j in 0..keys {
            let score = Vector::<f32, N>::new(scores[mine * units + j]);
            #[unroll]
            for r in 0..rounds {
                let l = (lane + r * lanes).min(shape.head - 1);
                sums[r] += score * qkv[k_at + (start + j) * token + l];
            }
        }
        sync_cube();
    }
    if first + mine < shape.tokens {
        #[unroll]
        for r in 0..rounds {
            let l = lane + r * lanes;
            if l < shape.head {
                slope_qkv[q_at + query * token + l] = sums[r];
            }
        }
    }
}

/// The other two thirds: a workgroup for some keys of a head of an image.
#[cube(launch_unchecked)]
pub(crate) fn key_slope<N: Size>(
    qkv: &[Vector<f32, N>],
    slope: &[Vector<f32, N>],
    kept: &[f32],
    slope_qkv: &mut [Vector<f32, N>],
    shape: AttendShape,
    #[comptime] kind: AttendKind,
) {
    let units = comptime!(kind.units);
    let keys = comptime!(kind.queries);
    let rounds = comptime!(kind.rounds);
    let unit = UNIT_POS as usize;
    let first = CUBE_POS_X as usize * keys;
    let head = CUBE_POS_Y as usize;
    let image = CUBE_POS_Z as usize;
    let width = shape.heads * shape.head;
    let token = 3 * width;
    let q_at = image * shape.tokens * token + head * shape.head;
    let k_at = q_at + width;
    let v_at = k_at + width;
    let o_at = image * shape.tokens * width + head * shape.head;
    let mine = unit % keys;
    let lane = unit / keys;
    let lanes = comptime!(kind.units / kind.queries);

    let mut weights = Shared::<[f32]>::new_slice(comptime!(kind.units * kind.queries));
    let mut scores = Shared::<[f32]>::new_slice(comptime!(kind.units * kind.queries));
    let mut of_keys = Array::<Vector<f32, N>>::new(rounds);
    let mut of_values = Array::<Vector<f32, N>>::new(rounds);
    #[unroll]
    for r in 0..rounds {
        of_keys[r] = Vector::new(0.0);
        of_values[r] = Vector::new(0.0);
    }
    for start in range_stepped(0usize, shape.tokens, units) {
        let query = (start + unit).min(shape.tokens - 1);
        let mut dots = Array::<Vector<f32, N>>::new(keys);
        let mut values = Array::<Vector<f32, N>>::new(keys);
        #[unroll]
        for k in 0..keys {
            dots[k] = Vector::new(0.0);
            values[k] = Vector::new(0.0);
        }
        for l in 0..shape.head {
            let q = qkv[q_at + query * token + l];
            let o = slope[o_at + query * width + l];
            #[unroll]
            for k in 0..keys {
                let key = (first + k).min(shape.tokens - 1);
                dots[k] += qkv[k_at + key * token + l] * q;
                values[k] += qkv[v_at + key * token + l] * o;
            }
        }
        let at = ((image * shape.heads + head) * shape.tokens + query) * 2;
        let log_sum = kept[at];
        let product = kept[at + 1];
        #[unroll]
        for k in 0..keys {
            let weight = (across(dots[k]) * shape.scale - log_sum).exp();
            weights[k * units + unit] = weight;
            scores[k * units + unit] = weight * (across(values[k]) - product) * shape.scale;
        }
        sync_cube();
        let queries = (shape.tokens - start).min(units);
        for i in 0..queries {
            let weight = Vector::<f32, N>::new(weights[mine * units + i]);
            let score = Vector::<f32, N>::new(scores[mine * units + i]);
            #[unroll]
            for r in 0..rounds {
                let l = (lane + r * lanes).min(shape.head - 1);
                of_values[r] += weight * slope[o_at + (start + i) * width + l];
                of_keys[r] += score * qkv[q_at + (start + i) * token + l];
            }
        }
        sync_cube();
    }
    let key = first + mine;
    if key < shape.tokens {
        #[unroll]
        for r in 0..rounds {
            let l = lane + r * lanes;
            if l < shape.head {
                slope_qkv[k_at + key * token + l] = of_keys[r];
                slope_qkv[v_at + key * token + l] = of_values[r];
            }
        }
    }
}

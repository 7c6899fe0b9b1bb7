//! The products between the transforms: for each point a matrix of tiles by channels times one of channels by outputs.

use super::super::simd::Simd;

/// Tiles by input channels, at one point.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tiles<'a> {
    /// `[tiles][row]`
    pub(super) values: &'a [f32],
    pub(super) row: usize,
    pub(super) count: usize,
}

/// m = v u: `[tiles][N vectors]` from tiles by `c_in` and `u` `[c_in][N vectors]`.
#[inline(always)]
pub(super) fn product<S: Simd, const N: usize>(simd: S, v: Tiles, u: &[f32], m: &mut [f32]) {
    let most = if S::TILE >= 3 { 8 } else { 4 };
    let width = N * S::LANES;
    let mut at = 0;
    while at < v.count {
        let left = v.count - at;
        let size = if left >= most {
            most
        } else {
            1 << left.ilog2()
        };
        let (rows, m) = (&v.values[at * v.row..], &mut m[at * width..]);
        match size {
            8 => tile::<S, 8, N>(simd, rows, v.row, u, m),
            4 => tile::<S, 4, N>(simd, rows, v.row, u, m),
            2 => tile::<S, 2, N>(simd, rows, v.row, u, m),
            _ => tile::<S, 1, N>(simd, rows, v.row, u, m),
        }
        at += size;
    }
}

/// `M` tiles by `N` vectors, which stay in registers while all input channels go by.
#[inline(always)]
fn tile<S: Simd, const M: usize, const N: usize>(
    simd: S,
    v: &[f32],
    row: usize,
    u: &[f32],
    to: &mut [f32],
) {
    let channels = u.len() / (N * S::LANES);
    let mut rows = [v; M];
    for m in 0..M {
        rows[m] = &v[m * row..][..channels];
    }
    let mut sums = [[simd.splat(0.0); N]; M];
    let u = &S::chunks(u)[..channels * N];
    for i in 0..channels {
        let u = &u[i * N..][..N];
        let mut vectors = [simd.splat(0.0); N];
        for n in 0..N {
            vectors[n] = simd.read(&u[n]);
        }
        for m in 0..M {
            let value = simd.splat(rows[m][i]);
            for n in 0..N {
                sums[m][n] = simd.mul_add(value, vectors[n], sums[m][n]);
            }
        }
    }
    let to = &mut to[..M * N * S::LANES];
    for m in 0..M {
        for n in 0..N {
            simd.store(sums[m][n], &mut to[(m * N + n) * S::LANES..]);
        }
    }
}

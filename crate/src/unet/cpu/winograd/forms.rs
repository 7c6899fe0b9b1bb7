//! The transforms of Winograd's minimal filtering, in one dimension; a tile applies them to its columns, then to its rows.
//!
//! A form computes `OUT` outputs of a filter of three taps from `IN` = `OUT` + 2 inputs with `IN` products,
//! y = A^T [(G g) * (B^T d)], where matrices come from the interpolation of polynomials at `IN` - 1 points and infinity
//! (Lavin & Gray 2016, arXiv 1509.09308). The points decide how far rounding errors grow (Barabasz et al. 2018,
//! arXiv 1803.10986).

use super::super::simd::Simd;

/// One pair of sizes, with its three transforms.
pub(super) trait Form<const IN: usize, const OUT: usize>: Copy {
    /// B^T d.
    fn data<S: Simd>(simd: S, d: [S::Vector; IN]) -> [S::Vector; IN];
    /// G g.
    fn weight<S: Simd>(simd: S, g: [S::Vector; 3]) -> [S::Vector; IN];
    /// A^T m.
    fn output<S: Simd>(simd: S, m: [S::Vector; IN]) -> [S::Vector; OUT];
    /// A y: what the gradient of the output becomes.
    #[cfg(feature = "learn")]
    fn output_back<S: Simd>(simd: S, y: [S::Vector; OUT]) -> [S::Vector; IN];
    /// G^T u: what becomes the gradient of the filter.
    #[cfg(feature = "learn")]
    fn weight_back<S: Simd>(simd: S, u: [S::Vector; IN]) -> [S::Vector; 3];
}

/// F(2, 3), from the points 0, 1 and -1.
#[derive(Debug, Clone, Copy)]
pub(super) struct Two;

impl Form<4, 2> for Two {
    #[inline(always)]
    fn data<S: Simd>(simd: S, [a, b, c, d]: [S::Vector; 4]) -> [S::Vector; 4] {
        [
            simd.sub(a, c),
            simd.add(b, c),
            simd.sub(c, b),
            simd.sub(b, d),
        ]
    }

    #[inline(always)]
    fn weight<S: Simd>(simd: S, [a, b, c]: [S::Vector; 3]) -> [S::Vector; 4] {
        let half = simd.splat(0.5);
        let (even, odd) = (simd.mul(half, simd.add(a, c)), simd.mul(half, b));
        [a, simd.add(even, odd), simd.sub(even, odd), c]
    }

    #[inline(always)]
    fn output<S: Simd>(simd: S, [a, b, c, d]: [S::Vector; 4]) -> [S::Vector; 2] {
        [simd.add(a, simd.add(b, c)), simd.sub(simd.sub(b, c), d)]
    }

    #[cfg(feature = "learn")]
    #[inline(always)]
    fn output_back<S: Simd>(simd: S, [a, b]: [S::Vector; 2]) -> [S::Vector; 4] {
        [a, simd.add(a, b), simd.sub(a, b), times(simd, -1.0, b)]
    }

    #[cfg(feature = "learn")]
    #[inline(always)]
    fn weight_back<S: Simd>(simd: S, [a, b, c, d]: [S::Vector; 4]) -> [S::Vector; 3] {
        let half = simd.splat(0.5);
        let even = simd.mul(half, simd.add(b, c));
        [
            simd.add(a, even),
            simd.mul(half, simd.sub(b, c)),
            simd.add(even, d),
        ]
    }
}

/// F(4, 3), from the points 0, ±5/8 and ±3/2: with the usual 0, ±1 and ±2 rounding errors are more than twice as large.
#[derive(Debug, Clone, Copy)]
pub(super) struct Four;

const P: f32 = 0.625;
const Q: f32 = 1.5;
const P2: f32 = P * P;
const Q2: f32 = Q * Q;
/// The products of the differences of ±P to all other points, and of ±Q.
const NP: f32 = 2.0 * P2 * (P2 - Q2);
const NQ: f32 = 2.0 * Q2 * (Q2 - P2);

impl Form<6, 4> for Four {
    #[inline(always)]
    fn data<S: Simd>(simd: S, d: [S::Vector; 6]) -> [S::Vector; 6] {
        let even_p = times_add(simd, -Q2, d[2], d[4]);
        let odd_p = times(simd, P, times_add(simd, -Q2, d[1], d[3]));
        let even_q = times_add(simd, -P2, d[2], d[4]);
        let odd_q = times(simd, Q, times_add(simd, -P2, d[1], d[3]));
        [
            times_add(simd, P2 * Q2, d[0], times_add(simd, -(P2 + Q2), d[2], d[4])),
            simd.add(even_p, odd_p),
            simd.sub(even_p, odd_p),
            simd.add(even_q, odd_q),
            simd.sub(even_q, odd_q),
            times_add(simd, P2 * Q2, d[1], times_add(simd, -(P2 + Q2), d[3], d[5])),
        ]
    }

    #[inline(always)]
    fn weight<S: Simd>(simd: S, [a, b, c]: [S::Vector; 3]) -> [S::Vector; 6] {
        let even_p = times_add(simd, P2 / NP, c, times(simd, 1.0 / NP, a));
        let odd_p = times(simd, P / NP, b);
        let even_q = times_add(simd, Q2 / NQ, c, times(simd, 1.0 / NQ, a));
        let odd_q = times(simd, Q / NQ, b);
        [
            times(simd, 1.0 / (P2 * Q2), a),
            simd.add(even_p, odd_p),
            simd.sub(even_p, odd_p),
            simd.add(even_q, odd_q),
            simd.sub(even_q, odd_q),
            c,
        ]
    }

    #[inline(always)]
    fn output<S: Simd>(simd: S, m: [S::Vector; 6]) -> [S::Vector; 4] {
        let (even_p, odd_p) = (simd.add(m[1], m[2]), simd.sub(m[1], m[2]));
        let (even_q, odd_q) = (simd.add(m[3], m[4]), simd.sub(m[3], m[4]));
        [
            simd.add(m[0], simd.add(even_p, even_q)),
            times_add(simd, P, odd_p, times(simd, Q, odd_q)),
            times_add(simd, P2, even_p, times(simd, Q2, even_q)),
            times_add(simd, P2 * P, odd_p, times_add(simd, Q2 * Q, odd_q, m[5])),
        ]
    }

    #[cfg(feature = "learn")]
    #[inline(always)]
    fn output_back<S: Simd>(simd: S, [a, b, c, d]: [S::Vector; 4]) -> [S::Vector; 6] {
        let (even_p, even_q) = (times_add(simd, P2, c, a), times_add(simd, Q2, c, a));
        let odd_p = times_add(simd, P, b, times(simd, P2 * P, d));
        let odd_q = times_add(simd, Q, b, times(simd, Q2 * Q, d));
        [
            a,
            simd.add(even_p, odd_p),
            simd.sub(even_p, odd_p),
            simd.add(even_q, odd_q),
            simd.sub(even_q, odd_q),
            d,
        ]
    }

    #[cfg(feature = "learn")]
    #[inline(always)]
    fn weight_back<S: Simd>(simd: S, u: [S::Vector; 6]) -> [S::Vector; 3] {
        let (even_p, odd_p) = (simd.add(u[1], u[2]), simd.sub(u[1], u[2]));
        let (even_q, odd_q) = (simd.add(u[3], u[4]), simd.sub(u[3], u[4]));
        let ends = times(simd, 1.0 / (P2 * Q2), u[0]);
        [
            times_add(
                simd,
                1.0 / NP,
                even_p,
                times_add(simd, 1.0 / NQ, even_q, ends),
            ),
            times_add(simd, P / NP, odd_p, times(simd, Q / NQ, odd_q)),
            times_add(
                simd,
                P2 / NP,
                even_p,
                times_add(simd, Q2 / NQ, even_q, u[5]),
            ),
        ]
    }
}

#[inline(always)]
fn times<S: Simd>(simd: S, x: f32, a: S::Vector) -> S::Vector {
    simd.mul(simd.splat(x), a)
}

#[inline(always)]
fn times_add<S: Simd>(simd: S, x: f32, a: S::Vector, b: S::Vector) -> S::Vector {
    simd.mul_add(simd.splat(x), a, b)
}

/// A transform of the columns, then of the rows: of what `read(i, j)` says, row by row to `write(i, row)`.
///
/// What is read and written passes memory once each; all of it does not fit the registers.
#[allow(
    clippy::needless_range_loop,
    reason = "loops of constant length keep their arrays in registers"
)]
#[inline(always)]
pub(super) fn both<V: Copy, const A: usize, const B: usize>(
    zero: V,
    read: impl Fn(usize, usize) -> V,
    f: impl Fn([V; A]) -> [V; B],
    mut write: impl FnMut(usize, [V; B]),
) {
    let mut half = [[zero; A]; B];
    for j in 0..A {
        let mut column = [zero; A];
        for i in 0..A {
            column[i] = read(i, j);
        }
        let column = f(column);
        for i in 0..B {
            half[i][j] = column[i];
        }
    }
    for (i, half) in half.into_iter().enumerate() {
        write(i, f(half));
    }
}

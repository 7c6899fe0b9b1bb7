//! Rows of four values to columns in vectors, and back: what layouts with channels side by side begin and end with.

#![allow(
    clippy::needless_range_loop,
    reason = "loops of constant length keep their arrays in registers"
)]

use super::Simd;

/// The lanes of the widest vectors.
const MOST_LANES: usize = 16;

/// [`Simd::turn`] through memory.
#[inline(always)]
pub(super) fn plainly<S: Simd>(simd: S, row: impl Fn(usize) -> [f32; 4]) -> [S::Vector; 4] {
    let mut columns = [[0.0; MOST_LANES]; 4];
    for lane in 0..S::LANES {
        let row = row(lane);
        for k in 0..4 {
            columns[k][lane] = row[k];
        }
    }
    let mut x = [simd.splat(0.0); 4];
    for k in 0..4 {
        x[k] = simd.read(&S::chunks(&columns[k])[0]);
    }
    x
}

/// [`Simd::turn_back`] through memory.
#[inline(always)]
pub(super) fn plainly_back<S: Simd>(
    simd: S,
    x: [S::Vector; 4],
    mut to: impl FnMut(usize, [f32; 4]),
) {
    let mut columns = [[0.0; MOST_LANES]; 4];
    for k in 0..4 {
        simd.store(x[k], &mut columns[k]);
    }
    for lane in 0..S::LANES {
        let mut row = [0.0; 4];
        for k in 0..4 {
            row[k] = columns[k][lane];
        }
        to(lane, row);
    }
}

/// In registers: compilers turn the loops above into a load and a store for each value, and vectors that are read
/// right after such stores wait for all of them.
#[cfg(all(feature = "native", target_arch = "x86_64"))]
pub(super) mod x86 {
    use core::arch::x86_64::{__m256, __m512};
    use pulp::x86::{V3, V4};
    use pulp::{cast, f32x8, f32x16};
    use std::any::Any;

    /// `x` as what it is, if it is a `B`; known when the program is compiled.
    #[inline(always)]
    fn same<A: Copy + 'static, B: Copy + 'static>(x: A) -> Option<B> {
        (&x as &dyn Any).downcast_ref::<B>().copied()
    }

    // `row` and `to` are never passed on by reference: what is called through one is not compiled for these vectors.

    /// [`Simd::turn`](super::Simd::turn), where vectors are AVX's; `None` where they are others.
    #[inline(always)]
    pub(in super::super) fn turn<S: pulp::Simd>(
        simd: S,
        row: impl Fn(usize) -> [f32; 4],
    ) -> Option<[S::f32s; 4]> {
        if let Some(simd) = same::<S, V4>(simd) {
            return same(cast::<[__m512; 4], [f32x16; 4]>(wide(simd, row)));
        }
        let simd = same::<S, V3>(simd)?;
        same(cast::<[__m256; 4], [f32x8; 4]>(narrow(simd, row)))
    }

    /// [`Simd::turn_back`](super::Simd::turn_back) of `plain`, in registers where `simd`, which it is made of, has AVX's.
    #[inline(always)]
    pub(in super::super) fn turn_back<S: pulp::Simd, P: super::Simd<Vector = S::f32s>>(
        simd: S,
        plain: P,
        x: [S::f32s; 4],
        to: impl FnMut(usize, [f32; 4]),
    ) {
        if let (Some(simd), Some(x)) = (same(simd), same::<_, [f32x16; 4]>(x)) {
            wide_back(simd, cast(x), to);
        } else if let (Some(simd), Some(x)) = (same(simd), same::<_, [f32x8; 4]>(x)) {
            narrow_back(simd, cast(x), to);
        } else {
            super::plainly_back(plain, x, to);
        }
    }

    /// Quarter q of vector j is row 4 q + j; then squares of four are turned in place.
    #[inline(always)]
    fn wide(simd: V4, row: impl Fn(usize) -> [f32; 4]) -> [__m512; 4] {
        let avx = simd.avx512f;
        let mut rows = [avx._mm512_setzero_ps(); 4];
        for j in 0..4 {
            let first = avx._mm512_castps128_ps512(cast(row(j)));
            let two = avx._mm512_insertf32x4::<1>(first, cast(row(4 + j)));
            let three = avx._mm512_insertf32x4::<2>(two, cast(row(8 + j)));
            rows[j] = avx._mm512_insertf32x4::<3>(three, cast(row(12 + j)));
        }
        wide_squares(simd, rows)
    }

    #[inline(always)]
    fn wide_back(simd: V4, x: [__m512; 4], mut to: impl FnMut(usize, [f32; 4])) {
        let avx = simd.avx512f;
        let rows = wide_squares(simd, x);
        for j in 0..4 {
            to(j, cast(avx._mm512_extractf32x4_ps::<0>(rows[j])));
            to(4 + j, cast(avx._mm512_extractf32x4_ps::<1>(rows[j])));
            to(8 + j, cast(avx._mm512_extractf32x4_ps::<2>(rows[j])));
            to(12 + j, cast(avx._mm512_extractf32x4_ps::<3>(rows[j])));
        }
    }

    #[inline(always)]
    fn wide_squares(simd: V4, [a, b, c, d]: [__m512; 4]) -> [__m512; 4] {
        let avx = simd.avx512f;
        let ab = avx._mm512_castps_pd(avx._mm512_unpacklo_ps(a, b));
        let cd = avx._mm512_castps_pd(avx._mm512_unpacklo_ps(c, d));
        let ab_high = avx._mm512_castps_pd(avx._mm512_unpackhi_ps(a, b));
        let cd_high = avx._mm512_castps_pd(avx._mm512_unpackhi_ps(c, d));
        [
            avx._mm512_castpd_ps(avx._mm512_unpacklo_pd(ab, cd)),
            avx._mm512_castpd_ps(avx._mm512_unpackhi_pd(ab, cd)),
            avx._mm512_castpd_ps(avx._mm512_unpacklo_pd(ab_high, cd_high)),
            avx._mm512_castpd_ps(avx._mm512_unpackhi_pd(ab_high, cd_high)),
        ]
    }

    #[inline(always)]
    fn narrow(simd: V3, row: impl Fn(usize) -> [f32; 4]) -> [__m256; 4] {
        let avx = simd.avx;
        let mut rows = [avx._mm256_setzero_ps(); 4];
        for j in 0..4 {
            let first = avx._mm256_castps128_ps256(cast(row(j)));
            rows[j] = avx._mm256_insertf128_ps::<1>(first, cast(row(4 + j)));
        }
        narrow_squares(simd, rows)
    }

    #[inline(always)]
    fn narrow_back(simd: V3, x: [__m256; 4], mut to: impl FnMut(usize, [f32; 4])) {
        let avx = simd.avx;
        let rows = narrow_squares(simd, x);
        for j in 0..4 {
            to(j, cast(avx._mm256_extractf128_ps::<0>(rows[j])));
            to(4 + j, cast(avx._mm256_extractf128_ps::<1>(rows[j])));
        }
    }

    #[inline(always)]
    fn narrow_squares(simd: V3, [a, b, c, d]: [__m256; 4]) -> [__m256; 4] {
        let avx = simd.avx;
        let ab = avx._mm256_castps_pd(avx._mm256_unpacklo_ps(a, b));
        let cd = avx._mm256_castps_pd(avx._mm256_unpacklo_ps(c, d));
        let ab_high = avx._mm256_castps_pd(avx._mm256_unpackhi_ps(a, b));
        let cd_high = avx._mm256_castps_pd(avx._mm256_unpackhi_ps(c, d));
        [
            avx._mm256_castpd_ps(avx._mm256_unpacklo_pd(ab, cd)),
            avx._mm256_castpd_ps(avx._mm256_unpackhi_pd(ab, cd)),
            avx._mm256_castpd_ps(avx._mm256_unpacklo_pd(ab_high, cd_high)),
            avx._mm256_castpd_ps(avx._mm256_unpackhi_pd(ab_high, cd_high)),
        ]
    }
}

#[cfg(all(test, feature = "native"))]
mod tests {
    use super::super::native::Work;
    use super::super::{Simd, Vectorised};

    /// Turns rows whose values say where they are, and turns them back.
    struct Turns;

    impl Vectorised for Turns {
        fn run<S: Simd>(self, simd: S) {
            let row = |lane: usize| [0, 1, 2, 3].map(|k| (10 * lane + k) as f32);
            let columns = simd.turn(row);
            for (k, column) in columns.into_iter().enumerate() {
                let mut lanes = vec![0.0; S::LANES];
                simd.store(column, &mut lanes);
                for (lane, value) in lanes.into_iter().enumerate() {
                    assert_eq!(value, row(lane)[k], "of {} lanes", S::LANES);
                }
            }
            let mut seen = vec![false; S::LANES];
            simd.turn_back(columns, |lane, values| {
                assert_eq!(values, row(lane), "of {} lanes", S::LANES);
                seen[lane] = true;
            });
            assert_eq!(seen, vec![true; S::LANES]);
        }
    }

    #[test]
    fn rows_become_columns_and_columns_rows_in_vectors_of_every_width() {
        use pulp::Simd as _;
        let simd = pulp::Scalar::new();
        simd.vectorize(On(simd));
        pulp::Arch::new().dispatch(Work(Turns));
        #[cfg(target_arch = "x86_64")]
        if let Some(simd) = pulp::x86::V3::try_new() {
            simd.vectorize(On(simd));
        }
    }

    /// The work with vectors of one kind.
    struct On<S>(S);

    impl<S: pulp::Simd> pulp::NullaryFnOnce for On<S> {
        type Output = ();

        #[inline(always)]
        fn call(self) {
            pulp::WithSimd::with_simd(Work(Turns), self.0);
        }
    }
}

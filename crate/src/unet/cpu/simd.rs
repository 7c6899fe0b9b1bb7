//! Vectors of f32, as wide as the processor has them: pulp's natively, WebAssembly's 128 bits in the browser.

mod turn;

/// The few operations on vectors that the kernels need.
pub(super) trait Simd: Copy {
    /// A vector of [`LANES`](Self::LANES) values.
    type Vector: Copy;
    /// A vector's values in memory.
    type Chunk;
    /// Values in a vector.
    const LANES: usize;
    /// Vectors of pixels that a convolution's tile covers, so that the tile fits the registers.
    const TILE: usize;

    fn splat(self, x: f32) -> Self::Vector;
    /// `x` in vectors, without what is left over at its end.
    fn chunks(x: &[f32]) -> &[Self::Chunk];
    fn read(self, chunk: &Self::Chunk) -> Self::Vector;
    fn store(self, x: Self::Vector, to: &mut [f32]);
    fn add(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    fn sub(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    fn mul(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// a b + c, rounded once or twice.
    fn mul_add(self, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector;
    fn sum(self, x: Self::Vector) -> f32;

    /// A row of four values for each lane, turned: vector k holds the k-th of every row.
    #[inline(always)]
    fn turn(self, row: impl Fn(usize) -> [f32; 4] + Copy) -> [Self::Vector; 4] {
        turn::plainly(self, row)
    }

    /// The way back: `to(i, row)` is called with the four values of lane i.
    #[inline(always)]
    fn turn_back(self, x: [Self::Vector; 4], to: impl FnMut(usize, [f32; 4])) {
        turn::plainly_back(self, x, to);
    }
}

/// A function that is compiled once for each kind of vector.
pub(super) trait Vectorised {
    fn run<S: Simd>(self, simd: S);
}

/// Runs `work` with the widest vectors that this processor has.
pub(super) fn dispatch(work: impl Vectorised) {
    #[cfg(feature = "native")]
    pulp::Arch::new().dispatch(native::Work(work));
    #[cfg(all(not(feature = "native"), target_arch = "wasm32"))]
    work.run(wasm::Simd128);
    #[cfg(all(not(feature = "native"), not(target_arch = "wasm32")))]
    work.run(plain::Array);
}

/// Runs `f` compiled for the widest vectors that this processor has.
#[inline(always)]
pub(super) fn vectorised<R>(f: impl FnOnce() -> R) -> R {
    #[cfg(feature = "native")]
    return pulp::Arch::new().dispatch(f);
    #[cfg(not(feature = "native"))]
    f()
}

#[cfg(feature = "native")]
mod native {
    #[cfg(target_arch = "x86_64")]
    use super::turn;
    use super::{Simd, Vectorised};

    pub(super) struct Work<W>(pub(super) W);

    impl<W: Vectorised> pulp::WithSimd for Work<W> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: pulp::Simd>(self, simd: S) {
            self.0.run(Pulp(simd));
        }
    }

    #[derive(Clone, Copy)]
    struct Pulp<S>(S);

    impl<S: pulp::Simd> Simd for Pulp<S> {
        type Vector = S::f32s;
        type Chunk = S::f32s;
        const LANES: usize = S::F32_LANES;
        const TILE: usize = if S::REGISTER_COUNT >= 32 { 3 } else { 1 };

        #[inline(always)]
        fn splat(self, x: f32) -> S::f32s {
            self.0.splat_f32s(x)
        }

        #[inline(always)]
        fn chunks(x: &[f32]) -> &[S::f32s] {
            S::as_simd_f32s(x).0
        }

        #[inline(always)]
        fn read(self, chunk: &S::f32s) -> S::f32s {
            *chunk
        }

        #[inline(always)]
        fn store(self, x: S::f32s, to: &mut [f32]) {
            S::as_mut_simd_f32s(&mut to[..S::F32_LANES]).0[0] = x;
        }

        #[inline(always)]
        fn add(self, a: S::f32s, b: S::f32s) -> S::f32s {
            self.0.add_f32s(a, b)
        }

        #[inline(always)]
        fn sub(self, a: S::f32s, b: S::f32s) -> S::f32s {
            self.0.sub_f32s(a, b)
        }

        #[inline(always)]
        fn mul(self, a: S::f32s, b: S::f32s) -> S::f32s {
            self.0.mul_f32s(a, b)
        }

        #[inline(always)]
        fn mul_add(self, a: S::f32s, b: S::f32s, c: S::f32s) -> S::f32s {
            self.0.mul_add_e_f32s(a, b, c)
        }

        #[inline(always)]
        fn sum(self, x: S::f32s) -> f32 {
            self.0.reduce_sum_f32s(x)
        }

        #[cfg(target_arch = "x86_64")]
        #[inline(always)]
        fn turn(self, row: impl Fn(usize) -> [f32; 4] + Copy) -> [S::f32s; 4] {
            match turn::x86::turn(self.0, row) {
                Some(turned) => turned,
                None => turn::plainly(self, row),
            }
        }

        #[cfg(target_arch = "x86_64")]
        #[inline(always)]
        fn turn_back(self, x: [S::f32s; 4], to: impl FnMut(usize, [f32; 4])) {
            turn::x86::turn_back(self.0, self, x, to);
        }
    }
}

#[cfg(all(not(feature = "native"), target_arch = "wasm32"))]
mod wasm {
    use super::Simd;
    use core::arch::wasm32::{
        f32x4, f32x4_add, f32x4_extract_lane, f32x4_mul, f32x4_splat, f32x4_sub, i32x4_shuffle,
        v128,
    };

    #[derive(Clone, Copy)]
    pub(super) struct Simd128;

    impl Simd for Simd128 {
        type Vector = v128;
        type Chunk = [f32; 4];
        const LANES: usize = 4;
        const TILE: usize = 2;

        #[inline(always)]
        fn splat(self, x: f32) -> v128 {
            f32x4_splat(x)
        }

        #[inline(always)]
        fn chunks(x: &[f32]) -> &[[f32; 4]] {
            x.as_chunks().0
        }

        #[inline(always)]
        fn read(self, &[a, b, c, d]: &[f32; 4]) -> v128 {
            f32x4(a, b, c, d)
        }

        #[inline(always)]
        fn store(self, x: v128, to: &mut [f32]) {
            to[..4].copy_from_slice(&lanes(x));
        }

        #[inline(always)]
        fn add(self, a: v128, b: v128) -> v128 {
            f32x4_add(a, b)
        }

        #[inline(always)]
        fn sub(self, a: v128, b: v128) -> v128 {
            f32x4_sub(a, b)
        }

        #[inline(always)]
        fn mul(self, a: v128, b: v128) -> v128 {
            f32x4_mul(a, b)
        }

        #[inline(always)]
        fn mul_add(self, a: v128, b: v128, c: v128) -> v128 {
            f32x4_add(f32x4_mul(a, b), c)
        }

        #[inline(always)]
        fn sum(self, x: v128) -> f32 {
            lanes(x).iter().sum()
        }

        #[inline(always)]
        fn turn(self, row: impl Fn(usize) -> [f32; 4] + Copy) -> [v128; 4] {
            let row = |lane| self.read(&row(lane));
            turn([row(0), row(1), row(2), row(3)])
        }

        #[inline(always)]
        fn turn_back(self, x: [v128; 4], mut to: impl FnMut(usize, [f32; 4])) {
            for (lane, row) in turn(x).into_iter().enumerate() {
                to(lane, lanes(row));
            }
        }
    }

    /// Rows of a square become its columns.
    #[inline(always)]
    fn turn([a, b, c, d]: [v128; 4]) -> [v128; 4] {
        let halves = [
            i32x4_shuffle::<0, 4, 1, 5>(a, b),
            i32x4_shuffle::<2, 6, 3, 7>(a, b),
            i32x4_shuffle::<0, 4, 1, 5>(c, d),
            i32x4_shuffle::<2, 6, 3, 7>(c, d),
        ];
        let [ab, ab_high, cd, cd_high] = halves;
        [
            i32x4_shuffle::<0, 1, 4, 5>(ab, cd),
            i32x4_shuffle::<2, 3, 6, 7>(ab, cd),
            i32x4_shuffle::<0, 1, 4, 5>(ab_high, cd_high),
            i32x4_shuffle::<2, 3, 6, 7>(ab_high, cd_high),
        ]
    }

    #[inline(always)]
    fn lanes(x: v128) -> [f32; 4] {
        [
            f32x4_extract_lane::<0>(x),
            f32x4_extract_lane::<1>(x),
            f32x4_extract_lane::<2>(x),
            f32x4_extract_lane::<3>(x),
        ]
    }
}

#[cfg(all(not(feature = "native"), not(target_arch = "wasm32")))]
mod plain {
    use super::Simd;

    #[derive(Clone, Copy)]
    pub(super) struct Array;

    impl Simd for Array {
        type Vector = [f32; 4];
        type Chunk = [f32; 4];
        const LANES: usize = 4;
        const TILE: usize = 1;

        fn splat(self, x: f32) -> [f32; 4] {
            [x; 4]
        }

        fn chunks(x: &[f32]) -> &[[f32; 4]] {
            x.as_chunks().0
        }

        fn read(self, chunk: &[f32; 4]) -> [f32; 4] {
            *chunk
        }

        fn store(self, x: [f32; 4], to: &mut [f32]) {
            to[..4].copy_from_slice(&x);
        }

        fn add(self, a: [f32; 4], b: [f32; 4]) -> [f32; 4] {
            std::array::from_fn(|i| a[i] + b[i])
        }

        fn sub(self, a: [f32; 4], b: [f32; 4]) -> [f32; 4] {
            std::array::from_fn(|i| a[i] - b[i])
        }

        fn mul(self, a: [f32; 4], b: [f32; 4]) -> [f32; 4] {
            std::array::from_fn(|i| a[i] * b[i])
        }

        fn mul_add(self, a: [f32; 4], b: [f32; 4], c: [f32; 4]) -> [f32; 4] {
            std::array::from_fn(|i| a[i] * b[i] + c[i])
        }

        fn sum(self, x: [f32; 4]) -> f32 {
            x.iter().sum()
        }
    }
}

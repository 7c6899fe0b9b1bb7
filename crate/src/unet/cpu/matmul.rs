//! The one call into the matrix-multiplication library, with its bounds checked.

/// A view of a matrix: element (i, j) is `data[i * row + j * col]`.
#[derive(Clone, Copy)]
pub(super) struct Strides {
    pub(super) row: usize,
    pub(super) col: usize,
}

impl Strides {
    /// Rows one after the other, `width` values apart.
    pub(super) fn rows(width: usize) -> Self {
        Self { row: width, col: 1 }
    }

    /// The same matrix with its axes exchanged.
    #[cfg(feature = "native")]
    pub(super) fn transposed(self) -> Self {
        Self {
            row: self.col,
            col: self.row,
        }
    }

    fn span(self, rows: usize, cols: usize) -> usize {
        (rows - 1) * self.row + (cols - 1) * self.col + 1
    }
}

/// dst = lhs rhs, or dst += lhs rhs if `accumulate`: `[m, k]` times `[k, n]` into `[m, n]`, on the calling thread.
///
/// # Panics
/// If a slice is shorter than its view.
#[allow(unsafe_code)]
pub(super) fn matmul(
    (m, k, n): (usize, usize, usize),
    (dst, dst_strides): (&mut [f32], Strides),
    (lhs, lhs_strides): (&[f32], Strides),
    (rhs, rhs_strides): (&[f32], Strides),
    accumulate: bool,
) {
    if m == 0 || k == 0 || n == 0 {
        return;
    }
    assert!(
        dst.len() >= dst_strides.span(m, n),
        "matmul: dst is too short"
    );
    assert!(
        lhs.len() >= lhs_strides.span(m, k),
        "matmul: lhs is too short"
    );
    assert!(
        rhs.len() >= rhs_strides.span(k, n),
        "matmul: rhs is too short"
    );
    // SAFETY: the three views lie within their slices, as just asserted, and `dst` is borrowed exclusively.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            dst.as_mut_ptr(),
            dst_strides.col as isize,
            dst_strides.row as isize,
            accumulate,
            lhs.as_ptr(),
            lhs_strides.col as isize,
            lhs_strides.row as isize,
            rhs.as_ptr(),
            rhs_strides.col as isize,
            rhs_strides.row as isize,
            1.0,
            1.0,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

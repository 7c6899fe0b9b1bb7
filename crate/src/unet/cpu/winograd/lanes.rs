//! Between channels one after the other, as tensors have them, and channels side by side in vectors.

use super::super::simd::Simd;

/// Rows of the same length, one for each lane; lanes that have none are zero.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rows {
    /// Where the first begins.
    pub(super) at: usize,
    /// From a row to the next.
    pub(super) step: usize,
    pub(super) len: usize,
    /// How many there are.
    pub(super) count: usize,
}

/// The values of a row that are turned at a time.
const SIDE: usize = 4;

/// Where squares begin that cover `len` values: the last may overlap the one before. None where `len` is less than a side.
#[inline(always)]
fn squares(len: usize) -> impl Iterator<Item = usize> {
    let count = if len < SIDE { 0 } else { len.div_ceil(SIDE) };
    (0..count).map(
        #[inline(always)]
        move |i| (i * SIDE).min(len - SIDE),
    )
}

/// Writes the first values of all rows, then their second ones, and so on: `[len][lanes]`.
#[inline(always)]
pub(super) fn gather<S: Simd>(simd: S, from: &[f32], rows: Rows, to: &mut [f32]) {
    let Rows { len, count, .. } = rows;
    let to = &mut to[..len * S::LANES];
    for at in squares(len) {
        let square = simd.turn(
            #[inline(always)]
            |lane| {
                let mut row = [0.0; SIDE];
                if lane < count {
                    row.copy_from_slice(&from[rows.at + lane * rows.step + at..][..SIDE]);
                }
                row
            },
        );
        for (k, x) in square.into_iter().enumerate() {
            simd.store(x, &mut to[(at + k) * S::LANES..]);
        }
    }
    if len < SIDE {
        for (at, to) in to.chunks_exact_mut(S::LANES).enumerate() {
            for (lane, to) in to.iter_mut().enumerate() {
                *to = if lane < count {
                    from[rows.at + lane * rows.step + at]
                } else {
                    0.0
                };
            }
        }
    }
}

/// The way back, from vectors that lie one after the other: row after row, plus what `added` has there if it is given.
#[inline(always)]
pub(super) fn scatter<S: Simd>(
    simd: S,
    from: &[f32],
    rows: Rows,
    to: &mut [f32],
    added: Option<&[f32]>,
) {
    let Rows { len, count, .. } = rows;
    let vectors = &S::chunks(from)[..len];
    for at in squares(len) {
        let mut square = [simd.splat(0.0); SIDE];
        for k in 0..SIDE {
            square[k] = simd.read(&vectors[at + k]);
        }
        simd.turn_back(
            square,
            #[inline(always)]
            |lane, mut row| {
                if lane < count {
                    let place = rows.at + lane * rows.step + at;
                    if let Some(added) = added {
                        let added = &added[place..][..SIDE];
                        for k in 0..SIDE {
                            row[k] += added[k];
                        }
                    }
                    to[place..][..SIDE].copy_from_slice(&row);
                }
            },
        );
    }
    if len < SIDE {
        for at in 0..len {
            for (lane, value) in from[at * S::LANES..][..count].iter().enumerate() {
                let place = rows.at + lane * rows.step + at;
                to[place] = *value + added.map_or(0.0, |added| added[place]);
            }
        }
    }
}

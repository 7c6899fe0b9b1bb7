//! Between channels one after the other, as tensors have them, and channels side by side in vectors.

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

/// Writes for `lanes` of 16, 8, 4, 2 or 1 the first values of all rows, then their second ones, and so on: `[len][lanes]`.
#[inline(always)]
pub(super) fn gather(lanes: usize, from: &[f32], rows: Rows, to: &mut [f32]) {
    match lanes {
        16 => gather_in::<16>(from, rows, to),
        8 => gather_in::<8>(from, rows, to),
        4 => gather_in::<4>(from, rows, to),
        2 => gather_in::<2>(from, rows, to),
        _ => gather_in::<1>(from, rows, to),
    }
}

/// The values that squares cover, which compilers make vector shuffles of.
const SIDE: usize = 4;

#[inline(always)]
fn gather_in<const L: usize>(from: &[f32], rows: Rows, to: &mut [f32]) {
    let Rows { len, count, .. } = rows;
    let to = &mut to.as_chunks_mut::<L>().0[..len];
    if count < L {
        to.fill([0.0; L]);
        for lane in 0..count {
            let row = &from[rows.at + lane * rows.step..][..len];
            for (to, x) in to.iter_mut().zip(row) {
                to[lane] = *x;
            }
        }
        return;
    }
    let mut lines = [&from[..0]; L];
    for lane in 0..L {
        lines[lane] = &from[rows.at + lane * rows.step..][..len];
    }
    let whole = len - len % SIDE;
    for at in (0..whole).step_by(SIDE) {
        let mut square = [[0.0; SIDE]; L];
        for lane in 0..L {
            square[lane].copy_from_slice(&lines[lane][at..at + SIDE]);
        }
        let to = &mut to[at..at + SIDE];
        for k in 0..SIDE {
            for lane in 0..L {
                to[k][lane] = square[lane][k];
            }
        }
    }
    for at in whole..len {
        for lane in 0..L {
            to[at][lane] = lines[lane][at];
        }
    }
}

/// The way back, from every `step` values of `from`: row after row, plus what `added` has there if it is given.
#[inline(always)]
pub(super) fn scatter(
    lanes: usize,
    from: &[f32],
    step: usize,
    rows: Rows,
    to: &mut [f32],
    added: Option<&[f32]>,
) {
    match lanes {
        16 => scatter_in::<16>(from, step, rows, to),
        8 => scatter_in::<8>(from, step, rows, to),
        4 => scatter_in::<4>(from, step, rows, to),
        2 => scatter_in::<2>(from, step, rows, to),
        _ => scatter_in::<1>(from, step, rows, to),
    }
    let Some(added) = added else {
        return;
    };
    for lane in 0..rows.count {
        let at = rows.at + lane * rows.step;
        let to = &mut to[at..at + rows.len];
        for (to, added) in to.iter_mut().zip(&added[at..at + rows.len]) {
            *to += added;
        }
    }
}

#[inline(always)]
fn scatter_in<const L: usize>(from: &[f32], step: usize, rows: Rows, to: &mut [f32]) {
    let Rows { len, count, .. } = rows;
    let whole = if count == L { len - len % SIDE } else { 0 };
    for at in (0..whole).step_by(SIDE) {
        let mut square = [[0.0; L]; SIDE];
        for k in 0..SIDE {
            square[k].copy_from_slice(&from[(at + k) * step..][..L]);
        }
        for lane in 0..L {
            let to = &mut to[rows.at + lane * rows.step + at..][..SIDE];
            for k in 0..SIDE {
                to[k] = square[k][lane];
            }
        }
    }
    for at in whole..len {
        let values = &from[at * step..][..L];
        for (lane, value) in values.iter().enumerate().take(count) {
            to[rows.at + lane * rows.step + at] = *value;
        }
    }
}

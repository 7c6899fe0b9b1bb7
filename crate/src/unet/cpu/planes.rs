//! Images with their padding written out, so that what one tap of a convolution reads for neighbouring outputs lies side by side.
//!
//! A channel is one flat run of values: rows of `pitch` values, one after the other, the zeros right of a row being also
//! those left of the next. Output pixel (i, j) sits at position i pitch + j, and its tap (ky, kx) reads `ky pitch + kx` further on.
//! The positions between the end of an output row and the start of the next come to nothing and are skipped.

use super::simd::vectorised;

/// Values that positions may run past the last row: as many as the widest tile of a kernel has.
pub(super) const SLACK: usize = 64;

/// The padded layout of `channels` images of `h` by `w`, for a convolution of stride 1.
#[derive(Debug, Clone, Copy)]
pub(super) struct Planes {
    channels: usize,
    h: usize,
    w: usize,
    kernel: [usize; 2],
    /// Above and below, left and right.
    padding: [usize; 2],
}

impl Planes {
    /// The layout for `kernel` with `padding`, which must be below its sides.
    pub(super) fn new(
        channels: usize,
        [h, w]: [usize; 2],
        kernel: [usize; 2],
        padding: [usize; 2],
    ) -> Self {
        Self {
            channels,
            h,
            w,
            kernel,
            padding,
        }
    }

    /// From a row to the next.
    pub(super) fn pitch(&self) -> usize {
        self.w + self.padding[1]
    }

    /// Values of a channel: an odd number of cache lines, lest all channels share the same few lines of the cache.
    pub(super) fn channel(&self) -> usize {
        let values = (self.h + 2 * self.padding[0]) * self.pitch() + self.kernel[1] + SLACK;
        (values.div_ceil(16) | 1) * 16
    }

    /// Values of an image.
    pub(super) fn image(&self) -> usize {
        self.channels * self.channel()
    }

    /// Where the pixel (0, 0) lies in its channel.
    pub(super) fn origin(&self) -> usize {
        self.padding[0] * self.pitch() + self.padding[1]
    }

    /// How far each tap reads from the position of its output, row by row.
    pub(super) fn taps(&self) -> Vec<usize> {
        let [kh, kw] = self.kernel;
        let pitch = self.pitch();
        (0..kh)
            .flat_map(|ky| (0..kw).map(move |kx| ky * pitch + kx))
            .collect()
    }

    /// Height and width of the output.
    pub(super) fn output(&self) -> [usize; 2] {
        [
            self.h + 2 * self.padding[0] + 1 - self.kernel[0],
            self.w + 2 * self.padding[1] + 1 - self.kernel[1],
        ]
    }

    /// Positions from the first output to the last.
    pub(super) fn positions(&self) -> usize {
        let [h, w] = self.output();
        (h - 1) * self.pitch() + w
    }

    /// Copies `x` `[channels, h, w]` into `planes`, which is all zeros or holds an earlier image in the same layout.
    pub(super) fn fill(&self, x: &[f32], planes: &mut [f32]) {
        let (pitch, origin) = (self.pitch(), self.origin());
        let planes = planes.chunks_exact_mut(self.channel());
        vectorised(
            #[inline(always)]
            || {
                for (plane, x) in planes.zip(x.chunks_exact(self.h * self.w)) {
                    let rows = plane[origin..].chunks_mut(pitch);
                    for (row, x) in rows.zip(x.chunks_exact(self.w)) {
                        copy(x, row);
                    }
                }
            },
        );
    }
}

/// A copy of a row, inline, because rows are too short for a call each: in vectors, the last of which may overlap the one before.
#[inline(always)]
pub(super) fn copy(from: &[f32], to: &mut [f32]) {
    let done = copy_in::<16>(from, to) || copy_in::<8>(from, to) || copy_in::<4>(from, to);
    if !done {
        for (from, to) in from.iter().zip(to) {
            *to = *from;
        }
    }
}

/// Whether there were as many as `W` values to copy.
#[inline(always)]
fn copy_in<const W: usize>(from: &[f32], to: &mut [f32]) -> bool {
    let to = &mut to[..from.len()];
    for (from, to) in from.as_chunks().0.iter().zip(to.as_chunks_mut::<W>().0) {
        *to = *from;
    }
    let (Some(from), Some(to)) = (from.last_chunk::<W>(), to.last_chunk_mut()) else {
        return false;
    };
    *to = *from;
    true
}

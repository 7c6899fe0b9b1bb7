//! Images with their padding written out, so that what one tap of a convolution reads for neighbouring outputs lies side by side.
//!
//! A plane is one flat run of values: rows of `pitch` values, one after the other. Output (i, j) sits at position
//! i pitch + j, and each tap reads at a fixed distance from there; the positions between the end of an output row and the
//! start of the next come to nothing and are skipped. With stride 1 a channel is one plane, and the zeros right of a row
//! are also those left of the next. With stride s it is s s planes, one for each remainder of row and column modulo s.

use super::simd::vectorised;

/// Values that positions may run past the last row: as many as the widest tile of a kernel has.
pub(super) const SLACK: usize = 64;

/// The padded layout of images of `channels` channels of `h` by `w`, to be read by a convolution.
#[derive(Debug, Clone, Copy)]
pub(super) struct Planes {
    pub(super) channels: usize,
    pub(super) h: usize,
    pub(super) w: usize,
    pub(super) kernel: [usize; 2],
    /// Above and below, left and right; with stride 1, less than the kernel's sides.
    pub(super) padding: [usize; 2],
    pub(super) stride: usize,
}

impl Planes {
    /// Height and width of the output.
    pub(super) fn output(&self) -> [usize; 2] {
        let [(h, kh, ph), (w, kw, pw)] = [0, 1].map(|axis| {
            let side = [self.h, self.w][axis];
            (side, self.kernel[axis], self.padding[axis])
        });
        [(h + 2 * ph - kh), (w + 2 * pw - kw)].map(|room| room / self.stride + 1)
    }

    /// How many rows and columns of a plane lie between the nearest and the farthest tap.
    pub(super) fn reach(&self) -> [usize; 2] {
        self.kernel.map(|side| (side - 1) / self.stride)
    }

    /// From a row to the next.
    pub(super) fn pitch(&self) -> usize {
        let shared = if self.stride == 1 { self.padding[1] } else { 0 };
        self.output()[1] + self.reach()[1] - shared
    }

    fn plane(&self) -> usize {
        let rows = self.output()[0] + self.reach()[0];
        rows * self.pitch() + self.reach()[1] + SLACK
    }

    /// Values of a channel: an odd number of cache lines, so that the channels do not share the same few of them.
    pub(super) fn channel(&self) -> usize {
        let values = self.stride * self.stride * self.plane();
        (values.div_ceil(16) | 1) * 16
    }

    /// Values of an image.
    pub(super) fn image(&self) -> usize {
        self.channels * self.channel()
    }

    /// Where the pixel (0, 0) lies in its channel, with stride 1.
    pub(super) fn origin(&self) -> usize {
        self.padding[0] * self.pitch() + self.padding[1]
    }

    /// Whether an image is laid out like this already: one tap for each pixel.
    pub(super) fn are_an_image(&self) -> bool {
        self.kernel == [1, 1] && self.padding == [0, 0] && self.stride == 1
    }

    /// How far each tap reads from the position of its output, row by row.
    pub(super) fn taps(&self) -> Vec<usize> {
        let ([kh, kw], s) = (self.kernel, self.stride);
        let (plane, pitch) = (self.plane(), self.pitch());
        let tap = |ky, kx| (ky % s * s + kx % s) * plane + ky / s * pitch + kx / s;
        (0..kh)
            .flat_map(|ky| (0..kw).map(move |kx| tap(ky, kx)))
            .collect()
    }

    /// Positions from the first output to the last.
    #[cfg(feature = "learn")]
    pub(super) fn positions(&self) -> usize {
        let [h, w] = self.output();
        (h - 1) * self.pitch() + w
    }

    /// Copies `x` `[channels, h, w]` into `planes`, which is all zeros or holds an earlier image in the same layout.
    pub(super) fn fill(&self, x: &[f32], planes: &mut [f32]) {
        let planes = planes.chunks_exact_mut(self.channel());
        vectorised(
            #[inline(always)]
            || {
                for (channel, x) in planes.zip(x.chunks_exact(self.h * self.w)) {
                    if self.stride == 1 {
                        let rows = channel[self.origin()..].chunks_mut(self.pitch());
                        for (row, x) in rows.zip(x.chunks_exact(self.w)) {
                            copy(x, row);
                        }
                    } else {
                        self.deal(x, channel);
                    }
                }
            },
        );
    }

    /// Deals the pixels of a channel out to its planes.
    #[inline(always)]
    fn deal(&self, x: &[f32], channel: &mut [f32]) {
        let s = self.stride;
        let [top, left] = self.padding;
        let columns = self.pitch();
        for (row, x) in x.chunks_exact(self.w).enumerate() {
            let y = row + top;
            if y / s >= self.output()[0] + self.reach()[0] {
                break;
            }
            for b in 0..s {
                let (pixel, column) = first_pixel(b, left, s);
                let at = (y % s * s + b) * self.plane() + y / s * columns;
                let to = &mut channel[at + column..at + columns];
                if s == 2 {
                    // The same with a stride that the compiler knows.
                    for (to, x) in to.iter_mut().zip(x[pixel..].chunks(2)) {
                        *to = x[0];
                    }
                } else {
                    for (to, x) in to.iter_mut().zip(x[pixel..].chunks(s)) {
                        *to = x[0];
                    }
                }
            }
        }
    }
}

/// The first pixel of a row that falls into the planes of remainder `b`, and its column there.
pub(super) fn first_pixel(b: usize, padding: usize, stride: usize) -> (usize, usize) {
    let pixel = (b + stride - padding % stride) % stride;
    (pixel, (pixel + padding) / stride)
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

//! Images with their padding written out, so that what one tap of a convolution reads for neighbouring outputs lies side by side.
//!
//! A channel is one flat run of values: rows of `pitch` values, one after the other, the zeros right of a row being also
//! those left of the next. Output pixel (i, j) sits at position i pitch + j, and its tap (ky, kx) reads `ky pitch + kx` further on.
//! The positions between the end of an output row and the start of the next come to nothing and are skipped.

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
    #[inline(always)]
    pub(super) fn fill(&self, x: &[f32], planes: &mut [f32]) {
        let (pitch, origin) = (self.pitch(), self.origin());
        let planes = planes.chunks_exact_mut(self.channel());
        for (plane, x) in planes.zip(x.chunks_exact(self.h * self.w)) {
            for (row, x) in x.chunks_exact(self.w).enumerate() {
                copy(x, &mut plane[origin + row * pitch..][..self.w]);
            }
        }
    }
}

/// A short copy, inline: rows are too short for a call each.
#[inline(always)]
pub(super) fn copy(from: &[f32], to: &mut [f32]) {
    const WIDE: usize = 8;
    let (mut from_parts, mut to_parts) = (from.chunks_exact(WIDE), to.chunks_exact_mut(WIDE));
    for (from, to) in from_parts.by_ref().zip(to_parts.by_ref()) {
        to.copy_from_slice(from);
    }
    for (from, to) in from_parts.remainder().iter().zip(to_parts.into_remainder()) {
        *to = *from;
    }
}

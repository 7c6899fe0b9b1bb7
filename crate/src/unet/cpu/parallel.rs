//! Splitting work over images, with rayon natively and in a plain loop in the browser.

#[cfg(feature = "native")]
use rayon::prelude::*;

/// Parts that sums over the batch are split into: fixed, so that the order of additions never depends on the machine.
#[cfg(feature = "native")]
const PARTS: usize = 16;

/// `len` zeros, written by all threads: where memory is fresh, the first to write to a page waits for it.
pub(super) fn zeros(len: usize) -> Vec<f32> {
    #[cfg(feature = "native")]
    return rayon::iter::repeat_n(0.0, len)
        .with_min_len(1 << 14)
        .collect();
    #[cfg(not(feature = "native"))]
    vec![0.0; len]
}

/// Calls `work(i, chunk, scratch)` for each of the chunks of `out` of `size` values; the scratch memory is reused.
pub(super) fn for_each_chunk(
    out: &mut [f32],
    size: usize,
    work: impl Fn(usize, &mut [f32], &mut Vec<f32>) + Sync,
) {
    #[cfg(feature = "native")]
    out.par_chunks_mut(size)
        .enumerate()
        .for_each_init(Vec::new, |scratch, (i, chunk)| work(i, chunk, scratch));
    #[cfg(not(feature = "native"))]
    {
        let mut scratch = Vec::new();
        for (i, chunk) in out.chunks_mut(size).enumerate() {
            work(i, chunk, &mut scratch);
        }
    }
}

/// Calls `work(first, chunk, sums, scratch)` for runs of images, `chunk` being the part of `out` (`size` values an image)
/// that belongs to the run and `first` its first image, and returns the total of all `sums` (`sum_len` values).
#[cfg(feature = "native")]
pub(super) fn for_each_run_summing(
    out: &mut [f32],
    size: usize,
    sum_len: usize,
    work: impl Fn(usize, &mut [f32], &mut [f32], &mut Vec<f32>) + Sync,
) -> Vec<f32> {
    let images = out.len() / size;
    let run = images.div_ceil(PARTS).max(1);
    let parts: Vec<Vec<f32>> = out
        .par_chunks_mut(run * size)
        .enumerate()
        .map_init(Vec::new, |scratch, (part, chunk)| {
            let mut sums = vec![0.0; sum_len];
            work(part * run, chunk, &mut sums, scratch);
            sums
        })
        .collect();
    let mut parts = parts.into_iter();
    let mut total = parts.next().unwrap_or_else(|| vec![0.0; sum_len]);
    for part in parts {
        for (sum, x) in total.iter_mut().zip(part) {
            *sum += x;
        }
    }
    total
}

//! Splitting work over images, with rayon natively and in a plain loop in the browser.

#[cfg(feature = "native")]
use rayon::prelude::*;
#[cfg(feature = "learn")]
use std::ops::Range;

/// How many threads share the work.
pub(super) fn threads() -> usize {
    #[cfg(feature = "native")]
    return rayon::current_num_threads();
    #[cfg(not(feature = "native"))]
    1
}

/// `len` zeros, written by all threads: where memory is fresh, the first to write to a page waits for it.
pub(super) fn zeros(len: usize) -> Vec<f32> {
    #[cfg(feature = "native")]
    return rayon::iter::repeat_n(0.0, len)
        .with_min_len(1 << 14)
        .collect();
    #[cfg(not(feature = "native"))]
    vec![0.0; len]
}

/// Calls `work(i, chunk, scratch)` for each of the chunks of `out` of `size` values; the scratch memory starts empty and is reused.
pub(super) fn for_each_chunk<Scratch: Default>(
    out: &mut [f32],
    size: usize,
    work: impl Fn(usize, &mut [f32], &mut Scratch) + Sync + Send,
) {
    #[cfg(feature = "native")]
    out.par_chunks_mut(size)
        .enumerate()
        .for_each_init(Scratch::default, |scratch, (i, chunk)| {
            work(i, chunk, scratch)
        });
    #[cfg(not(feature = "native"))]
    {
        let mut scratch = Scratch::default();
        for (i, chunk) in out.chunks_mut(size).enumerate() {
            work(i, chunk, &mut scratch);
        }
    }
}

/// Calls `work(i, chunk, other)` for each pair of chunks of two slices, of `sizes` values each.
pub(super) fn for_each_pair(
    [out, other]: [&mut [f32]; 2],
    sizes: [usize; 2],
    work: impl Fn(usize, &mut [f32], &mut [f32]) + Sync + Send,
) {
    #[cfg(feature = "native")]
    out.par_chunks_mut(sizes[0])
        .zip(other.par_chunks_mut(sizes[1]))
        .enumerate()
        .for_each(|(i, (chunk, other))| work(i, chunk, other));
    #[cfg(not(feature = "native"))]
    for (i, (chunk, other)) in out
        .chunks_mut(sizes[0])
        .zip(other.chunks_mut(sizes[1]))
        .enumerate()
    {
        work(i, chunk, other);
    }
}

/// Calls `work(images, sums, scratch)` for runs of at most `run` of `n` images and returns the total of all `sums`
/// (`sum_len` values, which start as zeros).
///
/// The runs must not depend on the machine: their sums are added in order.
#[cfg(feature = "learn")]
pub(super) fn sum_of_runs<Scratch: Default>(
    n: usize,
    run: usize,
    sum_len: usize,
    work: impl Fn(Range<usize>, &mut [f32], &mut Scratch) + Sync + Send,
) -> Vec<f32> {
    let one = |part: usize, scratch: &mut Scratch| {
        let mut sums = vec![0.0; sum_len];
        work(part * run..n.min((part + 1) * run), &mut sums, scratch);
        sums
    };
    #[cfg(feature = "native")]
    let parts: Vec<Vec<f32>> = (0..n.div_ceil(run))
        .into_par_iter()
        .map_init(Scratch::default, |scratch, part| one(part, scratch))
        .collect();
    #[cfg(not(feature = "native"))]
    let parts = {
        let mut scratch = Scratch::default();
        (0..n.div_ceil(run)).map(move |part| one(part, &mut scratch))
    };
    total(parts, sum_len)
}

/// Calls `work(first, chunk, sums, scratch)` for runs of `run` images, `chunk` being the part of `out` (`size` values an image)
/// that belongs to the run and `first` its first image, and returns the total of all `sums` (`sum_len` values).
///
/// The runs must not depend on the machine: their sums are added in order.
#[cfg(feature = "learn")]
pub(super) fn for_each_run_summing<Scratch: Default>(
    out: &mut [f32],
    size: usize,
    run: usize,
    sum_len: usize,
    work: impl Fn(usize, &mut [f32], &mut [f32], &mut Scratch) + Sync + Send,
) -> Vec<f32> {
    let one = |part: usize, chunk: &mut [f32], scratch: &mut Scratch| {
        let mut sums = vec![0.0; sum_len];
        work(part * run, chunk, &mut sums, scratch);
        sums
    };
    #[cfg(feature = "native")]
    let parts: Vec<Vec<f32>> = out
        .par_chunks_mut(run * size)
        .enumerate()
        .map_init(Scratch::default, |scratch, (part, chunk)| {
            one(part, chunk, scratch)
        })
        .collect();
    #[cfg(not(feature = "native"))]
    let parts = {
        let mut scratch = Scratch::default();
        let chunks = out.chunks_mut(run * size).enumerate();
        chunks.map(move |(part, chunk)| one(part, chunk, &mut scratch))
    };
    total(parts, sum_len)
}

/// The sum of all parts, in order.
#[cfg(feature = "learn")]
fn total(parts: impl IntoIterator<Item = Vec<f32>>, len: usize) -> Vec<f32> {
    let mut parts = parts.into_iter();
    let mut total = parts.next().unwrap_or_else(|| vec![0.0; len]);
    for part in parts {
        for (sum, x) in total.iter_mut().zip(part) {
            *sum += x;
        }
    }
    total
}

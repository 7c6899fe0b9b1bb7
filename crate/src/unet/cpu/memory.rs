//! Large buffers, used again: fresh memory comes a page at a time from the operating system, which clears each page first,
//! and that takes longer than many of the computations that fill it. They are freed with the last network.

use super::FlexTensor;
use super::parallel::zeros;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// The allocator keeps smaller buffers by itself.
const SMALLEST: usize = 1 << 12;
/// Values that may lie unused: 512 MiB of them.
const MOST: usize = 1 << 27;

/// Whether what the allocator once had stays this program's: then it gets as much back as it is asked for.
const NEVER_SHRINKS: bool = cfg!(target_arch = "wasm32");
/// How many times as large as what is asked for a buffer may be that is used for it.
const MOST_WASTED: usize = 2;

/// Unused buffers, the longest unused first.
static SPARE: Mutex<Vec<Vec<f32>>> = Mutex::new(Vec::new());

/// How many networks there are that may use them.
static USERS: AtomicUsize = AtomicUsize::new(0);

/// Held by every network: the buffers stay for as long as one of these does.
#[derive(Debug)]
pub(in crate::unet) struct KeepsBuffers(());

impl KeepsBuffers {
    pub(in crate::unet) fn new() -> Self {
        USERS.fetch_add(1, Ordering::Relaxed);
        Self(())
    }
}

impl Clone for KeepsBuffers {
    fn clone(&self) -> Self {
        Self::new()
    }
}

impl Drop for KeepsBuffers {
    fn drop(&mut self) {
        if USERS.fetch_sub(1, Ordering::Relaxed) == 1 {
            let spare = std::mem::take(&mut *SPARE.lock().unwrap_or_else(PoisonError::into_inner));
            drop(spare);
        }
    }
}

/// `len` arbitrary values: the caller must write all of them.
pub(super) fn buffer(len: usize) -> Vec<f32> {
    if len >= SMALLEST {
        let mut spare = SPARE.lock().unwrap_or_else(PoisonError::into_inner);
        // The latest one is the likeliest to be in a cache.
        let fitting = spare.iter().rposition(|spare| spare.len() == len);
        let larger = || smallest_of(&spare, len..=MOST_WASTED * len);
        if let Some(at) = fitting.or_else(larger) {
            let mut values = spare.remove(at);
            values.resize(len, 0.0);
            return values;
        }
        if NEVER_SHRINKS {
            let count = oldest_of(&spare, len);
            spare.drain(..count);
        }
    }
    zeros(len)
}

/// Where the buffer is that takes the least memory of those with room for so many values.
fn smallest_of(spare: &[Vec<f32>], room: RangeInclusive<usize>) -> Option<usize> {
    let all = spare.iter().enumerate();
    let fitting = all.filter(|(_, spare)| room.contains(&spare.capacity()));
    let smallest = fitting.min_by_key(|(_, spare)| spare.capacity());
    smallest.map(|(at, _)| at)
}

/// How many of the buffers, from the longest unused on, have room for so many values together.
fn oldest_of(spare: &[Vec<f32>], room: usize) -> usize {
    let before = spare.iter().scan(0, |sum, spare| {
        let before = *sum;
        *sum += spare.capacity();
        Some(before)
    });
    before.take_while(|before| *before < room).count()
}

/// Keeps the memory of a tensor for later, if it is not shared.
pub(super) fn reuse(x: FlexTensor) {
    if !x.is_unique() || !x.is_contiguous() || x.bytes().len() != 4 * x.layout().num_elements() {
        return;
    }
    if let Ok(values) = x.into_data().try_into_vec::<f32>() {
        keep(values);
    }
}

/// Keeps memory for later.
pub(super) fn keep(values: Vec<f32>) {
    if values.len() < SMALLEST {
        return;
    }
    let mut spare = SPARE.lock().unwrap_or_else(PoisonError::into_inner);
    spare.push(values);
    let mut total: usize = spare.iter().map(Vec::len).sum();
    let old = spare
        .iter()
        .take_while(|spare| {
            let over = total > MOST;
            total -= if over { spare.len() } else { 0 };
            over
        })
        .count();
    spare.drain(..old);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_is_used_for_half_as_many_values_but_not_for_fewer() {
        let spare = [40, 90, 20, 30].map(Vec::with_capacity);
        assert_eq!(smallest_of(&spare, 16..=32), Some(2));
        assert_eq!(smallest_of(&spare, 21..=42), Some(3));
        assert_eq!(smallest_of(&spare, 10..=19), None);
    }

    #[test]
    fn what_makes_room_is_what_was_unused_longest() {
        let spare = [40, 90, 20, 30].map(Vec::with_capacity);
        assert_eq!(oldest_of(&spare, 1), 1);
        assert_eq!(oldest_of(&spare, 40), 1);
        assert_eq!(oldest_of(&spare, 41), 2);
        assert_eq!(oldest_of(&spare, 1000), 4);
    }
}

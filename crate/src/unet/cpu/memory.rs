//! Large buffers, used again: fresh memory comes a page at a time from the operating system, which clears each page first,
//! and that takes longer than many of the computations that fill it. They are freed with the last network.

use super::FlexTensor;
use super::parallel::zeros;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// The allocator keeps smaller buffers by itself.
const SMALLEST: usize = 1 << 12;
/// Values that may lie unused: 512 MiB of them.
const MOST: usize = 1 << 27;

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
        if let Some(at) = spare.iter().rposition(|spare| spare.len() == len) {
            return spare.remove(at);
        }
    }
    zeros(len)
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

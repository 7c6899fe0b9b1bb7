//! How far an evaluation is, for a visitor who waits for it, told on the thread that evaluates: on the CPU after every
//! convolution; on a GPU after each of a few parts, of an evaluation that is expected to take long.
//!
//! The share counts the multiplications of convolutions, of which an evaluation is made for the most part. On the CPU all of
//! them are known once an evaluation has ended; of the first is told that it goes on, as a share of 0.

use std::cell::{Cell, RefCell};

type Listener = Box<dyn Fn(f64)>;

thread_local! {
    static LISTENER: RefCell<Option<Listener>> = const { RefCell::new(None) };
    /// The multiplications so far, for one image.
    static DONE: Cell<f64> = const { Cell::new(0.0) };
    /// Those of the last whole evaluation.
    static WHOLE: Cell<f64> = const { Cell::new(0.0) };
}

/// Has `listener` told the share, from 0 to 1, of every evaluation on this thread, in place of the one before.
pub fn listen(listener: impl Fn(f64) + 'static) {
    LISTENER.set(Some(Box::new(listener)));
}

/// Whether anybody on this thread listens.
#[cfg(feature = "gpu")]
pub(super) fn is_heard() -> bool {
    LISTENER.with_borrow(Option::is_some)
}

/// This share of an evaluation has been made.
pub(super) fn tell(share: f64) {
    LISTENER.with_borrow(|listener| {
        if let Some(listener) = listener {
            listener(share);
        }
    });
}

/// An evaluation begins.
pub(super) fn begin() {
    DONE.set(0.0);
}

/// The product of `counts` more multiplications have been made for each image.
pub(super) fn made(counts: [usize; 6]) {
    let multiplications: f64 = counts.map(|count| count as f64).iter().product();
    let done = DONE.get() + multiplications;
    DONE.set(done);
    let whole = WHOLE.get();
    tell(if whole > 0.0 {
        (done / whole).min(1.0)
    } else {
        0.0
    });
}

/// The evaluation has ended.
pub(super) fn end() {
    WHOLE.set(DONE.get());
}

//! A bar for each part of a long work.

use indicatif::{ProgressBar, ProgressStyle};

/// A bar on the terminal that goes away when its part is done.
pub struct Bar(ProgressBar);

impl Bar {
    /// A bar for the part `what`.
    pub fn new(what: impl Into<String>) -> Self {
        let bar = ProgressBar::new(0);
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {prefix}, {eta} left") {
            bar.set_style(style);
        }
        Self(bar.with_prefix(what.into()))
    }

    /// Sets the progress: `done` of `total`.
    pub fn set(&self, done: usize, total: usize) {
        self.0.set_length(total as u64);
        self.0.set_position(done as u64);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

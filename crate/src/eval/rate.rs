//! A share and its 95% interval.

use super::estimate::NORMAL_QUANTILE;
use serde::Serialize;

/// A share of successes, such as the images that a classifier reads as their label.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Rate {
    /// The successes.
    pub hits: usize,
    /// The trials.
    pub of: usize,
    /// The ends of the 95% interval (Wilson 1927), as shares.
    pub interval: [f64; 2],
}

impl Rate {
    /// `hits` of `of` trials, at least one.
    pub fn new(hits: usize, of: usize) -> Self {
        let z = NORMAL_QUANTILE;
        let (n, p) = (of.max(1) as f64, hits as f64 / of.max(1) as f64);
        let centre = (p + z * z / (2.0 * n)) / (1.0 + z * z / n);
        let half = z / (1.0 + z * z / n) * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
        Self {
            hits,
            of,
            interval: [(centre - half).max(0.0), (centre + half).min(1.0)],
        }
    }

    /// The images that were read as their labels.
    pub fn of_labels(read: &[usize], labels: &[u8]) -> Self {
        let hits = read.iter().zip(labels);
        Self::new(
            hits.filter(|(r, l)| **r == usize::from(**l)).count(),
            labels.len(),
        )
    }

    /// The same for each class by itself.
    pub fn of_each_class(read: &[usize], labels: &[u8], classes: usize) -> Vec<Self> {
        let of_class = |class: usize| {
            let (read, labels): (Vec<usize>, Vec<u8>) = read
                .iter()
                .zip(labels)
                .filter(|(_, label)| usize::from(**label) == class)
                .unzip();
            Self::of_labels(&read, &labels)
        };
        (0..classes).map(of_class).collect()
    }

    /// hits / of; 0 without trials.
    pub fn share(self) -> f64 {
        self.hits as f64 / self.of.max(1) as f64
    }
}

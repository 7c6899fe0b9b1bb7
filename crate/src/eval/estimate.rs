//! Sums over many timesteps, estimated from some of them, with an interval.
//!
//! The terms of the bound fall over five orders of magnitude from the first timestep to the last, so timesteps are drawn
//! in strata: narrow ones where the terms are large and steep, wide ones where they are small. Every row of the table gets
//! the same number of draws, shared out equally among its strata, so that L_0 alone, more than half of the bound, gets as
//! many as the last 500 timesteps. Each stratum is estimated by itself, without bias, and the variances add up (Cochran
//! 1977, section 5.3).

use serde::{Deserialize, Serialize};
use std::ops::Range;

/// The most strata that a row of the table is split into.
const STRATA_PER_ROW: usize = 16;
/// The 97.5% quantile of the normal distribution.
pub(super) const NORMAL_QUANTILE: f64 = 1.959_963_985;

/// A number and the half width of its 95% confidence interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The estimate, without bias.
    pub mean: f64,
    /// The interval is mean - half_width to mean + half_width.
    pub half_width: f64,
}

impl Estimate {
    /// Estimates the sum over strata of `weight` times the mean of the values drawn there, independently, at least two.
    pub fn of_strata<'a>(strata: impl IntoIterator<Item = (f64, &'a [f64])>) -> Self {
        let (mut mean, mut variance, mut spread) = (0.0, 0.0, 0.0);
        for (weight, values) in strata {
            let n = values.len() as f64;
            let centre = values.iter().sum::<f64>() / n;
            let squares = values.iter().map(|x| (x - centre).powi(2));
            let of_mean = squares.sum::<f64>() / (n - 1.0) / n;
            mean += weight * centre;
            variance += weight.powi(2) * of_mean;
            spread += weight.powi(4) * of_mean.powi(2) / (n - 1.0);
        }
        // Degrees of freedom of a sum of variances (Satterthwaite 1946).
        let freedom = if spread > 0.0 {
            variance.powi(2) / spread
        } else {
            f64::INFINITY
        };
        Self {
            mean,
            half_width: student_quantile(freedom) * variance.sqrt(),
        }
    }

    /// The estimate plus a known value.
    #[must_use]
    pub fn plus(self, known: f64) -> Self {
        Self {
            mean: self.mean + known,
            ..self
        }
    }
}

/// The 97.5% quantile of Student's t, from its expansion around the normal one (Abramowitz & Stegun 1964, 26.7.5): within
/// 1% from 5 degrees of freedom on.
fn student_quantile(freedom: f64) -> f64 {
    let (z, n) = (NORMAL_QUANTILE, freedom.max(1.0));
    let first = (z.powi(3) + z) / 4.0;
    let second = (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / 96.0;
    let third = (3.0 * z.powi(7) + 19.0 * z.powi(5) + 17.0 * z.powi(3) - 15.0 * z) / 384.0;
    z + first / n + second / n.powi(2) + third / n.powi(3)
}

/// The timesteps 0 to `count` - 1 in the rows of a table: 0, 1, 2-4, 5-9, 10-19, 20-49 and so on.
pub fn rows(count: usize) -> Vec<Range<usize>> {
    let decades = std::iter::successors(Some(1_usize), |decade| decade.checked_mul(10));
    let edges = decades.flat_map(|decade| [1, 2, 5].map(|digit| decade.saturating_mul(digit)));
    let mut rows = Vec::new();
    let mut begin = 0;
    for end in edges {
        if begin >= count {
            break;
        }
        rows.push(begin..end.min(count));
        begin = end;
    }
    rows
}

/// The strata of a row: up to 16, as equal as can be.
pub fn strata(row: &Range<usize>) -> impl ExactSizeIterator<Item = Range<usize>> + use<> {
    let (start, length) = (row.start, row.len());
    let parts = length.min(STRATA_PER_ROW);
    let edge = move |part: usize| start + length * part / parts;
    (0..parts).map(move |part| edge(part)..edge(part + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_and_strata_hold_every_timestep_once() {
        for count in [1, 2, 3, 10, 20, 37, 999, 1000, 4000] {
            let split = rows(count).iter().flat_map(strata).collect();
            for ranges in [rows(count), split] {
                let all: Vec<usize> = ranges.into_iter().flatten().collect();
                assert_eq!(all, (0..count).collect::<Vec<_>>());
            }
        }
        let parts: Vec<usize> = rows(1000).iter().map(|row| strata(row).len()).collect();
        assert_eq!(parts, [1, 1, 3, 5, 10, 16, 16, 16, 16, 16]);
    }

    #[test]
    fn the_quantile_is_students() {
        for (freedom, quantile) in [(5.0, 2.5706), (9.0, 2.2622), (30.0, 2.0423)] {
            assert!((student_quantile(freedom) / quantile - 1.0).abs() < 0.005);
        }
        assert!((student_quantile(f64::INFINITY) - 1.96).abs() < 1e-4);
    }
}

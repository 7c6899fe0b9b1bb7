//! The Frechet distance between two sets of features, each taken for a Gaussian (Dowson & Landau 1982; Heusel et al. 2017,
//! arXiv 1706.08500, eq. 6), in f64:
//!
//! ```text
//! d^2 = |m_1 - m_2|^2 + tr(S_1 + S_2 - 2 (S_1^{1/2} S_2 S_1^{1/2})^{1/2})
//! ```
//!
//! Its scale is that of the features, so it means something only next to another distance in the same features. It is
//! biased upwards, the more so the fewer the samples: compare sets of one size.

use super::symmetric::eigen;
use thiserror::Error;

/// Why there is no distance.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum FrechetError {
    /// A covariance needs two vectors.
    #[error("{0} images have no covariance: use at least 2")]
    TooFew(usize),
    /// A feature is NaN or infinite.
    #[error("a feature is not a finite number: the classifier is broken, delete it from the cache")]
    NotFinite,
}

/// Mean and covariance of a set of vectors of d dimensions.
#[derive(Debug, Clone, PartialEq)]
pub struct Moments {
    /// `[d]`.
    pub mean: Vec<f64>,
    /// `[d, d]`, normalised by n - 1.
    pub covariance: Vec<f64>,
}

impl Moments {
    /// Of `features` `[n, d]`.
    ///
    /// # Errors
    /// n below 2, or a value that is not finite.
    pub fn of(features: &[f32], d: usize) -> Result<Self, FrechetError> {
        let n = features.len() / d.max(1);
        if n < 2 {
            return Err(FrechetError::TooFew(n));
        }
        let mut mean = vec![0.0; d];
        for row in features.chunks_exact(d) {
            for (sum, &x) in mean.iter_mut().zip(row) {
                *sum += f64::from(x) / n as f64;
            }
        }
        let mut covariance = vec![0.0; d * d];
        let mut centred = vec![0.0; d];
        for row in features.chunks_exact(d) {
            for ((c, &x), m) in centred.iter_mut().zip(row).zip(&mean) {
                *c = f64::from(x) - m;
            }
            for (sums, &x) in covariance.chunks_exact_mut(d).zip(&centred) {
                for (sum, y) in sums.iter_mut().zip(&centred) {
                    *sum += x * y;
                }
            }
        }
        covariance.iter_mut().for_each(|sum| *sum /= (n - 1) as f64);
        if covariance.iter().all(|x| x.is_finite()) {
            Ok(Self { mean, covariance })
        } else {
            Err(FrechetError::NotFinite)
        }
    }
}

/// d^2 of two Gaussians of the same dimensions; 0 where they are equal, never negative.
///
/// # Panics
/// The dimensions differ.
pub fn distance(a: &Moments, b: &Moments) -> f64 {
    let d = a.mean.len();
    assert_eq!(d, b.mean.len(), "the same dimensions");
    let squares = a.mean.iter().zip(&b.mean).map(|(x, y)| (x - y).powi(2));
    let means: f64 = squares.sum();
    let trace = |m: &[f64]| (0..d).map(|i| m[i * d + i]).sum::<f64>();
    let root = square_root(&a.covariance, d);
    let between = product(&product(&root, &b.covariance, d), &root, d); // S_1^{1/2} S_2 S_1^{1/2}
    // Rounding may leave the eigenvalues of a singular matrix slightly negative.
    let roots = eigen(between, d).0.into_iter().map(|x| x.max(0.0).sqrt());
    let cross: f64 = roots.sum();
    (means + trace(&a.covariance) + trace(&b.covariance) - 2.0 * cross).max(0.0)
}

/// The symmetric root of a symmetric matrix that has no negative eigenvalue.
fn square_root(a: &[f64], d: usize) -> Vec<f64> {
    let (values, vectors) = eigen(a.to_vec(), d);
    let mut scaled = vectors.clone();
    for row in scaled.chunks_exact_mut(d) {
        for (x, value) in row.iter_mut().zip(&values) {
            *x *= value.max(0.0).sqrt();
        }
    }
    let transposed: Vec<f64> = (0..d * d).map(|i| vectors[i % d * d + i / d]).collect();
    product(&scaled, &transposed, d)
}

fn product(a: &[f64], b: &[f64], d: usize) -> Vec<f64> {
    let mut out = vec![0.0; d * d];
    for (sums, row) in out.chunks_exact_mut(d).zip(a.chunks_exact(d)) {
        for (&x, others) in row.iter().zip(b.chunks_exact(d)) {
            for (sum, y) in sums.iter_mut().zip(others) {
                *sum += x * y;
            }
        }
    }
    out
}

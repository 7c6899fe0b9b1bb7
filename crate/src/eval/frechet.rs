//! The Frechet distance between two sets of features, each treated as a Gaussian (Dowson & Landau 1982; Heusel et al. 2017,
//! arXiv 1706.08500, eq. 6), in f64:
//!
//! ```text
//! d^2 = |m_1 - m_2|^2 + tr(S_1 + S_2 - 2 (S_1^{1/2} S_2 S_1^{1/2})^{1/2})
//! ```
//!
//! Its scale is that of the features, so it means something only next to another distance in the same features. It is
//! biased upwards, more so for fewer samples: compare sets of equal size.

use nalgebra::{DMatrix, DVector};
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
    /// The moments of `features` `[n, d]`.
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
    let matrix = |m: &Moments| DMatrix::from_row_slice(d, d, &m.covariance);
    let (a, b) = (matrix(a), matrix(b));
    let root = square_root(a.clone());
    let between = &root * &b * &root; // S_1^{1/2} S_2 S_1^{1/2}
    let cross = roots(&between.symmetric_eigenvalues()).sum();
    (means + a.trace() + b.trace() - 2.0 * cross).max(0.0)
}

/// The symmetric root of a symmetric matrix that has no negative eigenvalue.
fn square_root(a: DMatrix<f64>) -> DMatrix<f64> {
    let mut eigen = a.symmetric_eigen();
    eigen.eigenvalues = roots(&eigen.eigenvalues);
    eigen.recompose()
}

/// Rounding may leave the eigenvalues of a singular matrix slightly negative.
fn roots(values: &DVector<f64>) -> DVector<f64> {
    values.map(|value| value.max(0.0).sqrt())
}

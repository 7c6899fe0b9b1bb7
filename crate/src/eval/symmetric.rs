//! Eigenvalues of a symmetric matrix, by the cyclic method of Jacobi (Golub & Van Loan 2013, section 8.5).
//!
//! For the few dozen dimensions of the classifier's features this takes milliseconds. A linear algebra library would do
//! it as well, but those looked at change the features of packages that burn is built on.

/// Sweeps after which rotating ends in any case; convergence is quadratic, and ten are many.
const MAX_SWEEPS: usize = 60;

/// Eigenvalues and eigenvectors of the symmetric `a` `[d, d]`: `a = sum_k values[k] v_k v_k^T` with v_k in column k of `[d, d]`.
pub(super) fn eigen(mut a: Vec<f64>, d: usize) -> (Vec<f64>, Vec<f64>) {
    assert_eq!(a.len(), d * d, "a square matrix");
    let mut vectors = vec![0.0; d * d];
    (0..d).for_each(|i| vectors[i * d + i] = 1.0);
    let norm: f64 = a.iter().map(|x| x * x).sum();
    for _ in 0..MAX_SWEEPS {
        let off: f64 = (0..d)
            .flat_map(|i| (i + 1..d).map(move |j| (i, j)))
            .map(|(i, j)| a[i * d + j].powi(2))
            .sum();
        if off <= norm * f64::EPSILON.powi(2) {
            break;
        }
        for p in 0..d {
            for q in p + 1..d {
                rotate(&mut a, &mut vectors, d, p, q);
            }
        }
    }
    ((0..d).map(|i| a[i * d + i]).collect(), vectors)
}

/// Turns the plane of axes p and q so that `a[p, q]` becomes 0.
fn rotate(a: &mut [f64], vectors: &mut [f64], d: usize, p: usize, q: usize) {
    let a_pq = a[p * d + q];
    if a_pq == 0.0 {
        return;
    }
    let theta = (a[q * d + q] - a[p * d + p]) / (2.0 * a_pq);
    let t = theta.signum() / (theta.abs() + theta.hypot(1.0));
    let c = t.hypot(1.0).recip();
    let s = t * c;
    for k in 0..d {
        let (x, y) = (a[k * d + p], a[k * d + q]);
        a[k * d + p] = c * x - s * y;
        a[k * d + q] = s * x + c * y;
        let (x, y) = (vectors[k * d + p], vectors[k * d + q]);
        vectors[k * d + p] = c * x - s * y;
        vectors[k * d + q] = s * x + c * y;
    }
    for k in 0..d {
        let (x, y) = (a[p * d + k], a[q * d + k]);
        a[p * d + k] = c * x - s * y;
        a[q * d + k] = s * x + c * y;
    }
    (a[p * d + q], a[q * d + p]) = (0.0, 0.0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_matrix_is_the_sum_of_its_eigenvectors() {
        let d = 7;
        let mut rng = crate::noise::NoiseStream::new(1);
        let half: Vec<f64> = rng.normal(d * d).into_iter().map(f64::from).collect();
        let a: Vec<f64> = (0..d * d)
            .map(|i| half[i] + half[i % d * d + i / d])
            .collect();
        let (values, vectors) = eigen(a.clone(), d);
        for i in 0..d {
            for j in 0..d {
                let sum: f64 = (0..d)
                    .map(|k| values[k] * vectors[i * d + k] * vectors[j * d + k])
                    .sum();
                assert!((sum - a[i * d + j]).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn a_two_by_two_matrix_has_the_eigenvalues_of_its_formula() {
        let (mut values, _) = eigen(vec![2.0, 1.0, 1.0, 2.0], 2);
        values.sort_by(f64::total_cmp);
        assert!((values[0] - 1.0).abs() < 1e-14 && (values[1] - 3.0).abs() < 1e-14);
        assert_eq!(eigen(vec![0.0; 9], 3).0, [0.0; 3]);
    }
}

//! Activations in place.

use super::norm::{exp, sigmoid};
use super::parallel::for_each_chunk;
use super::simd::vectorised;
use crate::unet::activation::Activation;

/// Values that one thread activates at a time.
const CHUNK: usize = 1 << 12;

/// Applies `activation` to every value.
pub(super) fn activate(x: &mut [f32], activation: Activation) {
    for_each_chunk(x, CHUNK, |_, x, _: &mut ()| match activation {
        Activation::Silu => map(x, |x| x * sigmoid(x)),
        // What is no number stays none, which `max` would hide.
        Activation::Relu => map(x, |x| if x < 0.0 { 0.0 } else { x }),
        Activation::Mish => map(x, mish),
        Activation::Gelu => {
            for x in x {
                *x *= 0.5 * (1.0 + libm::erff(*x * std::f32::consts::FRAC_1_SQRT_2));
            }
        }
    });
}

/// `f` of every value, compiled for vectors.
#[inline(always)]
fn map(x: &mut [f32], f: impl Fn(f32) -> f32) {
    vectorised(
        #[inline(always)]
        || {
            for x in x {
                *x = f(*x);
            }
        },
    );
}

/// x tanh(ln(1 + e^x)), where tanh(ln(1 + e)) = (e^2 + 2 e) / (e^2 + 2 e + 2).
#[inline(always)]
fn mish(x: f32) -> f32 {
    // From here on the fraction is 1 in float32, and e^2 stays finite.
    let e = exp(x.min(20.0));
    let above = e * (e + 2.0);
    x * (above / (above + 2.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_activation_is_what_its_formula_says() {
        let given: Vec<f32> = (-4000..=4000).map(|i| i as f32 / 40.0).collect();
        for activation in [
            Activation::Silu,
            Activation::Gelu,
            Activation::Relu,
            Activation::Mish,
        ] {
            let mut y = given.clone();
            activate(&mut y, activation);
            for (x, y) in given.iter().zip(y) {
                let expected = activation.of_number(f64::from(*x));
                let apart = (f64::from(y) - expected).abs();
                let allowed = 1e-6 * expected.abs().max(1.0);
                assert!(
                    apart < allowed,
                    "{activation:?} of {x}: {y}, not {expected}"
                );
            }
        }
    }

    #[test]
    fn what_is_no_number_stays_none() {
        for activation in [
            Activation::Silu,
            Activation::Gelu,
            Activation::Relu,
            Activation::Mish,
        ] {
            let mut y = [1.0, f32::NAN];
            activate(&mut y, activation);
            assert!(y[0].is_finite() && y[1].is_nan(), "{activation:?}: {y:?}");
        }
    }
}

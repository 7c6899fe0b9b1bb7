//! The activations that `act_fn` names.

use burn::tensor::Tensor;
use burn::tensor::activation::{gelu, mish, relu, silu};
use serde::{Deserialize, Serialize};

/// An element-wise non-linearity, by diffusers' name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum Activation {
    /// x sigmoid(x) (Ramachandran et al. 2017).
    #[default]
    #[serde(alias = "swish")]
    Silu,
    /// x P(X <= x) for a standard normal X (Hendrycks & Gimpel 2016), by the error function.
    Gelu,
    /// max(x, 0).
    Relu,
    /// x tanh(ln(1 + e^x)) (Misra 2019).
    Mish,
}

impl Activation {
    /// Applies it to every element.
    #[must_use]
    pub fn of<const D: usize>(self, x: Tensor<D>) -> Tensor<D> {
        match self {
            Self::Silu => silu(x),
            Self::Gelu => gelu(x),
            Self::Relu => relu(x),
            Self::Mish => mish(x),
        }
    }

    /// Applies it to one number.
    #[cfg(test)]
    pub(super) fn of_number(self, x: f64) -> f64 {
        match self {
            Self::Silu => x / (1.0 + (-x).exp()),
            Self::Gelu => 0.5 * x * (1.0 + libm::erf(x / 2f64.sqrt())),
            Self::Relu => x.max(0.0),
            Self::Mish => x * x.exp().ln_1p().tanh(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Device, TensorData};

    #[test]
    fn tensors_are_activated_as_numbers_are() {
        let x: Vec<f32> = (-200..=200).map(|i| i as f32 / 20.0).collect();
        for activation in [
            Activation::Silu,
            Activation::Gelu,
            Activation::Relu,
            Activation::Mish,
        ] {
            let tensor = TensorData::new(x.clone(), [x.len()]);
            let tensor = Tensor::<1>::from_data(tensor, &Device::flex());
            let y = activation.of(tensor).into_data();
            for (&x, y) in x.iter().zip(y.iter::<f32>()) {
                let expected = activation.of_number(f64::from(x));
                let apart = (f64::from(y) - expected).abs();
                assert!(apart < 2e-6, "{activation:?} of {x}: {y}, not {expected}");
            }
        }
    }
}

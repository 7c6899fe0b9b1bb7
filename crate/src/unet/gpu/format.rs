//! How a network's parameters are stored on a GPU.

use super::plan::ALIGN;
use crate::unet::{UNet, cpu};
#[cfg(feature = "learn")]
use burn::module::ModuleMapper;
use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::Tensor;
#[cfg(feature = "learn")]
use burn::tensor::TensorData;
use cubecl::bytes::Bytes;
use cubecl::client::Client;
use cubecl::ir::{ElemType, FloatKind};
use half::f16;

/// A network of so many parameters is large: its memory counts, its first evaluation is told in parts, and its kernels are not
/// compiled before its weights are there, so that these may still say how they are stored.
pub const LARGE: u128 = 1 << 24;

/// How each number is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// float32.
    Single,
    /// float16: half the memory, and half of what an evaluation reads of it. The kernels compute in float32 all the same.
    Half,
}

impl Format {
    /// float16 for a large network all of whose parameters are such numbers, where the device has them; no bit is lost.
    pub(super) fn of(unet: &UNet, client: &Client) -> Self {
        let is_large = unet.config().parameter_count() >= LARGE;
        match is_large && Self::has_half(client) && is_in_half(unet) {
            true => Self::Half,
            false => Self::Single,
        }
    }

    /// Whether the device of `client` has float16 (WebGPU's `shader-f16`).
    pub(super) fn has_half(client: &Client) -> bool {
        let half = ElemType::Float(FloatKind::F16);
        client.properties().supports_type(half)
    }

    /// Bytes of a number.
    pub(super) fn bytes(self) -> usize {
        match self {
            Self::Single => size_of::<f32>(),
            Self::Half => size_of::<f16>(),
        }
    }

    /// Numbers between the starts of two layers: each begins at a multiple of it.
    pub(super) fn align(self) -> usize {
        ALIGN * Self::Single.bytes() / self.bytes()
    }

    /// So many numbers and those that fill up a word, which is what can be written and bound.
    pub(super) fn words(self, numbers: usize) -> usize {
        numbers.next_multiple_of(size_of::<u32>() / self.bytes())
    }

    /// `values` as they are stored, with zeros to whole words.
    pub(super) fn stored(self, mut values: Vec<f32>) -> Bytes {
        match self {
            Self::Single => Bytes::from_elems(values),
            Self::Half => {
                values.resize(self.words(values.len()), 0.0);
                let halves: Vec<f16> = values.into_iter().map(f16::from_f32).collect();
                Bytes::from_elems(halves)
            }
        }
    }
}

/// `unet` with the numbers of float16 that are nearest to its parameters.
#[cfg(feature = "learn")]
pub(super) fn in_half(unet: UNet) -> UNet {
    struct Rounding;
    impl ModuleMapper for Rounding {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            param.map(|values| {
                let (shape, device) = (values.shape(), values.device());
                let values = values.into_data();
                let rounded = values.iter::<f32>().map(|x| f16::from_f32(x).to_f32());
                let rounded: Vec<f32> = rounded.collect();
                Tensor::from_data(TensorData::new(rounded, shape), &device)
            })
        }
    }
    unet.map(&mut Rounding)
}

/// Whether all parameters are numbers of float16.
fn is_in_half(unet: &UNet) -> bool {
    struct Found(bool);
    impl ModuleVisitor for Found {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let is_half = |&x: &f32| f16::from_f32(x).to_f32().to_bits() == x.to_bits();
            self.0 = self.0 && cpu::values(param).storage().iter().all(is_half);
        }
    }
    let mut found = Found(true);
    unet.visit(&mut found);
    found.0
}

//! Makes the layers of the blocks: drawn at random, zero, or only counted.

use super::config::{UNetConfig, UNetConfigError};
use super::layers::{Conv2d, Embedding, Frequencies, GroupNorm, Linear, draw, parameter};
use burn::module::{Param, ParamId};
use burn::tensor::{Device, Shape, Tensor};

/// Groups of a normalisation of this many channels where `norm_num_groups` is not given.
pub(super) fn groups_of(channels: usize) -> usize {
    (channels / 4).min(32)
}

/// Builds a network's layers in the order in which its blocks name them, which is the order of the draws.
#[derive(Debug)]
pub(crate) struct Builder {
    device: Device,
    parameters: Parameters,
    /// Whether the layer being built starts at zero.
    at_zero: bool,
}

/// How the parameters are made.
#[derive(Debug)]
enum Parameters {
    /// Drawn from the stream of [`seed_init`](super::layers::seed_init), for training.
    Drawn,
    /// All 0, once they are asked for: a file replaces them before.
    Blank,
    /// Counted only.
    Counted(Census),
}

/// What is known of a network before any of its parameters is allocated.
#[derive(Debug, Default)]
pub(crate) struct Census {
    /// Number of parameters.
    pub(crate) parameters: u128,
    /// The first layer that cannot be built, and what to change in `unet/config.json`.
    pub(crate) problem: Option<UNetConfigError>,
}

impl Builder {
    /// Builds layers to be trained, on `device`.
    pub(crate) fn fresh(device: &Device) -> Self {
        Self::new(device.clone(), Parameters::Drawn)
    }

    /// Builds layers on `device` to load weights into.
    pub(crate) fn blank(device: &Device) -> Self {
        Self::new(device.clone(), Parameters::Blank)
    }

    /// Counts the parameters of what `build` makes, none of which is allocated.
    pub(crate) fn census<T>(build: impl FnOnce(&mut Self) -> T) -> Census {
        // A parameter without memory belongs to a device, too, which is never asked for anything.
        let mut builder = Self::new(Device::flex(), Parameters::Counted(Census::default()));
        drop(build(&mut builder));
        match builder.parameters {
            Parameters::Counted(census) => census,
            Parameters::Drawn | Parameters::Blank => Census::default(),
        }
    }

    fn new(device: Device, parameters: Parameters) -> Self {
        Self {
            device,
            parameters,
            at_zero: false,
        }
    }

    /// `n` parts of one kind. The first and the last may differ from those between, which are alike: a census builds
    /// three and multiplies, so that a file that asks for thousands of layers costs nothing.
    pub(crate) fn list<T>(
        &mut self,
        n: usize,
        mut part: impl FnMut(&mut Self, usize) -> T,
    ) -> Vec<T> {
        if n <= 3 || self.counted().is_none() {
            return (0..n).map(|i| part(self, i)).collect();
        }
        let first = part(self, 0);
        let before = self.counted().map_or(0, |census| census.parameters);
        let middle = part(self, 1);
        if let Some(census) = self.counted() {
            census.parameters += (n as u128 - 3) * (census.parameters - before);
        }
        vec![first, middle, part(self, n - 1)]
    }

    /// Records `otherwise`, what to change in the configuration, unless the next layers can be built.
    pub(crate) fn require(&mut self, possible: bool, otherwise: impl FnOnce() -> String) {
        if let Some(census) = self.counted()
            && !possible
        {
            let problem = || UNetConfigError::Impossible(otherwise());
            census.problem.get_or_insert_with(problem);
        }
    }

    fn counted(&mut self) -> Option<&mut Census> {
        match &mut self.parameters {
            Parameters::Counted(census) => Some(census),
            Parameters::Drawn | Parameters::Blank => None,
        }
    }

    /// `norm_num_groups`, which the next blocks need.
    pub(crate) fn groups(&mut self, config: &UNetConfig) -> usize {
        self.require(config.norm_num_groups.is_some(), || {
            "norm_num_groups is null, which the Skip blocks alone can do without; give the number of groups".into()
        });
        config.norm_num_groups.unwrap_or(1)
    }

    /// A 3x3 convolution that keeps the size.
    pub(crate) fn conv3x3(&mut self, c_in: usize, c_out: usize) -> Conv2d {
        self.conv(c_in, c_out, 3, 1, 1)
    }

    /// The same with an output of 0 until trained: the network starts as a simpler one (Ho et al. 2020, released code).
    pub(crate) fn conv3x3_at_zero(&mut self, c_in: usize, c_out: usize) -> Conv2d {
        self.at_zero(|layers| layers.conv3x3(c_in, c_out))
    }

    /// A convolution with PyTorch's initialisation: U(-b, b) with b = 1/sqrt(fan-in), for weight and bias.
    pub(crate) fn conv(
        &mut self,
        c_in: usize,
        c_out: usize,
        kernel: usize,
        stride: usize,
        padding: usize,
    ) -> Conv2d {
        let bound = 1.0 / ((c_in * kernel * kernel) as f64).sqrt();
        Conv2d {
            weight: self.uniform([c_out, c_in, kernel, kernel], bound),
            bias: self.uniform([c_out], bound),
            stride,
            padding,
            kept: Default::default(),
        }
    }

    /// A linear layer with PyTorch's initialisation: U(-b, b) with b = 1/sqrt(d_in).
    pub(crate) fn linear(&mut self, d_in: usize, d_out: usize) -> Linear {
        let bound = 1.0 / (d_in as f64).sqrt();
        Linear {
            weight: self.uniform([d_out, d_in], bound),
            bias: self.uniform([d_out], bound),
        }
    }

    /// The same with an output of 0 until trained.
    pub(crate) fn linear_at_zero(&mut self, d_in: usize, d_out: usize) -> Linear {
        self.at_zero(|layers| layers.linear(d_in, d_out))
    }

    /// A group normalisation that starts as the plain one: weight 1, bias 0.
    pub(crate) fn norm(&mut self, groups: usize, channels: usize, eps: f64) -> GroupNorm {
        self.require(groups > 0 && channels.is_multiple_of(groups), || {
            format!(
                "norm_num_groups is {groups}, which does not divide the {channels} channels of a \
                 normalisation"
            )
        });
        GroupNorm {
            weight: self.make([channels], |len| vec![1.0; len]),
            bias: self.make([channels], |len| vec![0.0; len]),
            groups,
            eps,
        }
    }

    /// A table of rows drawn from U(-sqrt 3, sqrt 3): unit variance, as PyTorch's.
    pub(crate) fn embedding(&mut self, rows: usize, d: usize) -> Embedding {
        Embedding {
            weight: self.uniform([rows, d], 3f64.sqrt()),
        }
    }

    /// `d` frequencies of a Fourier embedding, from N(0, 16^2) (Song et al. 2021, appendix C).
    pub(crate) fn frequencies(&mut self, d: usize) -> Frequencies {
        let normal = |[a, b]: [f32; 2]| {
            // Box & Muller 1958: two uniform numbers make a normal one.
            let [a, b] = [a, b].map(|x| 0.5 * (f64::from(x) + 1.0));
            let radius = (-2.0 * (1.0 - a).max(f64::MIN_POSITIVE).ln()).sqrt();
            (16.0 * radius * (std::f64::consts::TAU * b).cos()) as f32
        };
        let weight = self.make([d], |len| {
            let drawn = draw(2 * len, 1.0);
            (drawn.as_chunks::<2>().0.iter())
                .map(|&pair| normal(pair))
                .collect()
        });
        Frequencies { weight }
    }

    fn at_zero<T>(&mut self, layer: impl FnOnce(&mut Self) -> T) -> T {
        self.at_zero = true;
        let layer = layer(self);
        self.at_zero = false;
        layer
    }

    /// A parameter from U(-bound, bound). One that starts at zero still uses up its draws, so that a seed gives the same
    /// network whichever layers start at zero.
    fn uniform<const D: usize>(&mut self, shape: [usize; D], bound: f64) -> Param<Tensor<D>> {
        let at_zero = self.at_zero;
        self.make(shape, |len| {
            let values = draw(len, bound);
            if at_zero { vec![0.0; len] } else { values }
        })
    }

    /// A parameter; `values` are asked for only where they are drawn.
    fn make<const D: usize>(
        &mut self,
        shape: [usize; D],
        values: impl FnOnce(usize) -> Vec<f32>,
    ) -> Param<Tensor<D>> {
        if let Parameters::Drawn = self.parameters {
            return parameter(values(shape.iter().product()), shape, &self.device);
        }
        if let Some(census) = self.counted() {
            census.parameters += shape.iter().map(|&n| n as u128).product::<u128>();
        }
        // Zeros, made where they are asked for.
        let value = move |device: &Device, _| {
            let len = shape.iter().product();
            parameter(vec![0.0; len], shape, device).val()
        };
        #[cfg(feature = "learn")]
        let is_learned = self.device.is_autodiff();
        #[cfg(not(feature = "learn"))]
        let is_learned = false;
        let (id, device, shape) = (ParamId::new(), self.device.clone(), Shape::new(shape));
        Param::uninitialized(id, value, device, is_learned, shape)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unet::UNet;
    use crate::unet::layers::seed_init;

    /// A seed must give the same network in every version.
    #[test]
    fn a_seed_draws_the_network_that_it_always_drew() {
        let config = UNetConfig {
            sample_size: [16, 16],
            block_out_channels: vec![8, 8, 16, 16],
            norm_num_groups: Some(4),
            num_class_embeds: Some(3),
            ..UNetConfig::default()
        };
        seed_init(7);
        let unet = UNet::new(&config, &Device::flex()).expect("a network");
        // FNV-1a over the bits of all parameters, by name.
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        for value in unet
            .state_dict()
            .into_values()
            .flat_map(|(_, values)| values)
        {
            for byte in value.to_le_bytes() {
                hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
            }
        }
        assert_eq!(hash, 13_305_074_462_446_092_932);
    }
}

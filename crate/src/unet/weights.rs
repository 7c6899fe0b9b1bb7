//! Parameters to and from safetensors, under PyTorch's names and in its shapes; from float64, float32, float16 or bfloat16.

use super::UNet;
use super::layers::parameter;
use crate::stored::{Listed, Stored};
use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Device, Tensor};
use half::{bf16, f16};
use safetensors::tensor::{Dtype, TensorInfo, TensorView};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use thiserror::Error;

/// Weights that do not fit the network, and what is wrong with them.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum WeightsError {
    /// Not a safetensors file, or a truncated one.
    #[error("the weights cannot be read: {0}. They must be a whole safetensors file")]
    Format(String),
    /// Tensors that the configuration needs and the file lacks.
    #[error("the weights have no {0}; check that unet/config.json and the weights belong together")]
    Missing(String),
    /// Tensors that the configuration does not have.
    #[error(
        "the weights have {0}, which unet/config.json does not describe; check that they belong together"
    )]
    Extra(String),
    /// One tensor under its old and its new name.
    #[error("{0} is in the weights twice, under its old and its new name; remove one of them")]
    Twice(String),
    /// Far too few bytes for the network, which is therefore not even built.
    #[error(
        "unet/config.json asks for {parameters} parameters, more than the weights' {bytes} bytes \
         can hold; check that they belong together"
    )]
    TooFew {
        /// Parameters of the configuration.
        parameters: u128,
        /// Size of the file.
        bytes: usize,
    },
    /// A tensor of another shape.
    #[error(
        "{name} has shape {found:?} in the weights, but unet/config.json makes it {expected:?}"
    )]
    Shape {
        /// The tensor.
        name: String,
        /// Its shape in the file.
        found: Vec<usize>,
        /// Its shape in the network.
        expected: Vec<usize>,
    },
    /// A number format other than float64, float32, float16 and bfloat16.
    #[error("{name} is stored as {dtype}; convert it to float32, float16 or bfloat16")]
    Dtype {
        /// The tensor.
        name: String,
        /// Its format in the file.
        dtype: String,
    },
    /// NaN or infinity.
    #[error(
        "{0} holds a value that is not a finite number; the weights are broken, or training has diverged"
    )]
    NotFinite(String),
}

/// How parameters are stored in a file; in memory they are float32.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StoredAs {
    /// Half precision: two bytes a parameter.
    #[default]
    F16,
    /// Single precision.
    F32,
}

/// A list of tensors' names, for messages: the first few and how many more.
fn list(mut names: Vec<String>) -> String {
    names.sort();
    let more = names.len().saturating_sub(3);
    names.truncate(3);
    let shown = names.join(", ");
    if more > 0 {
        format!("{shown} and {more} more")
    } else {
        shown
    }
}

fn values(name: &str, dtype: Dtype, bytes: &[u8]) -> Result<Vec<f32>, WeightsError> {
    let values: Vec<f32> = match dtype {
        Dtype::F32 => bytes
            .chunks_exact(4)
            .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
            .collect(),
        Dtype::F64 => bytes
            .as_chunks::<8>()
            .0
            .iter()
            .map(|b| f64::from_le_bytes(*b) as f32)
            .collect(),
        Dtype::F16 => bytes
            .chunks_exact(2)
            .map(|b| f16::from_le_bytes([b[0], b[1]]).to_f32())
            .collect(),
        Dtype::BF16 => bytes
            .chunks_exact(2)
            .map(|b| bf16::from_le_bytes([b[0], b[1]]).to_f32())
            .collect(),
        other => {
            return Err(WeightsError::Dtype {
                name: name.into(),
                dtype: format!("{other:?}"),
            });
        }
    };
    if values.iter().all(|x| x.is_finite()) {
        Ok(values)
    } else {
        Err(WeightsError::NotFinite(name.into()))
    }
}

/// The name that today's diffusers gives a tensor of an older file.
fn modern_name(name: &str) -> String {
    const RENAMED: [(&str, &str); 4] = [
        ("query", "to_q"),
        ("key", "to_k"),
        ("value", "to_v"),
        ("proj_attn", "to_out.0"),
    ];
    match name
        .rsplit_once('.')
        .and_then(|(path, leaf)| Some((path.rsplit_once('.')?, leaf)))
    {
        Some(((path, layer), leaf)) if path.contains("attentions") => {
            match RENAMED.iter().find(|(old, _)| *old == layer) {
                Some((_, new)) => format!("{path}.{new}.{leaf}"),
                None => name.into(),
            }
        }
        _ => name.into(),
    }
}

/// Whether PyTorch has burn's name for a part, too: it has none for the variant of an enum.
fn is_named(container: &str) -> bool {
    !container.starts_with("Enum:")
}

struct Loader<'a> {
    file: &'a dyn Stored,
    listed: &'a Listed,
    tensors: HashMap<String, &'a TensorInfo>,
    path: Vec<String>,
    device: &'a Device,
    missing: Vec<String>,
    error: Option<WeightsError>,
}

impl Loader<'_> {
    fn take(&mut self, expected: &[usize]) -> Option<Vec<f32>> {
        let name = self.path.join(".");
        let Some(tensor) = self.tensors.remove(&name) else {
            self.missing.push(name);
            return None;
        };
        // diffusers once stored the attention's linear layers as 1x1 convolutions.
        let found = &tensor.shape[..];
        let as_convolution = found.len() == 4
            && expected.len() == 2
            && found[2..] == [1, 1]
            && found[..2] == *expected;
        if found != expected && !as_convolution {
            self.error.get_or_insert(WeightsError::Shape {
                name,
                found: found.to_vec(),
                expected: expected.to_vec(),
            });
            return None;
        }
        let bytes = self.listed.values(self.file, tensor);
        match values(&name, tensor.dtype, &bytes) {
            Ok(values) => Some(values),
            Err(error) => {
                self.error.get_or_insert(error);
                None
            }
        }
    }
}

impl ModuleMapper for Loader<'_> {
    fn enter_module(&mut self, name: &str, container: &str) {
        if is_named(container) {
            self.path.push(name.into());
        }
    }

    fn exit_module(&mut self, _: &str, container: &str) {
        if is_named(container) {
            self.path.pop();
        }
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        // Its own values are never made.
        let shape: [usize; D] = param.lazy_shape().dims();
        match self.take(&shape) {
            Some(values) => {
                let id = param.id;
                let mut fresh = parameter(values, shape, self.device);
                fresh.id = id;
                fresh
            }
            None => param,
        }
    }
}

#[derive(Default)]
struct Collector {
    path: Vec<String>,
    tensors: BTreeMap<String, (Vec<usize>, Vec<f32>)>,
}

impl ModuleVisitor for Collector {
    fn enter_module(&mut self, name: &str, container: &str) {
        if is_named(container) {
            self.path.push(name.into());
        }
    }

    fn exit_module(&mut self, _: &str, container: &str) {
        if is_named(container) {
            self.path.pop();
        }
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let data = param.val().into_data();
        let values = data.iter::<f32>().collect();
        self.tensors
            .insert(self.path.join("."), (param.val().dims().to_vec(), values));
    }
}

impl UNet {
    /// The network with the weights of a safetensors file, which must have exactly its tensors.
    ///
    /// # Errors
    /// Anything else: see [`WeightsError`].
    pub fn load_safetensors(self, bytes: &[u8], device: &Device) -> Result<Self, WeightsError> {
        self.load(&bytes, device)
    }

    /// The same from a file whose bytes may be elsewhere.
    ///
    /// # Errors
    /// See [`UNet::load_safetensors`].
    pub fn load(self, file: &dyn Stored, device: &Device) -> Result<Self, WeightsError> {
        let listed = Listed::of(file).map_err(|e| WeightsError::Format(e.to_string()))?;
        let mut tensors = HashMap::new();
        for (name, tensor) in listed.tensors() {
            let name = modern_name(&name);
            if tensors.insert(name.clone(), tensor).is_some() {
                return Err(WeightsError::Twice(name));
            }
        }
        let mut loader = Loader {
            file,
            listed: &listed,
            tensors,
            path: Vec::new(),
            device,
            missing: Vec::new(),
            error: None,
        };
        let network = self.map(&mut loader);
        if let Some(error) = loader.error {
            return Err(error);
        }
        if !loader.missing.is_empty() {
            return Err(WeightsError::Missing(list(loader.missing)));
        }
        if !loader.tensors.is_empty() {
            return Err(WeightsError::Extra(list(
                loader.tensors.into_keys().collect(),
            )));
        }
        Ok(network)
    }

    /// All parameters by PyTorch's names: shape and values.
    pub fn state_dict(&self) -> BTreeMap<String, (Vec<usize>, Vec<f32>)> {
        let mut collector = Collector::default();
        self.visit(&mut collector);
        collector.tensors
    }

    /// The weights as a safetensors file that PyTorch reads.
    ///
    /// # Errors
    /// A parameter that is not finite, or does not fit half precision.
    pub fn to_safetensors(&self, stored_as: StoredAs) -> Result<Vec<u8>, WeightsError> {
        to_safetensors(&self.state_dict(), stored_as)
    }
}

#[cfg(any(all(feature = "gpu", feature = "learn"), test))]
impl UNet {
    /// A network on `device` with numbers by a formula. Layers that begin at zero would hide from a check what comes before
    /// them.
    pub(crate) fn without_zeros(
        config: &super::UNetConfig,
        device: &Device,
    ) -> Result<Self, Box<dyn std::error::Error>> {
        super::layers::seed_init(3);
        let unet = Self::new(config, device)?;
        let mut tensors = unet.state_dict();
        for (at, (_, values)) in tensors.values_mut().enumerate() {
            for (i, value) in values.iter_mut().enumerate() {
                *value += 0.1 * ((at * 31 + i) as f32).sin();
            }
        }
        let bytes = to_safetensors(&tensors, StoredAs::F32)?;
        Ok(unet.load_safetensors(&bytes, device)?)
    }
}

/// Writes named tensors as a safetensors file.
///
/// # Errors
/// A value that is not finite, or does not fit half precision.
pub fn to_safetensors(
    tensors: &BTreeMap<String, (Vec<usize>, Vec<f32>)>,
    stored_as: StoredAs,
) -> Result<Vec<u8>, WeightsError> {
    let mut bytes = Vec::with_capacity(tensors.len());
    for (name, (shape, values)) in tensors {
        let data: Vec<u8> = match stored_as {
            StoredAs::F32 => values.iter().flat_map(|x| x.to_le_bytes()).collect(),
            StoredAs::F16 => values
                .iter()
                .flat_map(|&x| f16::from_f32(x).to_le_bytes())
                .collect(),
        };
        let finite = values.iter().all(|&x| match stored_as {
            StoredAs::F32 => x.is_finite(),
            StoredAs::F16 => f16::from_f32(x).is_finite(),
        });
        if !finite {
            return Err(WeightsError::NotFinite(name.clone()));
        }
        bytes.push((name.clone(), shape.clone(), data));
    }
    let dtype = match stored_as {
        StoredAs::F32 => Dtype::F32,
        StoredAs::F16 => Dtype::F16,
    };
    let views: Result<Vec<_>, _> = bytes
        .iter()
        .map(|(name, shape, data)| {
            TensorView::new(dtype, shape.clone(), data).map(|view| (name.clone(), view))
        })
        .collect();
    let metadata = Some(HashMap::from([("format".to_string(), "pt".to_string())]));
    views
        .and_then(|views| safetensors::serialize(views, metadata))
        .map_err(|e| WeightsError::Format(e.to_string()))
}

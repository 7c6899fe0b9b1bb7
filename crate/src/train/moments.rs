//! AdamW's moments in the form of burn's optimiser, so that a checkpoint says nothing of where it was trained.

use crate::unet::UNet;
use burn::module::{Module, ModuleVisitor, Param, ParamId};
use burn::optim::ModuleOptimizer;
use burn::tensor::{Bytes, DType, Shape, Tensor};
use burn_pack::{Reader, Scalar, Writer};
use std::collections::BTreeMap;
use thiserror::Error;

/// First and second moments by parameter, in the order of the state dict.
pub(crate) type Moments = [BTreeMap<ParamId, Vec<f32>>; 2];

/// What burn calls them.
const NAMES: [&str; 2] = ["momentum.moment_1", "momentum.moment_2"];

/// The moments that `optimizer` has.
///
/// # Errors
/// They are not in the form of burn's AdamW.
pub(super) fn read(optimizer: &ModuleOptimizer) -> Result<Moments, Odd> {
    let bytes = optimizer.into_bytes().map_err(odd)?;
    let mut moments = Moments::default();
    for tensor in Reader::from_bytes(bytes)
        .and_then(Reader::into_tensors)
        .map_err(odd)?
    {
        let (name, _, _, id, bytes) = tensor.into_parts().map_err(odd)?;
        for (moments, wanted) in moments.iter_mut().zip(NAMES) {
            if let (true, Some(id)) = (name.ends_with(wanted), id) {
                let values = bytes.as_chunks::<4>().0;
                let values = values.iter().map(|&b| f32::from_le_bytes(b)).collect();
                moments.insert(ParamId::from(id), values);
            }
        }
    }
    Ok(moments)
}

/// `optimizer` with these moments for the parameters of `unet`, after `time` steps.
///
/// # Errors
/// burn does not take them.
pub(super) fn write(
    optimizer: ModuleOptimizer,
    unet: &UNet,
    moments: &Moments,
    time: u64,
) -> Result<ModuleOptimizer, Odd> {
    let mut shapes = Shapes(Vec::new());
    unet.visit(&mut shapes);
    let mut tensors = Vec::new();
    let mut scalars = Vec::new();
    for (id, shape) in shapes.0 {
        for (moments, name) in moments.iter().zip(NAMES) {
            let Some(values) = moments.get(&id) else {
                continue;
            };
            tensors.push(burn_pack::Tensor::new(
                format!("{}.{name}", id.val()),
                DType::F32,
                Shape::from(shape.clone()),
                Some(id.val()),
                Bytes::from_elems(values.clone()),
            ));
        }
        if moments[0].contains_key(&id) {
            scalars.push((format!("{}.momentum.time", id.val()), Scalar::UInt(time)));
            let rank = Scalar::UInt(shape.len() as u64);
            scalars.push((format!("{}.__rank", id.val()), rank));
        }
    }
    let mut writer = Writer::new(tensors);
    for (name, value) in scalars {
        writer = writer.with_scalar(&name, value);
    }
    let bytes = writer.into_bytes().map_err(odd)?;
    optimizer.from_bytes(bytes).map_err(odd)
}

/// An optimiser that is not in the form of burn's AdamW.
#[derive(Debug, Error)]
#[error("{0}")]
pub(crate) struct Odd(String);

fn odd(reason: impl ToString) -> Odd {
    Odd(reason.to_string())
}

struct Shapes(Vec<(ParamId, Vec<usize>)>);

impl ModuleVisitor for Shapes {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.0.push((param.id, param.val().dims().to_vec()));
    }
}

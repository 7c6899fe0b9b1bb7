//! What training changes, as plain numbers and as burn has it: a network, its average, and AdamW's moments.

use super::moments::{self, Odd};
use crate::unet::UNet;
use crate::unet::gpu::learner::{Memory, Numbers};
use crate::unet::layers::parameter;
use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::optim::ModuleOptimizer;
use burn::tensor::Tensor;

/// The numbers of the three.
///
/// # Errors
/// The optimiser is not burn's AdamW.
pub(crate) fn of(unet: &UNet, average: &UNet, optimizer: &ModuleOptimizer) -> Result<Memory, Odd> {
    // The average is a module of its own: its numbers belong to the same parameters by their order.
    let trained = gather(unet);
    let ids = trained.iter().map(|(id, _)| *id);
    let averages = ids.zip(gather(average).into_iter().map(|(_, values)| values));
    Ok(Memory {
        averages: averages.collect(),
        moments: moments::read(optimizer)?,
        weights: trained.into_iter().collect(),
    })
}

/// The three with these numbers, after `time` steps. A parameter that is not among them stays as it is.
///
/// # Errors
/// burn does not take the moments.
pub(crate) fn put(
    memory: &Memory,
    (unet, average, optimizer): (UNet, UNet, ModuleOptimizer),
    time: u64,
) -> Result<(UNet, UNet, ModuleOptimizer), Odd> {
    let ids: Vec<_> = gather(&unet).into_iter().map(|(id, _)| id).collect();
    let in_order = |numbers: &Numbers| -> Vec<Option<Vec<f32>>> {
        ids.iter().map(|id| numbers.get(id).cloned()).collect()
    };
    let average = average.map(&mut Put(in_order(&memory.averages).into_iter()));
    let unet = unet.map(&mut Put(in_order(&memory.weights).into_iter()));
    let optimizer = moments::write(optimizer, &unet, &memory.moments, time)?;
    Ok((unet, average, optimizer))
}

/// Gathers numbers by parameter, in the order of the modules.
#[derive(Default)]
struct Gather(Vec<(ParamId, Vec<f32>)>);

impl ModuleVisitor for Gather {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let values = param.val().into_data().iter::<f32>().collect();
        self.0.push((param.id, values));
    }
}

pub(super) fn gather(unet: &UNet) -> Vec<(ParamId, Vec<f32>)> {
    let mut gather = Gather::default();
    unet.visit(&mut gather);
    gather.0
}

/// Replaces a module's numbers, in their order; `None` leaves them.
struct Put(std::vec::IntoIter<Option<Vec<f32>>>);

impl ModuleMapper for Put {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(Some(values)) = self.0.next() else {
            return param;
        };
        let (id, tensor) = (param.id, param.val());
        let mut fresh = parameter(values, tensor.dims(), &tensor.device());
        fresh.id = id;
        fresh
    }
}

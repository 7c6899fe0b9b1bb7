//! The exponential moving average of the weights, which is what gets exported (Ho et al. 2020, appendix B).

use crate::unet::UNet;
use burn::backend::DispatchTensor;
use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::Tensor;

use std::collections::VecDeque;

/// Gathers the trained weights in the order in which modules are visited, which is also that of the average.
#[derive(Default)]
struct Gather(VecDeque<DispatchTensor>);

impl ModuleVisitor for Gather {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.0.push_back(param.val().inner().into_dispatch());
    }
}

struct Blend {
    weights: VecDeque<DispatchTensor>,
    decay: f64,
}

impl ModuleMapper for Blend {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(weight) = self.weights.pop_front().map(Tensor::<D>::from_dispatch) else {
            return param;
        };
        param.map(|average| average * self.decay + weight * (1.0 - self.decay))
    }
}

/// decay, lower at first so that the average forgets the random start: min(decay, (1 + step) / (10 + step)).
pub(crate) fn decay_at(step: u64, decay: f64) -> f64 {
    decay.min((1.0 + step as f64) / (10.0 + step as f64))
}

/// average = decay average + (1 - decay) weights; both networks of one architecture, the first without gradients.
pub(crate) fn update(average: UNet, trained: &UNet, decay: f64) -> UNet {
    let mut gather = Gather::default();
    trained.visit(&mut gather);
    average.map(&mut Blend {
        weights: gather.0,
        decay,
    })
}

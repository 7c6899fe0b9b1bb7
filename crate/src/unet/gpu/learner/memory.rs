//! What training changes, by parameter: to the device and back, to the bit.

use super::Learner;
use crate::unet::gpu::device::TURN;
use crate::unet::gpu::engine::{DeviceError, numbers};
use crate::unet::gpu::parameters::Slot;
use crate::unet::gpu::pieces::Pieces;
use burn::module::ParamId;
use cubecl::future::block_on;
use cubecl::server::Handle;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::PoisonError;

/// Each parameter's numbers, in the order of the state dict.
pub type Numbers = BTreeMap<ParamId, Vec<f32>>;

/// Everything that training changes, on the host.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Memory {
    /// The weights.
    pub weights: Numbers,
    /// Their averages.
    pub averages: Numbers,
    /// AdamW's first and second moments.
    pub moments: [Numbers; 2],
}

impl Learner {
    /// Everything that training has changed so far.
    ///
    /// # Errors
    /// The device failed.
    pub fn memory(&self) -> Result<Memory, DeviceError> {
        block_on(self.memory_read())
    }

    /// The same for a page, whose thread must not wait.
    ///
    /// # Errors
    /// The device failed.
    pub async fn memory_read(&self) -> Result<Memory, DeviceError> {
        let read = self.read(self.all().into_iter().flat_map(handles).collect());
        let read = read.await?;
        let count = self.store.weights.each().len();
        let numbers = |i: usize| self.numbers(&read[i * count..(i + 1) * count]);
        Ok(Memory {
            weights: numbers(0),
            averages: numbers(1),
            moments: [numbers(2), numbers(3)],
        })
    }

    /// The gradients of the last step, before clipping.
    ///
    /// # Errors
    /// The device failed.
    pub async fn gradients(&self) -> Result<Numbers, DeviceError> {
        let read = self.read(handles(&self.slopes).collect()).await?;
        Ok(self.numbers(&read))
    }

    /// Takes `memory` for what has been learned so far.
    pub fn remember(&mut self, memory: &Memory) {
        let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let Memory {
            weights,
            averages,
            moments: [first, second],
        } = memory;
        let numbers = [weights, averages, first, second];
        self.store.weights.on_its_stream(|| {
            for (pieces, numbers) in self.all().into_iter().zip(numbers) {
                pieces.write(self.buffer(numbers), self.client);
            }
        });
    }

    /// The buffers of what training changes, in the order of [`Memory`].
    fn all(&self) -> [&Pieces; 4] {
        let [first, second] = &self.moments;
        [&self.store.weights, &self.averages, first, second]
    }

    pub(super) async fn read(&self, handles: Vec<Handle>) -> Result<Vec<Vec<f32>>, DeviceError> {
        let read = {
            let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
            (self.store.weights).on_its_stream(|| self.client.read_async(handles))
        };
        numbers(read.await)
    }

    /// A buffer's numbers, piece by piece, by parameter.
    fn numbers(&self, pieces: &[Vec<f32>]) -> Numbers {
        let values = match pieces {
            [one] => Cow::Borrowed(&one[..]),
            several => Cow::Owned(several.concat()),
        };
        let of = |slot: &Slot| (slot.id, slot.indices().map(|i| values[i]).collect());
        self.plan.parameters.slots.iter().map(of).collect()
    }

    /// The buffer of these numbers.
    fn buffer(&self, numbers: &Numbers) -> Vec<f32> {
        let mut values = vec![0.0; self.turned.cuts().len()];
        for slot in &self.plan.parameters.slots {
            let of = numbers.get(&slot.id).into_iter().flatten();
            for (i, &value) in slot.indices().zip(of) {
                values[i] = value;
            }
        }
        values
    }
}

/// Each piece.
fn handles(pieces: &Pieces) -> impl Iterator<Item = Handle> {
    pieces.each().iter().map(|piece| piece.handle.clone())
}

//! What training changes, by parameter: to the device and back, to the bit.

use super::Learner;
use crate::unet::gpu::device::TURN;
use crate::unet::gpu::engine::{DeviceError, numbers};
use crate::unet::gpu::parameters::Slot;
use burn::module::ParamId;
use cubecl::bytes::Bytes;
use cubecl::future::block_on;
use cubecl::server::Handle;
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
        let pieces = [
            &self.store.weights,
            &self.averages,
            &self.moments[0],
            &self.moments[1],
        ];
        let read = self.read(pieces.map(|piece| piece.handle.clone()).to_vec());
        let read = read.await?;
        let numbers = |i: usize| self.numbers(&read[i]);
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
        let read = self.read(vec![self.slopes.handle.clone()]).await?;
        Ok(self.numbers(&read[0]))
    }

    /// Takes `memory` for what has been learned so far.
    pub fn remember(&mut self, memory: &Memory) {
        let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let Memory {
            weights,
            averages,
            moments: [first, second],
        } = memory;
        let pieces = [
            &self.store.weights,
            &self.averages,
            &self.moments[0],
            &self.moments[1],
        ];
        self.store.weights.on_its_stream(|| {
            for (piece, numbers) in pieces.into_iter().zip([weights, averages, first, second]) {
                let values = self.buffer(numbers);
                self.client.write(&piece.handle, Bytes::from_elems(values));
            }
        });
    }

    pub(super) async fn read(&self, handles: Vec<Handle>) -> Result<Vec<Vec<f32>>, DeviceError> {
        let read = {
            let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
            (self.store.weights).on_its_stream(|| self.client.read_async(handles))
        };
        numbers(read.await)
    }

    /// A buffer's numbers by parameter.
    fn numbers(&self, values: &[f32]) -> Numbers {
        let of = |slot: &Slot| (slot.id, slot.indices().map(|i| values[i]).collect());
        self.plan.parameters.slots.iter().map(of).collect()
    }

    /// The buffer of these numbers.
    fn buffer(&self, numbers: &Numbers) -> Vec<f32> {
        let mut values = vec![0.0; self.turned.len];
        for slot in &self.plan.parameters.slots {
            let of = numbers.get(&slot.id).into_iter().flatten();
            for (i, &value) in slot.indices().zip(of) {
                values[i] = value;
            }
        }
        values
    }
}

//! Features of an evaluation, on slices.

use super::memory;
use std::rc::Rc;

/// Features `[n, c, h, w]`, shared by everything that reads them. Their memory comes from [`memory::buffer`], and is used
/// again after the last of these.
#[derive(Debug, Clone)]
pub(in crate::unet) struct Features(Rc<Held>);

#[derive(Debug)]
struct Held {
    values: Vec<f32>,
    shape: [usize; 4],
    /// Whether they are a caller's: kept, every evaluation would add to the unused memory.
    given: bool,
}

impl Drop for Held {
    fn drop(&mut self) {
        if !self.given {
            memory::keep(std::mem::take(&mut self.values));
        }
    }
}

impl Features {
    /// `values`, row by row.
    pub(super) fn new(values: Vec<f32>, shape: [usize; 4]) -> Self {
        Self(Rc::new(Held {
            values,
            shape,
            given: false,
        }))
    }

    /// The same of a caller's values.
    pub(in crate::unet) fn given(values: Vec<f32>, shape: [usize; 4]) -> Self {
        Self(Rc::new(Held {
            values,
            shape,
            given: true,
        }))
    }

    /// Row by row.
    pub(in crate::unet) fn values(&self) -> &[f32] {
        &self.0.values
    }

    /// `[n, c, h, w]`.
    pub(in crate::unet) fn shape(&self) -> [usize; 4] {
        self.0.shape
    }

    /// The values, without a copy where nothing else reads them.
    pub(in crate::unet) fn into_values(self) -> Vec<f32> {
        match Rc::try_unwrap(self.0) {
            Ok(mut held) => std::mem::take(&mut held.values),
            Err(shared) => shared.values.clone(),
        }
    }

    /// `f` of every value.
    pub(in crate::unet) fn map(self, f: impl Fn(&mut [f32])) -> Self {
        let (shape, given) = (self.shape(), self.0.given);
        let mut values = self.into_values();
        f(&mut values);
        Self(Rc::new(Held {
            values,
            shape,
            given,
        }))
    }
}

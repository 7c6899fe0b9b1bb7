//! Transformed filters that a layer keeps: where an image has few tiles, transforming the filters takes longer than using them.
//!
//! They take up to four times the memory of the weights, so all layers together keep at most [`MOST`] values.

use super::super::FlexTensor;
use super::super::conv::ConvShape;
use super::super::simd::{Simd, Vectorised, dispatch};
use super::forms::{Form, Four, Two};
use super::{Choice, Filters, block_len, transform_filters};
use std::marker::PhantomData;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Values that are kept at most: 32 MiB of them.
const MOST: usize = 1 << 23;

/// Values that are kept.
static TOTAL: AtomicUsize = AtomicUsize::new(0);

/// What a layer keeps. A copy of the layer begins with nothing.
#[derive(Debug, Default)]
pub(in crate::unet) struct KeptFilters(OnceLock<Option<Kept>>);

impl Clone for KeptFilters {
    fn clone(&self) -> Self {
        Self::default()
    }
}

#[derive(Debug)]
struct Kept {
    /// What was transformed. As long as it is held here, nobody writes to its memory.
    weight: FlexTensor,
    choice: Choice,
    values: Vec<f32>,
}

impl Drop for Kept {
    fn drop(&mut self) {
        TOTAL.fetch_sub(self.values.len(), Ordering::Relaxed);
    }
}

impl KeptFilters {
    /// `weight` transformed, if it is what this layer keeps, or if there is room to keep it.
    pub(in super::super) fn of(
        &self,
        weight: &FlexTensor,
        shape: &ConvShape,
        choice: Choice,
    ) -> Option<&[f32]> {
        let kept = self.0.get_or_init(|| Kept::new(weight, shape, choice));
        let kept = kept.as_ref()?;
        let is_same = std::ptr::eq(kept.weight.storage::<f32>(), weight.storage::<f32>());
        (is_same && kept.choice == choice).then_some(&kept.values)
    }
}

impl Kept {
    fn new(weight: &FlexTensor, shape: &ConvShape, choice: Choice) -> Option<Self> {
        let mut values = Vec::new();
        let filters = Filters {
            weight: weight.storage(),
            turned: false,
        };
        match choice {
            Choice::Two => dispatch(All::<Two>(filters, shape, &mut values, PhantomData)),
            Choice::Four => dispatch(All::<Four>(filters, shape, &mut values, PhantomData)),
        }
        (!values.is_empty()).then(|| Self {
            weight: weight.clone(),
            choice,
            values,
        })
    }
}

/// All filters of a layer; nothing is written if there is no room.
struct All<'a, F>(Filters<'a>, &'a ConvShape, &'a mut Vec<f32>, PhantomData<F>);

impl Vectorised for All<'_, Two> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        all::<S, Two, 4, 2>(simd, self.0, self.1, self.2);
    }
}

impl Vectorised for All<'_, Four> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        all::<S, Four, 6, 4>(simd, self.0, self.1, self.2);
    }
}

#[inline(always)]
fn all<S: Simd, F: Form<IN, OUT>, const IN: usize, const OUT: usize>(
    simd: S,
    filters: Filters,
    shape: &ConvShape,
    values: &mut Vec<f32>,
) {
    let wide = block_len::<S, IN>(shape.c_in, 2);
    let len = shape.c_out.div_ceil(2 * S::LANES) * wide;
    if TOTAL.fetch_add(len, Ordering::Relaxed) + len > MOST {
        TOTAL.fetch_sub(len, Ordering::Relaxed);
        return;
    }
    values.resize(len, 0.0);
    let mut aside = Vec::new();
    for (i, to) in values.chunks_exact_mut(wide).enumerate() {
        let first = i * 2 * S::LANES;
        if S::LANES < shape.c_out - first {
            transform_filters::<S, F, IN, OUT, 2>(simd, filters, shape, first, &mut aside, to);
        } else {
            transform_filters::<S, F, IN, OUT, 1>(simd, filters, shape, first, &mut aside, to);
        }
    }
}

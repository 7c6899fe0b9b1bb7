//! What a convolution and the gradient of its filters have in common: how images are cut into tiles, and in which order
//! their parts are computed.

use super::super::conv::ConvShape;
use super::super::simd::{Simd, Vectorised, dispatch};
use super::Choice;
use super::forms::{Form, Four, Two};
use super::input::Input;
use std::marker::PhantomData;
use std::ops::Range;

/// Values that the transformed tiles may take together, where filters are transformed for every group of them: what caches of
/// the second level hold.
pub(super) const MANY: usize = 1 << 19;
/// The same where filters are transformed already: the products of a block fit the caches beside them.
pub(super) const FEW: usize = 1 << 17;

/// How much is computed at a time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cut {
    /// Rows and columns of tiles in an image.
    pub(super) grid: [usize; 2],
    /// Images, one after the other.
    pub(super) images: usize,
    /// Rows of tiles.
    pub(super) rows: usize,
}

impl Cut {
    /// At most `values` and no more than `most_images`, in groups of nearly the same size, a multiple of `groups`
    /// of them: what is left over at the end would keep one thread waiting for another.
    pub(super) fn of(
        shape: &ConvShape,
        choice: Choice,
        values: usize,
        most_images: usize,
        groups: usize,
    ) -> Self {
        let out = choice.out();
        let grid = [shape.h_out.div_ceil(out), shape.w_out.div_ceil(out)];
        let points = (out + 2) * (out + 2);
        let tiles = (values / (points * shape.c_in)).max(16);
        let most = (tiles / (grid[0] * grid[1])).clamp(1, most_images.max(1));
        let groups = shape.n.div_ceil(most).next_multiple_of(groups).max(1);
        Self {
            grid,
            images: shape.n.div_ceil(groups).max(1),
            rows: (tiles / grid[1]).clamp(1, grid[0]),
        }
    }
}

/// Some images, one after the other.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part<'a> {
    /// `[images, c_in, h, w]`
    pub(super) x: &'a [f32],
    pub(super) shape: &'a ConvShape,
    pub(super) cut: Cut,
}

impl Part<'_> {
    pub(super) fn images(&self) -> usize {
        self.x.len() / (self.shape.c_in * self.shape.h * self.shape.w)
    }
}

/// What is computed of some images from their transformed tiles.
pub(super) trait Work<'a> {
    fn part(&self) -> Part<'a>;

    /// Memory for some channels of an image with their padding, and for its transformed tiles.
    fn input(&mut self) -> [&mut Vec<f32>; 2];

    /// Computes `N` vectors of output channels from `first` on, for these rows of tiles.
    fn block<S: Simd, F: Form<IN, OUT>, const IN: usize, const OUT: usize, const N: usize>(
        &mut self,
        simd: S,
        rows: &Range<usize>,
        first: usize,
    );
}

/// Does the work with the transforms chosen and the widest vectors there are.
pub(super) fn carry_out<'a>(work: impl Work<'a>, choice: Choice) {
    match choice {
        Choice::Two => dispatch(Formed::<_, Two>(work, PhantomData)),
        Choice::Four => dispatch(Formed::<_, Four>(work, PhantomData)),
    }
}

struct Formed<W, F>(W, PhantomData<F>);

impl<'a, W: Work<'a>> Vectorised for Formed<W, Two> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        run::<S, W, Two, 4, 2>(simd, self.0);
    }
}

impl<'a, W: Work<'a>> Vectorised for Formed<W, Four> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        run::<S, W, Four, 6, 4>(simd, self.0);
    }
}

#[inline(always)]
fn run<'a, S: Simd, W: Work<'a>, F: Form<IN, OUT>, const IN: usize, const OUT: usize>(
    simd: S,
    mut work: W,
) {
    let Part { x, shape, cut } = work.part();
    for top in (0..cut.grid[0]).step_by(cut.rows) {
        let rows = top..(top + cut.rows).min(cut.grid[0]);
        let input = Input {
            x,
            shape,
            across: cut.grid[1],
            rows: rows.clone(),
        };
        let [padded, v] = work.input();
        input.transform::<S, F, IN, OUT>(simd, padded, v);
        let mut first = 0;
        while first < shape.c_out {
            if S::LANES < shape.c_out - first {
                work.block::<S, F, IN, OUT, 2>(simd, &rows, first);
                first += 2 * S::LANES;
            } else {
                work.block::<S, F, IN, OUT, 1>(simd, &rows, first);
                first += S::LANES;
            }
        }
    }
}

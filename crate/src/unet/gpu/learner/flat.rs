//! A whole step, and its launches over the flat buffers: all parameters one after the other, piece by piece.

use super::Learner;
use crate::unet::gpu::kernels::elements::turn;
use crate::unet::gpu::kernels::learn::{adamw, gather, judge};
use crate::unet::gpu::learn_launch::UNITS;
use crate::unet::gpu::reverse::Step;
use crate::unet::gpu::store::{Piece, argument, cubes};
use cubecl::prelude::*;

/// All of a piece.
fn whole(piece: &Piece) -> BufferArg {
    argument(piece.handle.clone(), piece.len)
}

#[allow(
    unsafe_code,
    clippy::undocumented_unsafe_blocks,
    reason = "the buffers of a piece have `len` numbers each, and its tables a row for each 64 of them"
)]
impl Learner {
    /// Enqueues all launches of a step.
    pub(super) fn launch_all(&self) {
        for step in &self.reverse.steps {
            self.launch(step);
            if let Step::Loss = step {
                self.each_piece(|piece, len, grid, dim| unsafe {
                    turn::launch_unchecked(
                        self.client,
                        grid,
                        dim,
                        whole(&self.store.weights.each()[piece]),
                        self.turn_tables[piece].argument(),
                        whole(&self.turned.each()[piece]),
                        len,
                        UNITS,
                    );
                });
            }
        }
        let (squares, of_pieces) = &self.squares;
        self.each_piece(|piece, len, grid, dim| unsafe {
            let range = of_pieces[piece].clone();
            gather::launch_unchecked(
                self.client,
                grid,
                dim,
                whole(&self.parts.each()[piece]),
                self.gather_tables[piece].argument(),
                whole(&self.rates),
                whole(&self.slopes.each()[piece]),
                argument(squares.part(range.clone()), range.len()),
                len,
                UNITS,
            );
        });
        unsafe {
            judge::launch_unchecked(
                self.client,
                cubes(1),
                CubeDim::new_1d(UNITS as u32),
                self.store.tensor(&self.reverse.extra.losses, 1),
                whole(squares),
                whole(&self.rates),
                whole(&self.report),
                self.store.images,
                squares.len,
                UNITS,
            );
        }
        self.each_piece(|piece, len, grid, dim| unsafe {
            adamw::launch_unchecked(
                self.client,
                grid,
                dim,
                whole(&self.slopes.each()[piece]),
                whole(&self.rates),
                whole(&self.report),
                whole(&self.store.weights.each()[piece]),
                whole(&self.moments[0].each()[piece]),
                whole(&self.moments[1].each()[piece]),
                whole(&self.averages.each()[piece]),
                len,
                UNITS,
            );
        });
    }

    /// Does `launch` for each piece, with its numbers and a thread for each of them.
    fn each_piece(&self, launch: impl Fn(usize, usize, CubeCount, CubeDim)) {
        for (piece, Piece { len, .. }) in self.turned.each().iter().enumerate() {
            let grid = cubes(len.div_ceil(UNITS));
            launch(piece, *len, grid, CubeDim::new_1d(UNITS as u32));
        }
    }
}

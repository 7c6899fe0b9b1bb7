//! What a convolution in tiles is compiled for, and the sizes of its tiles.

use crate::unet::activation::Activation;

/// Channels of the input in a tile, a multiple of the widest vector.
pub(crate) const DEPTH: usize = 16;
/// Channels of the output that a thread has.
pub(crate) const COLUMNS: usize = 4;

/// What a kernel is compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct TileKind {
    /// Side of the window: 1 or 3.
    pub(crate) window: usize,
    pub(crate) stride: usize,
    /// Rows and columns of zeros before the first.
    pub(crate) padding: usize,
    /// How many pixels each pixel of the input stands for along an axis: 1 or 2.
    pub(crate) times: usize,
    /// The input's pixels lie so far apart, with zeros between.
    pub(crate) spread: usize,
    /// Widths of the vectors of the input and of the output.
    pub(crate) n: usize,
    pub(crate) m: usize,
    /// Threads of a workgroup along the channels and along the pixels; pixels of a thread.
    pub(crate) across: usize,
    pub(crate) down: usize,
    pub(crate) rows: usize,
    /// Biases that are added: of the window, and of the projection.
    pub(crate) biases: usize,
    pub(crate) scaled: bool,
    /// Whether each pixel of the plain residual stands for four.
    pub(crate) plain_doubled: bool,
    /// Whether the result is added to what is there.
    pub(crate) adds: bool,
    pub(crate) activation: Option<Activation>,
}

impl TileKind {
    /// The kind that a projection of the same pixels is.
    pub(super) fn projection(self) -> Self {
        Self {
            window: 1,
            stride: 1,
            padding: 0,
            times: 1,
            spread: 1,
            ..self
        }
    }

    /// Threads of a workgroup.
    pub(crate) fn units(self) -> usize {
        self.across * self.down
    }

    /// Vectors of a thread's channels.
    pub(super) fn lanes(self) -> usize {
        COLUMNS / self.m
    }

    /// Vectors of the input's channels in a tile.
    pub(super) fn depth(self) -> usize {
        DEPTH / self.n
    }

    /// Vectors of the output's channels in a tile.
    pub(crate) fn width(self) -> usize {
        self.across * COLUMNS / self.m
    }

    /// Pixels in a tile.
    pub(crate) fn height(self) -> usize {
        self.down * self.rows
    }

    /// Vectors of the input's tile that a thread loads.
    pub(super) fn loads(self) -> usize {
        self.height() * self.depth() / self.units()
    }

    /// Vectors of the weights' tile that a thread loads.
    pub(super) fn weight_loads(self) -> usize {
        (DEPTH * self.width()).div_ceil(self.units())
    }
}

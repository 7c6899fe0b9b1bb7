//! Memory on the device: pieces, and where a list of launches has its tensors in them.

use super::format::Format;
use super::memory::Layout;
use super::pieces::Pieces;
use super::plan::{Features, MOST_CUBES, Vector};
use cubecl::bytes::Bytes;
use cubecl::client::Client;
use cubecl::prelude::*;
use cubecl::server::Handle;
use std::ops::Range;
use thiserror::Error;

/// More than the device takes at once.
#[derive(Debug, Error, Clone, Copy, PartialEq, Eq)]
pub(super) enum TooLarge {
    /// Its memory.
    #[error("a buffer of {0} bytes is needed, but the device allows at most {1}")]
    Memory(u64, u64),
    /// Its grids.
    #[error("{0} images at once are too many for a GPU, which takes at most {MOST_CUBES}")]
    Images(usize),
}

impl TooLarge {
    /// So many numbers in one piece, of which there may be `most`.
    pub(super) fn of(numbers: usize, most: usize, format: Format) -> Self {
        let bytes = |numbers: usize| numbers as u64 * format.bytes() as u64;
        Self::Memory(bytes(numbers), bytes(most))
    }
}

/// Numbers on the device, in one piece.
#[derive(Debug, Clone)]
pub(super) struct Piece {
    pub(super) handle: Handle,
    pub(super) len: usize,
    format: Format,
}

impl Piece {
    /// Memory for `len` numbers in float32.
    pub(super) fn new(len: usize, client: &Client) -> Result<Self, TooLarge> {
        Self::stored(len, Format::Single, client)
    }

    /// Memory for `len` numbers, a whole number of words.
    pub(super) fn stored(len: usize, format: Format, client: &Client) -> Result<Self, TooLarge> {
        Self::fits(len, format, client)?;
        let handle = client.empty(len * format.bytes());
        Ok(Self {
            handle,
            len,
            format,
        })
    }

    /// Memory that holds `len` zeros.
    pub(super) fn zeros(len: usize, client: &Client) -> Result<Self, TooLarge> {
        Self::of(vec![0.0; len], client)
    }

    /// Memory that holds `values`.
    pub(super) fn of(values: Vec<f32>, client: &Client) -> Result<Self, TooLarge> {
        let (len, format) = (values.len(), Format::Single);
        Self::fits(len, format, client)?;
        let handle = client.create(Bytes::from_elems(values));
        Ok(Self {
            handle,
            len,
            format,
        })
    }

    /// The most numbers that the device has room for in one piece.
    pub(super) fn most(format: Format, client: &Client) -> usize {
        let bytes = client.properties().memory.max_page_size;
        usize::try_from(bytes / format.bytes() as u64).unwrap_or(usize::MAX)
    }

    /// Whether the device has so much in one piece.
    fn fits(len: usize, format: Format, client: &Client) -> Result<(), TooLarge> {
        let most = Self::most(format, client);
        match len > most {
            true => Err(TooLarge::of(len, most, format)),
            false => Ok(()),
        }
    }

    /// Does `f` on the stream that the memory was made on, whichever thread this is.
    pub(super) fn on_its_stream<T>(&self, f: impl FnOnce() -> T) -> T {
        self.handle.stream.executes(f)
    }

    /// A range of it, and what fills up its last word.
    pub(super) fn part(&self, range: Range<usize>) -> Handle {
        let bytes = |numbers: usize| numbers as u64 * self.format.bytes() as u64;
        let end = range.start + self.format.words(range.len());
        (self.handle.clone())
            .offset_start(bytes(range.start))
            .offset_end(bytes(self.len - end))
    }
}

/// The tensors of a list of launches for so many images, and the network's parameters.
#[derive(Debug)]
pub(super) struct Store {
    pub(super) images: usize,
    pub(super) weights: Pieces,
    /// What the host writes.
    given: Piece,
    /// What the launches write.
    buffers: Vec<Piece>,
    layout: Layout,
}

impl Store {
    /// Memory for `layout`, which is for `images` images.
    ///
    /// # Errors
    /// More of it in one piece than the device has, or more images than a grid.
    pub(super) fn new(
        layout: Layout,
        images: usize,
        weights: &Pieces,
        client: &Client,
    ) -> Result<Self, TooLarge> {
        if images > MOST_CUBES {
            return Err(TooLarge::Images(images));
        }
        Ok(Self {
            images,
            weights: weights.clone(),
            given: Piece::new(layout.given_len, client)?,
            buffers: (layout.buffers.iter())
                .map(|&len| Piece::new(len, client))
                .collect::<Result<_, _>>()?,
            layout,
        })
    }

    /// Writes zeros to the tensor of this number and size for one image.
    pub(super) fn zero(&self, id: usize, size: usize, client: &Client) {
        let (h, w) = (1, 1);
        let handle = self.handle(&Features { id, h, w, c: size });
        client.write(
            &handle,
            Bytes::from_elems(vec![0.0_f32; size * self.images]),
        );
    }

    /// Writes what the host gives, each part for all images.
    pub(super) fn write(&self, parts: &[&[f32]], client: &Client) {
        let values = Bytes::from_elems(self.layout.given(parts));
        client.write(&self.given.handle, values);
    }

    /// The memory that the host writes.
    pub(super) fn given(&self) -> BufferArg {
        argument(self.given.handle.clone(), self.given.len)
    }

    /// Where in that a tensor begins.
    pub(super) fn begin(&self, given: &Features) -> usize {
        self.layout.positions[given.id]
    }

    /// The memory of a tensor.
    pub(super) fn handle(&self, features: &Features) -> Handle {
        let position = self.layout.positions[features.id];
        let size = features.size() * self.images;
        match self.layout.is_given(features) {
            true => self.given.part(position..position + size),
            false => self.buffers[position].part(0..size),
        }
    }

    /// The first number of a tensor that is not given by the host.
    pub(super) fn first(&self, features: &Features) -> Handle {
        self.buffers[self.layout.positions[features.id]].part(0..1)
    }

    pub(super) fn tensor(&self, features: &Features, width: usize) -> BufferArg {
        argument(self.handle(features), features.size() * self.images / width)
    }

    pub(super) fn parameters(&self, range: &Range<usize>, width: usize) -> BufferArg {
        let len = range.len() / width;
        argument(self.weights.part(range.clone()), len)
    }

    pub(super) fn vector(&self, vector: &Option<Vector>, width: usize) -> Option<BufferArg> {
        vector.map(|vector| self.tensor(&vector.rows, width))
    }
}

/// A kernel's argument: `len` vectors at `handle`.
#[allow(unsafe_code)]
pub(super) fn argument(handle: Handle, len: usize) -> BufferArg {
    // SAFETY: the handle has been cut to this many vectors.
    unsafe { BufferArg::from_raw_parts(handle, len) }
}

/// `count` workgroups, on two axes where one is too short; those beyond the last find nothing to do.
pub(super) fn cubes(count: usize) -> CubeCount {
    let rows = count.div_ceil(MOST_CUBES);
    CubeCount::new_2d(count.div_ceil(rows) as u32, rows as u32)
}

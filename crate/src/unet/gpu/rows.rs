//! The vectors of a plan: what timestep and label say to each block.
//!
//! All linear layers of one vector are one launch, and all vectors are there before the features that need them. An activation
//! and a sum happen in the launch that makes the vector, because it waits until all that read it are known.

use super::parameters::BESIDE;
use super::plan::{Conv, Features, Vector};
use crate::unet::activation::Activation;
use crate::unet::layers::Linear;

/// A vector for each image, with or without an activation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    vector: Vector,
    activation: Option<Activation>,
}

impl Row {
    /// Whole tensors of `[n, c]`.
    pub(super) fn of(rows: Features) -> Self {
        Self {
            vector: Vector { rows, at: 0 },
            activation: None,
        }
    }

    /// The activation of it.
    pub(super) fn activate(self, activation: Activation) -> Self {
        Self {
            activation: Some(activation),
            ..self
        }
    }
}

/// The linear layers of one vector, all in one launch.
#[derive(Debug)]
struct Linears {
    of: Vector,
    /// Shared with the network: all of them copied were a tenth of it.
    layers: Vec<Linear>,
    /// Added to their outputs.
    plus: Option<Vector>,
    /// The activation that whoever reads them wants; `None` as long as nobody has.
    activation: Option<Option<Activation>>,
    /// Their outputs, each from a multiple of [`BESIDE`] on.
    out: Features,
}

/// All vectors that launches make.
#[derive(Debug, Default)]
pub(super) struct Rows {
    linears: Vec<Linears>,
    /// Why the kernels cannot make them.
    pub(super) unsupported: Option<String>,
}

impl Rows {
    /// `layer` of `row`; `tensor` gives the number of a new tensor.
    pub(super) fn linear(
        &mut self,
        row: Row,
        layer: &Linear,
        tensor: impl FnOnce() -> usize,
    ) -> Row {
        let of = self.read(row);
        let open = |linears: &Linears| linears.of == of && linears.plus.is_none();
        let at = self.linears.iter().position(open).unwrap_or_else(|| {
            let out = Features {
                id: tensor(),
                h: 1,
                w: 1,
                c: 0,
            };
            self.linears.push(Linears {
                of,
                layers: Vec::new(),
                plus: None,
                activation: None,
                out,
            });
            self.linears.len() - 1
        });
        let linears = &mut self.linears[at];
        // The width is known when the last layer has been named.
        let rows = Features {
            c: 0,
            ..linears.out
        };
        let at = linears.out.c;
        linears.out.c += layer.width().next_multiple_of(BESIDE);
        linears.layers.push(layer.clone());
        Row {
            vector: Vector { rows, at },
            activation: None,
        }
    }

    /// The sum of two vectors, of which nobody has read the first.
    pub(super) fn add(&mut self, row: Row, other: Row) -> Row {
        let other = self.read(other);
        let id = row.vector.rows.id;
        let waits = |linears: &Linears| {
            let is_read = linears.activation.is_some() || linears.plus.is_some();
            linears.out.id == id && linears.layers.len() == 1 && !is_read
        };
        match self.linears.iter().position(waits) {
            Some(at) => {
                // What is added may have been named later, and has to be there before.
                let mut linears = self.linears.remove(at);
                linears.plus = Some(other);
                self.linears.push(linears);
            }
            None => self.expect(false, "a sum with a vector that is there already"),
        }
        row
    }

    /// Where a vector will be; all that read it have to agree on the activation.
    pub(super) fn read(&mut self, row: Row) -> Vector {
        let linears = (self.linears.iter_mut()).find(|l| l.out.id == row.vector.rows.id);
        let activation =
            linears.and_then(|linears| *linears.activation.get_or_insert(row.activation));
        let agree = activation == row.activation;
        self.expect(agree, "a vector with and without an activation");
        row.vector
    }

    /// Whole tensors in place of those whose width was not known.
    pub(super) fn whole(&self, rows: Features) -> Features {
        let found = self
            .linears
            .iter()
            .find(|linears| linears.out.id == rows.id);
        found.map_or(rows, |linears| linears.out)
    }

    /// The launches that make all vectors, in order, each with its layers but no weights yet.
    pub(super) fn launches(&mut self) -> Vec<(Vec<Linear>, Conv)> {
        let mut launches = Vec::with_capacity(self.linears.len());
        for linears in &self.linears {
            let input = self.whole(linears.of.rows);
            let reads_all = |layer: &Linear| layer.input_width() == input.c;
            if linears.of.at != 0 || !linears.layers.iter().all(reads_all) {
                let reason = "a linear layer of a part of a vector";
                self.unsupported.get_or_insert(reason.into());
            }
            let conv = Conv {
                inputs: vec![input],
                weights: 0..0,
                projection: None,
                bias: None,
                projection_bias: None,
                window: 1,
                stride: 1,
                padding: 0,
                doubled: false,
                vector: linears.plus,
                plain: None,
                plain_doubled: false,
                projected: Vec::new(),
                divisor: None,
                activation: linears.activation.flatten(),
                out: linears.out,
                adds: false,
                turned: None,
            };
            launches.push((linears.layers.clone(), conv));
        }
        launches
    }

    fn expect(&mut self, fits: bool, otherwise: &str) {
        if !fits {
            self.unsupported.get_or_insert(otherwise.into());
        }
    }
}

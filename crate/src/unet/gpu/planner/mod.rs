//! Takes down a network's launches, for any number of images: the [`Executor`] that computes nothing.
//!
//! At batch 1 the number of launches is the time, so that what a reader can do by itself is no launch: it reads features
//! where they lie side by side, takes each pixel for four, and adds a 1x1 convolution to its own sum.

mod view;

use super::layer::{HostConv, vector_width};
use super::parameters::{Layout, To};
use super::plan::{
    ALIGN, Attend, Classes, Features, Filtered, Given, Launch, MOST_CUBES, Norm, Plan, Unsupported,
};
use super::rows::{Row, Rows};
use crate::unet::UNet;
use crate::unet::activation::Activation;
use crate::unet::config::ClassEmbedType;
use crate::unet::dropout::Dropped;
use crate::unet::executor::{Executor, Finish, Heads, Then};
use crate::unet::layers::{Conv2d, Embedding, Frequencies, GroupNorm, Linear};
use crate::unet::look::Stage;
use crate::unet::resample::Filter;
use burn::nn::Dropout;
use std::cell::Cell;
use std::rc::Rc;
use view::{Projection, View};

/// Vectors of the widest head that the attention kernel sums: 16 for each of the 16 threads that share a query.
const WIDEST_HEAD: usize = 256;

impl UNet {
    /// The launches of one evaluation, for any number of images.
    pub(super) fn launches(&self) -> Result<Plan, Unsupported> {
        self.launches_with(To::Host, ALIGN)
    }

    /// The same with its parameters elsewhere, those of each layer from a multiple of `align` on.
    ///
    /// # Errors
    /// See [`UNet::launches`].
    pub(super) fn launches_with(&self, to: To<'_>, align: usize) -> Result<Plan, Unsupported> {
        let config = self.config();
        let [h, w] = config.sample_size;
        let timestep = config.timestep_width();
        let class = match config.class_embed_type {
            Some(ClassEmbedType::Timestep) => timestep,
            Some(ClassEmbedType::Identity) | None => config.time_channels(),
        };
        let parameters = Layout::new(to, align);
        let mut planner = Planner::new([h, w, config.in_channels], timestep, class, parameters);
        let x_t = View::of(planner.given.x);
        let out = self.evaluate(&mut planner, x_t);
        planner.finish(out)
    }
}

/// Takes down a network's launches in their order.
struct Planner<'a> {
    sizes: Vec<usize>,
    given: Given,
    classes: Option<Classes>,
    labels_are_timesteps: bool,
    frequencies: Option<Vec<f32>>,
    divided_by_timestep: bool,
    rows: Rows,
    launches: Vec<Launch>,
    parameters: Layout<'a>,
    stages: Vec<(Stage, Features)>,
    /// Whether a look inside shows the next attention.
    shows_attention: bool,
    bottom: Option<(Features, usize)>,
    /// Layers with dropout so far.
    dropouts: u32,
    unsupported: Option<String>,
}

impl Executor for Planner<'_> {
    type Features = View;
    type Vector = Row;

    fn timestep(&mut self, frequencies: Option<&Frequencies>) -> Row {
        self.frequencies = frequencies.map(Frequencies::host);
        Row::of(self.given.timestep)
    }

    fn label(&mut self, table: &Embedding) -> Option<Row> {
        let values = table.host();
        self.classes = Some(Classes {
            range: self.parameters.table(table.weight.id, &values),
            values,
        });
        Some(Row::of(self.given.class))
    }

    fn label_as_timestep(&mut self, _: Option<&Frequencies>) -> Row {
        self.labels_are_timesteps = true;
        Row::of(self.given.class)
    }

    fn linear(&mut self, row: Row, layer: &Linear) -> Row {
        self.rows.linear(row, layer, || {
            self.sizes.push(0);
            self.sizes.len() - 1
        })
    }

    fn activate(&mut self, row: Row, activation: Activation) -> Row {
        row.activate(activation)
    }

    fn add(&mut self, row: Row, other: Row) -> Row {
        self.rows.add(row, other)
    }

    fn conv(&mut self, x: View, layer: &Conv2d, then: Finish<Self>) -> View {
        let layer = layer.host();
        let plain = then.vector.is_none() && then.residual.is_none() && then.divisor == 1.0;
        if plain && layer.window == 1 && layer.stride == 1 && x.projection.is_none() && !x.doubled {
            return View {
                projection: Some(Rc::new(Projection {
                    layer,
                    out: Cell::new(None),
                })),
                ..x
            };
        }
        let vector = then.vector.map(|row| self.rows.read(row));
        View::of(self.convolve(x, &layer, vector, then.residual, then.divisor))
    }

    fn norm(&mut self, x: View, layer: &GroupNorm, then: Then<Row>) -> View {
        let x = self.computed(x);
        self.expect(!x.doubled, "a normalisation after an upsampling");
        let c = x.parts.iter().map(|x| x.c).sum();
        let out = self.tensor(x.parts[0].h, x.parts[0].w, c);
        let layer = layer.host();
        self.expect(layer.groups <= MOST_CUBES, "norm_num_groups is too large");
        let (vector, activation) = match then {
            Then::Nothing => (None, None),
            Then::Activate(activation) => (None, Some(activation)),
            Then::ScaleShift(row, activation) => (Some(self.rows.read(row)), Some(activation)),
        };
        let norm = Norm {
            inputs: x.parts,
            affine: self.parameters.affine(&layer),
            groups: layer.groups,
            eps: layer.eps,
            vector,
            activation,
            dropped: None,
            out,
        };
        self.launches.push(Launch::Norm(norm));
        View::of(out)
    }

    fn attention(&mut self, x: View, heads: Heads<'_>, residual: View, divisor: f64) -> View {
        let (head_dim, heads_n) = (heads.head_dim, heads.heads);
        let layers = [heads.to_q, heads.to_k, heads.to_v].map(Linear::host);
        let layers = HostConv::beside(&layers);
        let qkv = self.convolve(x, &layers, None, None, 1.0);
        if std::mem::take(&mut self.shows_attention) {
            self.bottom = Some((qkv, heads_n));
        }
        let out = self.tensor(qkv.h, qkv.w, heads_n * head_dim);
        let widest = WIDEST_HEAD * vector_width([head_dim]);
        self.expect(head_dim <= widest, "attention_head_dim is too large");
        self.expect(
            qkv.h * qkv.w <= MOST_CUBES && heads_n <= MOST_CUBES,
            "attention over too many pixels",
        );
        self.launches.push(Launch::Attend(Attend {
            qkv,
            heads: heads_n,
            head_dim,
            out,
        }));
        let (mixed, to_out) = (View::of(out), heads.to_out.host());
        View::of(self.convolve(mixed, &to_out, None, Some(residual), divisor))
    }

    fn join(&mut self, x: View, skip: View) -> View {
        let (mut x, skip) = (self.computed(x), self.computed(skip));
        self.expect(
            !x.doubled && !skip.doubled && x.parts.len() + skip.parts.len() <= 2,
            "more than two features side by side",
        );
        x.parts.extend(skip.parts);
        x
    }

    fn upsample(&mut self, x: View) -> View {
        let x = self.computed(x);
        self.expect(!x.doubled, "two upsamplings in a row");
        View { doubled: true, ..x }
    }

    fn filter(&mut self, x: View, filter: Filter) -> View {
        let x = self.computed(x);
        let is_there = x.parts.len() == 1 && !x.doubled;
        self.expect(is_there, "a filter of features side by side, or upsampled");
        let (input, taps) = (x.parts[0], filter.taps());
        let [h, w] = [input.h, input.w].map(|side| side * taps.up / taps.down);
        let out = self.tensor(h, w, input.c);
        self.launches.push(Launch::Filter(Filtered {
            input,
            taps,
            out,
            adds: false,
        }));
        View::of(out)
    }

    /// Nothing: beyond the sides a convolution reads zeros.
    fn pad_far_sides(&mut self, x: View) -> View {
        x
    }

    /// No launch: dropout is for training, which finds it with the normalisation before it.
    fn dropout(&mut self, x: View, dropout: &Dropout) -> View {
        let layer = self.dropouts;
        self.dropouts += 1;
        if let Some(dropped) = Dropped::new(layer, dropout) {
            let is_plain = x.parts.len() == 1 && !x.doubled && x.projection.is_none();
            let wrote = |launch: &&mut Launch| launch.writes().id == x.parts[0].id;
            match self.launches.iter_mut().rev().find(wrote) {
                Some(Launch::Norm(norm)) if is_plain => norm.dropped = Some(dropped),
                _ => self.expect(false, "dropout of anything but a normalisation"),
            }
        }
        x
    }

    /// No launch: the host does it to what it reads.
    fn divide_by_timestep(&mut self, x: View) -> View {
        self.divided_by_timestep = true;
        x
    }

    fn stage(&mut self, stage: Stage, x: &View) {
        let x = self.computed(x.clone());
        let is_there = x.parts.len() == 1 && !x.doubled;
        self.expect(is_there, "a stage that ends before a launch");
        self.stages.extend(x.parts.first().map(|&x| (stage, x)));
    }

    fn show_next_attention(&mut self) {
        self.shows_attention = true;
    }
}

impl<'a> Planner<'a> {
    /// Takes down the launches for images of `[h, w, c]`, timesteps of width `timestep` and labels of width `class`.
    fn new([h, w, c]: [usize; 3], timestep: usize, class: usize, parameters: Layout<'a>) -> Self {
        let given = |id, h, w, c| Features { id, h, w, c };
        let given = Given {
            x: given(0, h, w, c),
            timestep: given(1, 1, 1, timestep),
            class: given(2, 1, 1, class),
        };
        Self {
            sizes: given.all().iter().map(Features::size).collect(),
            given,
            classes: None,
            labels_are_timesteps: false,
            frequencies: None,
            divided_by_timestep: false,
            rows: Rows::default(),
            launches: Vec::new(),
            parameters,
            stages: Vec::new(),
            shows_attention: false,
            bottom: None,
            dropouts: 0,
            unsupported: None,
        }
    }

    /// The plan whose result is `out`.
    fn finish(mut self, out: View) -> Result<Plan, Unsupported> {
        let out = self.computed(out);
        let rest = std::mem::take(&mut self.launches);
        let mut rows = std::mem::take(&mut self.rows);
        for (layers, mut conv) in rows.launches() {
            let [weights, bias] = self.parameters.beside(&layers);
            conv.weights = weights;
            conv.bias = Some(bias);
            self.sizes[conv.out.id] = conv.out.c;
            self.launches.push(Launch::Conv(conv));
        }
        self.launches.extend(rest);
        for launch in &mut self.launches {
            let vector = match launch {
                Launch::Conv(conv) => &mut conv.vector,
                Launch::Norm(norm) => &mut norm.vector,
                Launch::Attend(_) | Launch::Filter(_) => &mut None,
            };
            if let Some(vector) = vector {
                vector.rows = rows.whole(vector.rows);
            }
        }
        match (self.unsupported.or(rows.unsupported), out.parts.first()) {
            (Some(reason), _) => Err(Unsupported(reason)),
            (None, None) => Err(Unsupported("it has no output".into())),
            (None, Some(&out)) => Ok(Plan {
                sizes: self.sizes,
                launches: self.launches,
                parameters: self.parameters.finish(),
                given: self.given,
                classes: self.classes,
                labels_are_timesteps: self.labels_are_timesteps,
                frequencies: self.frequencies,
                divided_by_timestep: self.divided_by_timestep,
                out,
                stages: self.stages,
                bottom: self.bottom,
            }),
        }
    }

    fn tensor(&mut self, h: usize, w: usize, c: usize) -> Features {
        self.sizes.push(h * w * c);
        Features {
            id: self.sizes.len() - 1,
            h,
            w,
            c,
        }
    }

    fn expect(&mut self, fits: bool, otherwise: &str) {
        if !fits {
            self.unsupported.get_or_insert(otherwise.into());
        }
    }
}

#[cfg(test)]
mod tests;

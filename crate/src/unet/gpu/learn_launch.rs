//! The launches of a step of training, with their sizes worked out.

use super::kernels::attend::{AttendKind, AttendShapeLaunch};
use super::kernels::attend_slope::{key_slope, query_slope};
use super::kernels::dropout::drop_numbers;
use super::kernels::elements::{activation_slope, add_scaled, table_rows, table_slope};
use super::kernels::learn::{loss_slope, noise_images};
use super::kernels::norm_slope::{NormSlopeKind, NormSlopeShapeLaunch, group_norm_slope};
use super::kernels::sums::{SumsKind, SumsShapeLaunch, sums};
use super::layer::vector_width;
use super::learner::Learner;
use super::plan::{ALIGN, Features, Launch};
use super::product::{Placed, weigh_width};
use super::reverse::{AttendSlope, NormSlope, Step, Sums};
use super::store::{argument, cubes};
use crate::unet::dropout::Dropped;
use cubecl::prelude::*;

/// Threads of a workgroup where each has a number of its own.
pub(super) const UNITS: usize = 256;

#[allow(
    unsafe_code,
    clippy::undocumented_unsafe_blocks,
    reason = "every index that a kernel forms lies within the sizes given with it, which are those of the buffers"
)]
impl Learner {
    /// Enqueues one step of the way there and back.
    pub(super) fn launch(&self, step: &Step) {
        match step {
            Step::Launch(Launch::Conv(conv)) => {
                let weights = match conv.turned {
                    Some(_) => &self.turned,
                    None => &self.store.weights,
                };
                self.store.tile(conv, weights, self.client);
            }
            Step::Launch(launch) => self.store.launch(launch, self.client),
            Step::Weigh(w) => {
                let placed = self.placed[w.segment];
                let parts = self.parts(w.segment, weigh_width(w));
                self.store.weigh(w, placed, parts, self.client);
            }
            Step::Sums(s) => self.sums(s),
            Step::NormSlope(norm) => self.norm_slope(norm),
            Step::QuerySlope(attend) => self.query_slope(attend),
            Step::KeySlope(attend) => self.key_slope(attend),
            Step::ActivationSlope {
                before,
                activation,
                slope,
                out,
            } => {
                let width = vector_width([out.c]);
                let len = self.vectors(out, width);
                unsafe {
                    activation_slope::launch_unchecked(
                        self.client,
                        cubes(len.div_ceil(UNITS)),
                        CubeDim::new_1d(UNITS as u32),
                        width,
                        self.store.tensor(before, width),
                        self.store.tensor(slope, width),
                        self.store.tensor(out, width),
                        len,
                        UNITS,
                        *activation,
                    );
                }
            }
            Step::Add {
                from,
                to,
                scale,
                adds,
            } => {
                let width = vector_width([to.c]);
                let len = self.vectors(to, width);
                unsafe {
                    add_scaled::launch_unchecked(
                        self.client,
                        cubes(len.div_ceil(UNITS)),
                        CubeDim::new_1d(UNITS as u32),
                        width,
                        self.store.tensor(from, width),
                        self.store.tensor(to, width),
                        len,
                        *scale as f32,
                        UNITS,
                        *adds,
                    );
                }
            }
            Step::Drop { features, dropped } => self.drop_numbers(features, *dropped),
            Step::TableRows => self.table_rows(),
            Step::TableSlope { slope, segment } => self.table_slope(slope, *segment),
            Step::Noise => self.noise(),
            Step::Loss => self.loss(),
        }
    }

    fn vectors(&self, features: &Features, width: usize) -> usize {
        features.size() * self.store.images / width
    }

    /// The parts of a gradient.
    fn parts(&self, segment: usize, width: usize) -> BufferArg {
        let Placed {
            at, stride, count, ..
        } = self.placed[segment];
        let range = at..at + stride * count;
        argument(self.parts.part(range), stride * count / width)
    }

    fn sums(&self, s: &Sums) {
        let width = vector_width([s.slope.c]);
        let channels = s.slope.c / width;
        let lanes = channels.min(64);
        let placed = self.placed[s.segment];
        let kind = SumsKind {
            units: UNITS,
            has_vector: s.vector.is_some(),
            adds: s.vector.is_some_and(|(_, adds)| adds),
        };
        let vector = s.vector.map(|(vector, _)| vector);
        let shape = SumsShapeLaunch::new(
            s.slope.h * s.slope.w,
            channels,
            lanes,
            placed.stride / width,
            vector.map_or(0, |vector| vector.at / width),
            vector.map_or(0, |vector| vector.rows.c / width),
            s.scale as f32,
        );
        unsafe {
            sums::launch_unchecked(
                self.client,
                CubeCount::new_2d(channels.div_ceil(lanes) as u32, self.store.images as u32),
                CubeDim::new_1d(UNITS as u32),
                width,
                self.store.tensor(&s.slope, width),
                self.tensor_or_spare(vector.map(|vector| vector.rows), 0, width),
                self.parts(s.segment, width),
                shape,
                kind,
            );
        }
    }

    /// The tensor, or memory that the kernel does not touch.
    fn tensor_or_spare(&self, features: Option<Features>, spare: usize, width: usize) -> BufferArg {
        match features {
            Some(features) => self.store.tensor(&features, width),
            None => argument(self.spare[spare].part(0..ALIGN), ALIGN / width),
        }
    }

    fn norm_slope(&self, s: &NormSlope) {
        let norm = &s.norm;
        let group = norm.out.c / norm.groups;
        let width = vector_width(norm.inputs.iter().map(|x| x.c).chain([group]));
        let pixels = norm.out.h * norm.out.w;
        let vectors = pixels * group / width;
        let kind = NormSlopeKind {
            units: if vectors > 512 { 256 } else { 64 },
            activation: norm.activation,
            adds_a: s.inputs[0].1,
            adds_b: s.inputs.get(1).is_some_and(|(_, adds)| *adds),
        };
        let placed = self.placed[s.segment];
        let shape = NormSlopeShapeLaunch::new(
            pixels,
            norm.inputs[0].c / width,
            norm.inputs.get(1).map_or(0, |x| x.c / width),
            group / width,
            placed.stride / width,
            norm.eps as f32,
            norm.vector.map_or(0, |vector| vector.at / width),
            norm.vector.map_or(0, |vector| vector.rows.c / width),
        );
        let store = &self.store;
        let b = s.inputs.get(1).map(|(slope, _)| *slope);
        unsafe {
            group_norm_slope::launch_unchecked(
                self.client,
                CubeCount::new_2d(norm.groups as u32, store.images as u32),
                CubeDim::new_1d(kind.units as u32),
                width,
                store.tensor(&norm.inputs[0], width),
                norm.inputs.get(1).map(|x| store.tensor(x, width)).into(),
                store.parameters(&norm.affine, width),
                store.vector(&norm.vector, width).into(),
                store.tensor(&s.slope, width),
                store.tensor(&s.inputs[0].0, width),
                self.tensor_or_spare(b, 0, width),
                self.tensor_or_spare(s.vector.map(|vector| vector.rows), 1, width),
                self.parts(s.segment, width),
                shape,
                kind,
            );
        }
    }

    /// The kind of kernel, the sizes and the grid for the gradients of an attention.
    fn attend_kind(&self, s: &AttendSlope) -> (usize, AttendKind, CubeCount) {
        let a = &s.attend;
        let width = vector_width([a.head_dim]);
        let head = a.head_dim / width;
        let tokens = a.out.h * a.out.w;
        // Each workgroup reads all keys and values, or all queries: few pixels are better spread over many of them.
        let (units, queries) = (64, if tokens <= 64 { 4 } else { 8 });
        let kind = AttendKind {
            units,
            queries,
            rounds: head.div_ceil(units / queries),
        };
        let grid = [tokens.div_ceil(queries), a.heads, self.store.images].map(|n| n as u32);
        (width, kind, CubeCount::new_3d(grid[0], grid[1], grid[2]))
    }

    fn query_slope(&self, s: &AttendSlope) {
        let (a, store) = (&s.attend, &self.store);
        let (width, kind, grid) = self.attend_kind(s);
        let scale = (a.head_dim as f32).sqrt().recip();
        let tokens = a.out.h * a.out.w;
        let shape = AttendShapeLaunch::new(tokens, a.heads, a.head_dim / width, scale);
        unsafe {
            query_slope::launch_unchecked(
                self.client,
                grid,
                CubeDim::new_1d(kind.units as u32),
                width,
                store.tensor(&a.qkv, width),
                store.tensor(&a.out, width),
                store.tensor(&s.slope, width),
                store.tensor(&s.slope_qkv, width),
                store.tensor(&s.kept, 1),
                shape,
                kind,
            );
        }
    }

    fn key_slope(&self, s: &AttendSlope) {
        let (a, store) = (&s.attend, &self.store);
        let (width, kind, grid) = self.attend_kind(s);
        let scale = (a.head_dim as f32).sqrt().recip();
        let tokens = a.out.h * a.out.w;
        let shape = AttendShapeLaunch::new(tokens, a.heads, a.head_dim / width, scale);
        unsafe {
            key_slope::launch_unchecked(
                self.client,
                grid,
                CubeDim::new_1d(kind.units as u32),
                width,
                store.tensor(&a.qkv, width),
                store.tensor(&s.slope, width),
                store.tensor(&s.kept, 1),
                store.tensor(&s.slope_qkv, width),
                shape,
                kind,
            );
        }
    }

    fn table_rows(&self) {
        let Some(classes) = &self.plan.classes else {
            return;
        };
        let (store, class) = (&self.store, self.plan.given.class);
        let len = class.c * store.images;
        unsafe {
            table_rows::launch_unchecked(
                self.client,
                cubes(len.div_ceil(UNITS)),
                CubeDim::new_1d(UNITS as u32),
                store.parameters(&classes.range, 1),
                store.tensor(&self.reverse.extra.labels, 1),
                store.tensor(&class, 1),
                class.c,
                len,
                UNITS,
            );
        }
    }

    fn table_slope(&self, slope: &Features, segment: usize) {
        let Some(classes) = &self.plan.classes else {
            return;
        };
        let (store, len) = (&self.store, classes.range.len());
        unsafe {
            table_slope::launch_unchecked(
                self.client,
                cubes(len.div_ceil(UNITS)),
                CubeDim::new_1d(UNITS as u32),
                store.tensor(slope, 1),
                store.tensor(&self.reverse.extra.labels, 1),
                self.parts(segment, 1),
                self.plan.given.class.c,
                store.images,
                len,
                UNITS,
            );
        }
    }

    fn drop_numbers(&self, features: &Features, dropped: Dropped) {
        let width = vector_width([features.c]);
        let len = self.vectors(features, width);
        unsafe {
            drop_numbers::launch_unchecked(
                self.client,
                cubes(len.div_ceil(UNITS)),
                CubeDim::new_1d(UNITS as u32),
                width,
                self.store.tensor(&self.reverse.extra.keys, 1),
                self.store.tensor(features, width),
                features.size() / width,
                len,
                dropped.layer,
                dropped.below,
                dropped.scale,
                UNITS,
            );
        }
    }

    fn noise(&self) {
        let (store, extra, x) = (&self.store, &self.reverse.extra, &self.plan.given.x);
        let len = x.size() * store.images;
        let (scale, shift) = if self.centred {
            (2.0, -1.0)
        } else {
            (1.0, 0.0)
        };
        unsafe {
            noise_images::launch_unchecked(
                self.client,
                cubes(len.div_ceil(UNITS)),
                CubeDim::new_1d(UNITS as u32),
                store.tensor(&extra.x_0, 1),
                store.tensor(&extra.eps, 1),
                store.tensor(&extra.coefficients, 1),
                store.tensor(x, 1),
                store.tensor(&extra.target, 1),
                x.size(),
                len,
                scale,
                shift,
                UNITS,
            );
        }
    }

    fn loss(&self) {
        let (store, extra, out) = (&self.store, &self.reverse.extra, &self.plan.out);
        let target = &extra.target;
        let count = (target.size() * store.images) as f32;
        unsafe {
            loss_slope::launch_unchecked(
                self.client,
                cubes(store.images),
                CubeDim::new_1d(UNITS as u32),
                store.tensor(out, 1),
                store.tensor(&extra.target, 1),
                store.tensor(&extra.x_0, 1),
                store.tensor(&extra.coefficients, 1),
                self.rates(),
                store.tensor(&extra.slope, 1),
                store.tensor(&extra.losses, 1),
                out.size(),
                out.c,
                target.c,
                count.recip(),
                out.c == 2 * target.c,
                UNITS,
            );
        }
    }
}

//! A walk that stays on the device: its state, its constants, its noise, and the launches between two evaluations.

use super::{Device, Enqueued, TURN};
use crate::denoiser::{Leg, Route, Sigma, Stop};
use crate::noise::NoiseStream;
use crate::pipeline::Asked;
use crate::unet::UNetConfig;
use crate::unet::gpu::channels_last;
use crate::unet::gpu::kernels::walk::{
    GivenShapeLaunch, HEAD, NUMBERS, StepKind, StepShapeLaunch, TENSORS, give, take_step,
};
use crate::unet::gpu::plan::{ALIGN, Plan};
use crate::unet::gpu::run::Run;
use crate::unet::gpu::store::{Piece, TooLarge, argument, cubes};
use cubecl::bytes::Bytes;
use cubecl::client::Client;
use cubecl::prelude::*;
use std::ops::Range;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};

/// Numbers of noise that go to the device at once: 16 MiB.
const MOST_NOISE: usize = 4 << 20;
const UNITS: usize = 64;

/// How many walks there were.
static WALKS: AtomicU64 = AtomicU64::new(0);

/// A walk's memory on a device. It belongs to its chain; once it is dropped, the chain's next step makes another.
pub(in crate::unet::gpu) struct Walk {
    /// Which walk it is, of all that there were.
    number: u64,
    /// Which device it is on.
    device: u64,
    /// Steps that were enqueued.
    index: usize,
    /// [`HEAD`] numbers, then the tensors of [`take_step`], each `[n, h, w, c]`.
    state: Piece,
    /// A row of numbers for each step, and how far apart they are.
    rows: Piece,
    row: usize,
    /// A row for each label of the batch.
    classes: Piece,
    /// The draws of the next steps, and how far apart they are; and what takes their place in a step without.
    noise: Piece,
    draw: usize,
    still: Piece,
}

/// One evaluation: of which step, with which draw, and of which images.
#[derive(Clone, Copy)]
struct Turn {
    index: usize,
    draw: Option<usize>,
    images: Images,
}

/// The images of one evaluation: the first of them, how many, and how many a batch of them has.
#[derive(Clone, Copy)]
struct Images {
    first: usize,
    count: usize,
    batch: usize,
}

impl Device {
    /// Enqueues the steps of a leg, `images` images at a time, and the copy of where they lead; the parts of each evaluation
    /// are as in [`evaluate`](Self::evaluate).
    ///
    /// # Errors
    /// They need more memory in one piece than the device has.
    pub(in crate::unet::gpu) fn walk(
        &self,
        (plan, config): (&Plan, &UNetConfig),
        leg: &mut Leg<'_>,
        asked: &dyn Fn(f32) -> Asked,
        images: usize,
        parts_told: usize,
    ) -> Result<(Walk, Enqueued<'_>), TooLarge> {
        let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let client = &self.client;
        self.weights.on_its_stream(|| {
            let kept = leg.kept.take().and_then(|kept| kept.downcast().ok());
            let mut walk = match kept.map(|kept: Box<Walk>| *kept) {
                Some(kept) if kept.is_at(self.number, leg.index) => kept,
                _ => Walk::new(self.number, (plan, config), leg, asked, client)?,
            };
            let (route, end) = (leg.route, leg.index + leg.steps);
            let mut marks = Vec::new();
            while walk.index < end {
                let drawn = walk.draw(route, walk.index..end, leg.noise, client);
                walk.index += drawn.len();
                let turns: Vec<Turn> = (drawn.into_iter())
                    .flat_map(|step| evaluations(route, images).map(move |images| (step, images)))
                    .map(|((index, draw), images)| Turn {
                        index,
                        draw,
                        images,
                    })
                    .collect();
                for turn in turns {
                    let batch = turn.images.batch;
                    let run = || Run::new(plan, batch, false, &self.weights, client);
                    let take = |run: &mut Run| {
                        if !run.is_given_for((walk.number, turn.index)) {
                            walk.give(run, plan, route, turn, client);
                        }
                        run.give_for(None);
                        match parts_told {
                            0 | 1 => run.evaluate(plan, client),
                            count => marks.extend(run.evaluate_in_parts(plan, client, count)),
                        }
                        walk.take_step(run, plan, route, turn, client);
                        walk.give_ahead(run, plan, route, turn, client);
                    };
                    self.runs.with((batch, false), run, take)?;
                }
            }
            // A single step leaves the host with all that it does not have yet.
            let tensors = if leg.steps == 1 { 3 } else { TENSORS };
            let end = HEAD + tensors * numbers(route);
            let read = client.read_async(vec![walk.state.part(0..end)]);
            let read = Box::pin(read);
            Ok((walk, Enqueued { marks, read }))
        })
    }
}

/// Numbers of all images.
fn numbers(route: &Route) -> usize {
    route.shape.iter().product()
}

/// The images of the evaluations that a step consists of, at most so many at a time.
fn evaluations(route: &Route, at_most: usize) -> impl Iterator<Item = Images> {
    let [n, ..] = route.shape;
    let halves = if route.guidance_scale.is_some() { 2 } else { 1 };
    (0..n).step_by(at_most.max(1)).map(move |first| {
        let count = at_most.min(n - first);
        Images {
            first,
            count,
            batch: count * halves,
        }
    })
}

impl Walk {
    /// Takes where the leg begins to the device.
    fn new(
        device: u64,
        (plan, config): (&Plan, &UNetConfig),
        leg: &Leg<'_>,
        asked: &dyn Fn(f32) -> Asked,
        client: &Client,
    ) -> Result<Self, TooLarge> {
        let route = leg.route;
        let [n, c, ..] = route.shape;
        let size = numbers(route);
        let mut state = vec![0.0; HEAD + TENSORS * size];
        for (tensor, values) in [
            (0, Some(leg.x_t)),
            (1, leg.x_0_before),
            (3, leg.x_0_two_before),
        ] {
            if let Some(values) = values {
                let begin = HEAD + tensor * size;
                state[begin..begin + size].copy_from_slice(&channels_last(values, c, n));
            }
        }

        let batch = evaluations(route, n).map(|images| images.batch).sum();
        let labels = route.labels.as_deref();
        let [_, classes] = plan.rows(config, &vec![0.0; batch], labels);
        let asked: Vec<Asked> = route.stops.iter().map(|stop| asked(stop.time)).collect();
        let times: Vec<f32> = asked.iter().map(|asked| asked.time).collect();
        let [timesteps, _] = plan.rows(config, &times, None);
        let width = plan.given.timestep.c;
        let row = (NUMBERS + width).next_multiple_of(ALIGN);
        let mut rows = vec![0.0; row * route.stops.len()];
        for (i, (stop, asked)) in route.stops.iter().zip(asked).enumerate() {
            let to = &mut rows[i * row..];
            to[..NUMBERS].copy_from_slice(&numbers_of(stop, asked, plan, config));
            to[NUMBERS..NUMBERS + width].copy_from_slice(&timesteps[i * width..(i + 1) * width]);
        }

        let draw = size.next_multiple_of(ALIGN);
        let draws = route.stops.iter().filter(|stop| stop.draws).count();
        let draws = draws.min(MOST_NOISE / draw).max(1);
        Ok(Self {
            number: WALKS.fetch_add(1, Ordering::Relaxed),
            device,
            index: leg.index,
            state: Piece::of(state, client)?,
            rows: Piece::of(rows, client)?,
            row,
            classes: Piece::of(classes, client)?,
            noise: Piece::new(draws * draw, client)?,
            draw,
            still: Piece::zeros(size, client)?,
        })
    }

    /// Whether it is on this device, and this many steps were taken.
    fn is_at(&self, device: u64, index: usize) -> bool {
        self.device == device && self.index == index
    }

    /// Sends the noise of as many of the `steps` as there is room for, and returns those, each with its draw.
    fn draw(
        &self,
        route: &Route,
        steps: Range<usize>,
        noise: &mut NoiseStream,
        client: &Client,
    ) -> Vec<(usize, Option<usize>)> {
        let [n, c, ..] = route.shape;
        let size = numbers(route);
        let room = self.noise.len / self.draw;
        let (mut values, mut found) = (Vec::new(), Vec::new());
        for index in steps {
            let drawn = values.len() / self.draw;
            if !route.stops[index].draws {
                found.push((index, None));
                continue;
            }
            if drawn == room {
                break;
            }
            values.extend(channels_last(&noise.normal(size), c, n)); // [n, h, w, c]
            values.resize((drawn + 1) * self.draw, 0.0);
            found.push((index, Some(drawn)));
        }
        for (i, part) in values.chunks(MOST_NOISE).enumerate() {
            let begin = i * MOST_NOISE;
            let to = self.noise.part(begin..begin + part.len());
            client.write(&to, Bytes::from_elems(part.to_vec()));
        }
        found
    }

    fn row(&self, index: usize) -> BufferArg {
        let begin = index * self.row;
        argument(self.rows.part(begin..begin + self.row), self.row)
    }

    fn state(&self) -> BufferArg {
        argument(self.state.handle.clone(), self.state.len)
    }

    /// Writes what the network is given.
    #[allow(unsafe_code)]
    fn give(&self, run: &Run, plan: &Plan, route: &Route, turn: Turn, client: &Client) {
        let images = turn.images;
        let given = plan.given;
        let per_image = given.all().iter().map(|part| part.size()).sum::<usize>();
        let shape = GivenShapeLaunch::new(
            given.x.size(),
            images.count,
            images.batch,
            images.first,
            route.shape[0],
            run.begin(&given.timestep),
            given.timestep.c,
            run.begin(&given.class),
            given.class.c,
        );
        // SAFETY: every index that the kernel forms lies within the shape, which is that of the buffers.
        unsafe {
            give::launch_unchecked(
                client,
                cubes((images.batch * per_image).div_ceil(UNITS)),
                CubeDim::new_1d(UNITS as u32),
                self.state(),
                self.row(turn.index),
                argument(self.classes.handle.clone(), self.classes.len),
                run.given(),
                shape,
                UNITS,
            );
        }
    }

    /// Writes what the network is given in the next step, where it is one evaluation: so it goes to the device with this one.
    fn give_ahead(&self, run: &mut Run, plan: &Plan, route: &Route, turn: Turn, client: &Client) {
        let [n, ..] = route.shape;
        let index = turn.index + 1;
        if turn.images.count == n && index < route.stops.len() {
            self.give(run, plan, route, Turn { index, ..turn }, client);
            run.give_for(Some((self.number, index)));
        }
    }

    /// Takes the step, once the network has been evaluated.
    #[allow(unsafe_code)]
    fn take_step(&self, run: &Run, plan: &Plan, route: &Route, turn: Turn, client: &Client) {
        let images = turn.images;
        let (all, size, out) = (numbers(route), plan.given.x.size(), plan.out);
        let len = images.count * size;
        let shape = StepShapeLaunch::new(
            len,
            all,
            images.first * size,
            plan.given.x.c,
            out.c,
            images.count * out.size(),
            route.guidance_scale.unwrap_or(1.0) as f32,
            route.clip.unwrap_or(0.0) as f32,
        );
        let is_learned = |stop: &Stop| matches!(stop.sigma, Sigma::Learned { .. });
        let kind = StepKind {
            guided: route.guidance_scale.is_some(),
            clips: route.clip.is_some(),
            learned: route.stops.iter().any(is_learned),
            units: UNITS,
        };
        let noise = match turn.draw {
            Some(draw) => self.noise.part(draw * self.draw..draw * self.draw + all),
            None => self.still.handle.clone(),
        };
        // SAFETY: as in `give`.
        unsafe {
            take_step::launch_unchecked(
                client,
                cubes(len.div_ceil(UNITS)),
                CubeDim::new_1d(UNITS as u32),
                argument(run.handle(&out), images.batch * out.size()),
                self.row(turn.index),
                argument(noise, all),
                self.state(),
                shape,
                kind,
            );
        }
    }
}

/// What a step's row begins with.
fn numbers_of(stop: &Stop, asked: Asked, plan: &Plan, config: &UNetConfig) -> [f32; NUMBERS] {
    let [scale, shift] = match config.center_input_sample {
        true => [2.0 * asked.scale, -1.0],
        false => [asked.scale, 0.0],
    };
    let [of_x_t, of_output] = asked.answer.unwrap_or([0.0, 1.0]);
    let divisor = match plan.divided_by_timestep {
        true => f64::from(asked.time),
        false => 1.0,
    };
    let sigma = match stop.sigma {
        Sigma::Fixed(sigma) => [sigma, 0.0, 0.0, 0.0],
        Sigma::Learned { base, slope } => [0.0, 1.0, base, slope],
    };
    let mut numbers = [0.0; NUMBERS];
    let all = [scale, shift, of_x_t, of_output / divisor]
        .into_iter()
        .chain(stop.x_0)
        .chain(stop.eps)
        .chain(stop.x_prev)
        .chain(sigma);
    for (to, number) in numbers.iter_mut().zip(all) {
        *to = number as f32;
    }
    numbers
}

//! A network's memory on the device, and the one way to use it.
//!
//! An evaluation writes its input, launches, and reads its output, in the same memory as the evaluation before it; a
//! recorded plan runs on the stream that it was recorded on. Both are right only in the order of one stream, but CubeCL
//! takes the stream of whichever thread calls. So nothing here leaves [`Device::evaluate`] and [`Device::walk`]: they enqueue
//! whole evaluations, the copy of the result included, on the stream that the weights were uploaded on, and nobody else
//! enqueues meanwhile.

mod walk;

use super::format::Format;
use super::pieces::{Cuts, Pieces};
use super::plan::{Features, Plan};
use super::recent::Recent;
use super::run::{Mark, Read, Run};
use super::store::{Piece, TooLarge};
use cubecl::client::Client;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Most plans whose memory is kept: a batch, the same with guidance, a look inside, and one to spare.
const MOST_RUNS: usize = 4;

/// Numbers that wait to be written at most: 2 MiB of them, and what is given last.
const MOST_WAITING: usize = 1 << 19;

/// Held by whoever enqueues, in all of the process: several networks may share a stream, and what another launches while
/// one records would be recorded.
pub(super) static TURN: Mutex<()> = Mutex::new(());

/// What becomes of an evaluation.
pub(super) struct Enqueued<'a> {
    /// The shares of it that are told, the smaller first.
    pub(super) marks: Vec<Mark<'a>>,
    /// The tensors that were asked for.
    pub(super) read: Read<'a>,
}

/// A network's parameters on a GPU, and the memory of its evaluations.
pub(super) struct Device {
    /// No other has it.
    number: u64,
    /// Dropped before the weights that they name.
    runs: Recent<(usize, bool), Run>,
    weights: Pieces,
    client: Client,
}

impl Device {
    /// Memory for parameters on the device of `client`, in pieces; the stream of this thread becomes the network's.
    ///
    /// # Errors
    /// A piece is more than the device takes.
    pub(super) fn new(cuts: &Cuts, format: Format, client: Client) -> Result<Self, TooLarge> {
        let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        static NUMBERS: AtomicU64 = AtomicU64::new(0);
        Ok(Self {
            number: NUMBERS.fetch_add(1, Ordering::Relaxed),
            runs: Recent::new(MOST_RUNS),
            weights: Pieces::empty(cuts, format, &client)?,
            client,
        })
    }

    /// Takes the parameters to the device, which `give` gives range by range.
    pub(super) fn fill<T>(
        &self,
        give: impl FnOnce(&mut dyn FnMut(Range<usize>, Vec<f32>)) -> T,
    ) -> T {
        let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let client = &self.client;
        let mut waiting = 0;
        (self.weights).on_its_stream(|| {
            give(&mut |range, values| {
                waiting += values.len();
                let values = self.weights.format().stored(values);
                client.write(&self.weights.part(range), values);
                // What is written waits in the host's memory until then.
                if waiting >= MOST_WAITING {
                    waiting = 0;
                    // What fails here fails when the result is read, too, where it is said.
                    let _ = client.flush();
                }
            })
        })
    }

    /// Bytes of the parameters.
    #[cfg(test)]
    pub(super) fn parameter_bytes(&self) -> usize {
        let numbers: usize = self.weights.each().iter().map(|piece| piece.len).sum();
        numbers * self.format().bytes()
    }

    /// How the parameters are stored.
    pub(super) fn format(&self) -> Format {
        self.weights.format()
    }

    /// The most numbers that the device has room for in one piece.
    pub(super) fn most(&self) -> usize {
        Piece::most(Format::Single, &self.client)
    }

    /// Enqueues `plan` for `images` images, of which `parts` are x_t, sines and class vectors, and the copy of the `asked`
    /// tensors to the host; if it `keeps`, features after every stage may be among them. Of an evaluation in several
    /// `parts_told` it is known when each but the last is done.
    ///
    /// # Errors
    /// The evaluation needs more memory in one piece than the device has.
    pub(super) fn evaluate(
        &self,
        plan: &Plan,
        images: usize,
        keeps: bool,
        parts: [&[f32]; 3],
        asked: &[Features],
        parts_told: usize,
    ) -> Result<Enqueued<'_>, TooLarge> {
        let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let (weights, client) = (&self.weights, &self.client);
        weights.on_its_stream(|| {
            self.runs.with(
                (images, keeps),
                || Run::new(plan, images, keeps, weights, client),
                |run| {
                    run.write(parts, client);
                    let marks = match parts_told {
                        0 | 1 => {
                            run.evaluate(plan, client);
                            Vec::new()
                        }
                        count => run.evaluate_in_parts(plan, client, count),
                    };
                    let asked = asked.iter().map(|features| run.handle(features));
                    // The copy is enqueued here, not when the future is awaited.
                    let read = Box::pin(client.read_async(asked.collect()));
                    Enqueued { marks, read }
                },
            )
        })
    }
}

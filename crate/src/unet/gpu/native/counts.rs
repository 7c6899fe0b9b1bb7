//! What the GPU is asked for, for tests and measurements.

use super::Gpu;
use cubecl::bytes::Bytes;
use cubecl::future::block_on;

/// What something asks a GPU for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Submissions to its queue.
    pub submits: u64,
    /// Buffers more than before.
    pub buffers: i64,
}

impl Gpu {
    /// What `f` asks for, which reads back `reads` times; `None` where wgpu does not say. Nobody else may use the GPU
    /// meanwhile.
    ///
    /// # Errors
    /// That of `f`.
    pub fn count<E>(
        &self,
        reads: u64,
        f: impl FnOnce() -> Result<(), E>,
    ) -> Result<Option<Counts>, E> {
        let skipped = self.skipped_by_a_read();
        let before = self.asked();
        f()?;
        let after = self.asked();
        Ok(skipped.zip(before.zip(after)).map(|(skipped, (a, b))| {
            Counts {
                // The second question is a submission, too.
                submits: b.0 - a.0 - 1 - reads * skipped,
                buffers: b.1 as i64 - a.1 as i64,
            }
        }))
    }

    /// The number of the newest submission to its queue, which is this question, and how many buffers there are.
    fn asked(&self) -> Option<(u64, usize)> {
        // wgpu gives the number only in the text of a submission's index.
        let text = format!("{:?}", self.queue.submit([]));
        let digits = |c: char| !c.is_ascii_digit();
        let number = text.split(digits).find_map(|number| number.parse().ok())?;
        Some((
            number,
            self.instance.generate_report()?.hub.buffers.num_allocated,
        ))
    }

    /// How many numbers a read-back takes besides that of its copy. wgpu takes one where memory is mapped, in case a write
    /// to it still waits to be submitted, and submits nothing.
    fn skipped_by_a_read(&self) -> Option<u64> {
        let few = self.client.create(Bytes::from_elems(vec![0.0_f32; 64]));
        let read = || block_on(self.client.read_async(vec![few.clone()])).ok();
        // The first one also writes.
        read()?;
        let (before, _) = self.asked()?;
        read()?;
        let (after, _) = self.asked()?;
        // One is the copy's, and one the question's.
        (after - before).checked_sub(2)
    }
}

//! What the GPU has been asked for so far, for tests and measurements.

use super::Gpu;

impl Gpu {
    /// Submissions to its queue so far. Each call is one, an empty one.
    pub fn submits(&self) -> Option<u64> {
        // wgpu gives the number only in the text of a submission's index.
        let text = format!("{:?}", self.queue.submit([]));
        let digits = |c: char| !c.is_ascii_digit();
        text.split(digits).find_map(|number| number.parse().ok())
    }

    /// Buffers that there are.
    pub fn buffers(&self) -> Option<usize> {
        let report = self.instance.generate_report()?;
        Some(report.hub.buffers.num_allocated)
    }
}

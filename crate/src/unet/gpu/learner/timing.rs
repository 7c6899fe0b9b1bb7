//! Where the time of a step goes.

use super::Learner;
use crate::unet::gpu::engine::DeviceError;
use cubecl::future::block_on;
use web_time::Instant;

impl Learner {
    /// Seconds that each launch of the way there and back takes, of so many in a row: to see where the time goes. What is
    /// learned afterwards is nonsense.
    ///
    /// # Errors
    /// The device failed.
    pub fn time_launches(&self, repeats: u32) -> Result<Vec<(String, f64)>, DeviceError> {
        // Once for the compiler.
        self.launch_all();
        block_on(self.read(vec![self.report.handle.clone()]))?;
        let mut times = Vec::new();
        for step in &self.reverse.steps {
            let started = Instant::now();
            for _ in 0..repeats {
                self.launch(step);
            }
            block_on(self.read(vec![self.report.handle.clone()]))?;
            let seconds = started.elapsed().as_secs_f64() / f64::from(repeats);
            times.push((step.to_string(), seconds));
        }
        Ok(times)
    }
}

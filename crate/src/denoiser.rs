//! What a chain needs of a network: a prediction, and the shapes it understands. A formula will do.

mod route;

pub use route::{Kept, Leg, Reached, Route, Sigma, Stop};

/// A network that reads x_t and says what it makes of it.
pub trait Denoiser {
    /// Why it failed.
    type Error: std::error::Error + Send + Sync + 'static;

    /// The output [n, c_out, h, w], row-major, for x_t [n, c, h, w] at one timestep; `labels` has n
    /// entries, or is `None` for an unconditional model.
    fn predict(
        &self,
        x_t: &[f32],
        shape: [usize; 4],
        timestep: usize,
        labels: Option<&[usize]>,
    ) -> impl Future<Output = Result<Vec<f32>, Self::Error>>;

    /// The same at a time that may lie between two timesteps; a network that cannot be evaluated there uses the nearest.
    fn predict_at(
        &self,
        x_t: &[f32],
        shape: [usize; 4],
        time: f32,
        labels: Option<&[usize]>,
    ) -> impl Future<Output = Result<Vec<f32>, Self::Error>> {
        self.predict(x_t, shape, time.round() as usize, labels)
    }

    /// Takes some steps of a walk where the network is, if it can; `None` if it cannot, or if a number on the way was not
    /// finite: then the steps are to be made one by one, with a prediction each.
    fn walk(&self, leg: Leg<'_>) -> impl Future<Output = Result<Option<Reached>, Self::Error>> {
        let _ = leg;
        std::future::ready(Ok(None))
    }
}

/// The shapes and labels that a model understands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelSpec {
    /// c, the channels of an image.
    pub channels: usize,
    /// h, in pixels.
    pub height: usize,
    /// w, in pixels.
    pub width: usize,
    /// c, or 2c where the variance is learned.
    pub out_channels: usize,
    /// How many labels there are, the null label included; `None` for an unconditional model.
    pub num_class_embeds: Option<usize>,
    /// The label that stands for no label, which guidance needs.
    pub null_label: Option<usize>,
}

//! What a step of training is given, and what comes of it.

/// What a step learns from: images and noise `[n, c, h, w]`, and for each image the rest.
#[derive(Debug, Clone, Copy)]
pub struct Lesson<'a> {
    /// Clean images in [-1, 1].
    pub x_0: &'a [f32],
    /// The noise in them.
    pub eps: &'a [f32],
    /// One timestep for each image.
    pub timesteps: &'a [f32],
    /// One label for each image.
    pub labels: &'a [usize],
    /// x_t = a x_0 + b eps, for each image.
    pub noising: &'a [[f32; 2]],
    /// The target = p x_0 + q eps.
    pub target: &'a [[f32; 2]],
    /// The weight of the squared error.
    pub weights: &'a [f32],
}

/// The numbers of a step of AdamW and of the average.
#[derive(Debug, Clone, Copy)]
pub struct Rates {
    /// The step size.
    pub learning_rate: f64,
    /// What weights lose of themselves, times the step size.
    pub weight_decay: f64,
    /// Bound on the norm of all gradients together.
    pub max_grad_norm: f64,
    /// Steps taken, this one included.
    pub time: u64,
    /// The decay of the average.
    pub ema_decay: f64,
}

/// What is known of a step once the device has taken it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Learned {
    /// The loss.
    pub loss: f32,
    /// The norm of all gradients before clipping.
    pub grad_norm: f32,
}

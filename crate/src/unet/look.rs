//! A look inside one evaluation: the features after every stage of the U, and what the bottom attends to.

/// Where in the U features were taken. Levels count from full resolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// After the first convolution.
    In,
    /// After a level on the way down, its downsampling included.
    Down(usize),
    /// After the middle block.
    Mid,
    /// After a level on the way up, its upsampling included.
    Up(usize),
    /// The model output.
    Out,
}

/// What one evaluation looked like inside.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Seen {
    /// Features in the order of the evaluation.
    pub stages: Vec<SeenStage>,
    /// The middle block's attention; `None` where the network has none there.
    pub attention: Option<SeenAttention>,
}

/// The features after one stage.
#[derive(Debug, Clone, PartialEq)]
pub struct SeenStage {
    /// Where.
    pub stage: Stage,
    /// `[n, c, h, w]`.
    pub shape: [usize; 4],
    /// Row-major.
    pub values: Vec<f32>,
}

/// What the pixels of the middle block attend to.
#[derive(Debug, Clone, PartialEq)]
pub struct SeenAttention {
    /// `[n, heads, hw, hw]`.
    pub shape: [usize; 4],
    /// Row-major; each row sums to 1.
    pub weights: Vec<f32>,
}

impl SeenAttention {
    /// Height and width of the level that attends, in an image of `size` pixels.
    pub fn pixels(&self, size: [usize; 2]) -> [usize; 2] {
        let [_, _, pixels, _] = self.shape;
        // Halving keeps the proportions: h w pixels of the image have become `pixels`.
        let factor = ((size[0] * size[1]) as f64 / pixels as f64).sqrt();
        size.map(|side| (side as f64 / factor).round() as usize)
    }
}

//! A look inside one evaluation: the features after every stage of the U, and what the bottom attends to.

use super::UNet;
use burn::tensor::Tensor;

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
#[derive(Debug, Default)]
pub struct Look {
    /// Features `[n, c, h, w]`, in the order of the evaluation.
    pub stages: Vec<(Stage, Tensor<4>)>,
    /// The middle block's attention: `[n, heads, hw, hw]`, a row for each query, summing to 1. `None` where
    /// the network has no attention there.
    pub attention: Option<Tensor<4>>,
}

/// A [`Look`] on the host.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// Features in the order of the evaluation.
    pub stages: Vec<SeenStage>,
    /// The middle block's attention.
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

impl Look {
    /// Brings it to the host.
    ///
    /// # Errors
    /// A failure of the device.
    pub async fn read(self) -> Result<Seen, String> {
        let mut stages = Vec::with_capacity(self.stages.len());
        for (stage, features) in self.stages {
            let (shape, values) = host(features).await?;
            stages.push(SeenStage {
                stage,
                shape,
                values,
            });
        }
        let attention = match self.attention {
            Some(weights) => {
                let (shape, weights) = host(weights).await?;
                Some(SeenAttention { shape, weights })
            }
            None => None,
        };
        Ok(Seen { stages, attention })
    }
}

async fn host(tensor: Tensor<4>) -> Result<([usize; 4], Vec<f32>), String> {
    let shape = tensor.dims();
    let data = tensor
        .into_data_async()
        .await
        .map_err(|e| format!("{e:?}"))?;
    let values = data.try_into_vec::<f32>().map_err(|e| format!("{e:?}"))?;
    Ok((shape, values))
}

impl UNet {
    /// [`forward`](Self::forward) with everything kept; `x_t`, `timesteps` and `labels` as there.
    pub fn look(&self, x_t: Tensor<4>, timesteps: &[f32], labels: Option<&[usize]>) -> Look {
        let mut look = Look::default();
        self.compute(x_t, timesteps, labels, Some(&mut look));
        look
    }
}

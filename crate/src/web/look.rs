//! A look inside one evaluation: features, attention, and how the network sees its timestep.

use crate::unet::look::{Place, SeenAttention, SeenStage};
use js_sys::{Array, Float32Array};
use wasm_bindgen::prelude::*;

use super::{Model, exception, object};

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
export interface Look {
  timeEmbedding: Float32Array;
  stages: { name: string; role: "in" | "down" | "mid" | "up" | "out"; level: number; shape: [number, number, number]; values: Float32Array }[];
  attention: { shape: [number, number]; heads: number; weights: Float32Array } | null;
}
"#;

#[wasm_bindgen]
extern "C" {
    /// One evaluation of the network from the inside.
    #[wasm_bindgen(typescript_type = "Look")]
    pub type Look;
}

#[wasm_bindgen]
impl Model {
    /// The inside of one evaluation for one image `x`: the features after every stage, and the bottom's attention.
    pub async fn look(
        &self,
        x: Vec<f32>,
        timestep: usize,
        label: Option<u32>,
    ) -> Result<Look, JsError> {
        let labels = self.check(&x, 1, timestep, label.map(|label| vec![label]))?;
        let spec = self.pipeline.spec();
        let shape = [1, spec.channels, spec.height, spec.width];
        let seen = self
            .pipeline
            .look(&x, shape, timestep, labels.as_deref())
            .await
            .map_err(exception)?;

        let stages = seen
            .stages
            .into_iter()
            .map(stage)
            .collect::<Result<Array, _>>()?;
        let attention = match seen.attention {
            Some(attention) => attention_of(attention, [spec.height, spec.width])?,
            None => JsValue::NULL,
        };
        let embedding = self.time_embeddings(vec![timestep as u32]);
        Ok(object([
            ("timeEmbedding", embedding.into()),
            ("stages", stages.into()),
            ("attention", attention),
        ])?
        .unchecked_into())
    }

    /// The sines and cosines that tell the network its timestep, a row for each: `[n, d]`.
    #[wasm_bindgen(js_name = timeEmbeddings)]
    pub fn time_embeddings(&self, timesteps: Vec<u32>) -> Float32Array {
        let timesteps: Vec<f32> = timesteps.into_iter().map(|t| t as f32).collect();
        let rows = self.pipeline.unet().timestep_rows(&timesteps);
        Float32Array::from(&rows[..])
    }
}

fn stage(seen: SeenStage) -> Result<JsValue, JsError> {
    let (role, level, name) = match seen.place {
        Place::In => ("in", 0, "conv_in".into()),
        Place::Down(level) => ("down", level, format!("down_blocks.{level}")),
        Place::Mid => ("mid", 0, "mid_block".into()),
        Place::Up(level) => ("up", level, format!("up to level {level}")),
        Place::Out => ("out", 0, "conv_out".into()),
    };
    let [_, c, h, w] = seen.shape;
    let shape = Array::of(&[JsValue::from(c), JsValue::from(h), JsValue::from(w)]);
    object([
        ("name", name.into()),
        ("role", role.into()),
        ("level", level.into()),
        ("shape", shape.into()),
        ("values", Float32Array::from(&seen.values[..]).into()),
    ])
}

/// The middle block's attention over the pixels of the lowest level of an image of `size`.
fn attention_of(seen: SeenAttention, size: [usize; 2]) -> Result<JsValue, JsError> {
    let [_, heads, pixels, _] = seen.shape;
    // Halving keeps the proportions: h w pixels of the image have become `pixels`.
    let factor = ((size[0] * size[1]) as f64 / pixels as f64).sqrt();
    let shape = Array::of(&[
        JsValue::from((size[0] as f64 / factor).round()),
        JsValue::from((size[1] as f64 / factor).round()),
    ]);
    object([
        ("shape", shape.into()),
        ("heads", heads.into()),
        ("weights", Float32Array::from(&seen.weights[..]).into()),
    ])
}

//! A look inside one evaluation: features, attention, and how the network sees its timestep.

use crate::unet::look::{SeenAttention, SeenStage, Stage};
use js_sys::{Array, Float32Array};
use wasm_bindgen::prelude::*;

use super::{Model, exception, object};

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
/** The activations after one part of the U-Net. */
export interface Stage {
  name: string;
  role: "in" | "down" | "mid" | "up" | "out";
  /** 0 is the full resolution. */
  level: number;
  /** `[c, h, w]` */
  shape: [number, number, number];
  values: Float32Array;
}
/** The attention of the middle block. */
export interface Attention {
  /** `[h, w]` of the level that attends. */
  shape: [number, number];
  heads: number;
  /** `[heads, hw, hw]`: a row for each pixel that asks. */
  weights: Float32Array;
}
/** The inside of the network in one evaluation. */
export interface Look {
  /** The sines and cosines of the timestep. */
  timeEmbedding: Float32Array;
  /** In the order of computation. */
  stages: Stage[];
  /** null where the network has no attention in its middle. */
  attention: Attention | null;
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

    /// The sines and cosines by which the network knows its timestep, a row for each: `[n, d]`.
    #[wasm_bindgen(js_name = timeEmbeddings)]
    pub fn time_embeddings(&self, timesteps: Vec<u32>) -> Float32Array {
        let timesteps: Vec<f32> = timesteps.into_iter().map(|t| t as f32).collect();
        let rows = self.pipeline.unet().timestep_rows(&timesteps);
        Float32Array::from(&rows[..])
    }
}

fn stage(seen: SeenStage) -> Result<JsValue, JsError> {
    let (role, level, name) = match seen.stage {
        Stage::In => ("in", 0, "conv_in".into()),
        Stage::Down(level) => ("down", level, format!("down_blocks.{level}")),
        Stage::Mid => ("mid", 0, "mid_block".into()),
        Stage::Up(level) => ("up", level, format!("up to level {level}")),
        Stage::Out => ("out", 0, "conv_out".into()),
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
    let [_, heads, ..] = seen.shape;
    let shape = Array::of(&seen.pixels(size).map(JsValue::from));
    object([
        ("shape", shape.into()),
        ("heads", heads.into()),
        ("weights", Float32Array::from(&seen.weights[..]).into()),
    ])
}

//! Files that the page offers: animations as GIF, numbers as safetensors. They are Blobs, ready for a link.

use crate::picture::{Animation, GridLayout, grid};
use js_sys::{Array, Float32Array, Uint8Array};
use safetensors::tensor::{Dtype, TensorView};
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::*;
use web_sys::{Blob, BlobPropertyBag};

use super::{exception, given};

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
export interface NamedTensor {
  name: string;
  shape: number[];
  values: Float32Array;
}
"#;

#[wasm_bindgen]
extern "C" {
    /// Tensors with their names.
    #[wasm_bindgen(extends = Array, typescript_type = "NamedTensor[]")]
    pub type NamedTensors;
}

fn blob(bytes: &[u8], kind: &str) -> Result<Blob, JsError> {
    let options = BlobPropertyBag::new();
    options.set_type(kind);
    Blob::new_with_u8_array_sequence_and_options(
        &Array::of(&[JsValue::from(Uint8Array::from(bytes))]),
        &options,
    )
    .map_err(|_| {
        JsError::new("the browser could not hold the file; there may not be enough memory")
    })
}

fn shape_of(shape: &[u32]) -> Result<[usize; 4], JsError> {
    let wrong = |_| JsError::new("a shape is [count, channels, height, width]");
    let shape: [u32; 4] = shape.try_into().map_err(wrong)?;
    Ok(shape.map(|side| side as usize))
}

/// An animation that frames are added to, by the code of `walkback sample --gif`.
#[wasm_bindgen(js_name = Gif)]
pub struct WebGif {
    layout: GridLayout,
    animation: Option<Animation>,
}

#[wasm_bindgen(js_class = Gif)]
impl WebGif {
    /// An animation without a frame; images are laid out in `columns`, each pixel `scale` wide.
    #[wasm_bindgen(constructor)]
    pub fn new(columns: usize, scale: usize) -> WebGif {
        WebGif {
            layout: GridLayout::new(columns, scale),
            animation: None,
        }
    }

    /// Adds a frame of images `[count, channels, h, w]` in -1..1, shown for `centiseconds`.
    pub fn push(
        &mut self,
        images: &[f32],
        shape: &[u32],
        centiseconds: u16,
    ) -> Result<(), JsError> {
        let raster = grid(images, shape_of(shape)?, self.layout).map_err(exception)?;
        match &mut self.animation {
            Some(animation) => animation.push(&raster, centiseconds).map_err(exception),
            None => {
                self.animation = Some(Animation::new(&raster, centiseconds).map_err(exception)?);
                Ok(())
            }
        }
    }

    /// The file.
    pub fn finish(self) -> Result<Blob, JsError> {
        let animation = self
            .animation
            .ok_or_else(|| JsError::new("an animation needs at least one frame"))?;
        blob(&animation.finish().map_err(exception)?, "image/gif")
    }
}

/// A safetensors file of these tensors.
#[wasm_bindgen]
pub fn safetensors(tensors: &NamedTensors) -> Result<Blob, JsError> {
    let wrong =
        || JsError::new("a tensor is { name: string, shape: number[], values: Float32Array }");
    let mut parts: Vec<(String, Vec<usize>, Vec<u8>)> = Vec::new();
    for tensor in tensors.iter() {
        let name = given(&tensor, "name").and_then(|name| name.as_string());
        let values = given(&tensor, "values")
            .and_then(|values| values.dyn_into::<Float32Array>().ok())
            .map(|values| values.to_vec());
        let shape: Option<Vec<usize>> = given(&tensor, "shape")
            .filter(|shape| shape.is_array())
            .map(|shape| {
                Array::from(&shape)
                    .iter()
                    .filter_map(|side| side.as_f64())
                    .map(|side| side as usize)
                    .collect()
            });
        let (Some(name), Some(values), Some(shape)) = (name, values, shape) else {
            return Err(wrong());
        };
        let bytes = values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        parts.push((name, shape, bytes));
    }
    let views = parts
        .iter()
        .map(|(name, shape, bytes)| Ok((name, TensorView::new(Dtype::F32, shape.clone(), bytes)?)))
        .collect::<Result<Vec<_>, safetensors::SafeTensorError>>()
        .map_err(exception)?;
    blob(
        &safetensors::serialize(views, None).map_err(exception)?,
        "application/octet-stream",
    )
}

//! The walk back, one step at a time.

use crate::chain::{Chain, KnownImage};
use js_sys::{Float32Array, Float64Array, Uint32Array};
use std::cell::RefCell;
use std::rc::Rc;
use wasm_bindgen::prelude::*;

use super::model::Network;
use super::{exception, object};

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
/** What one step shows. */
export interface Frame {
  /** Steps taken before this one, from 0. */
  index: number;
  /** t, where the network was evaluated. */
  timestep: number;
  /** The state before the step, which the network was asked about, after several steps at once. */
  xt?: Float32Array | undefined;
  /** x_0-hat of the step before it, likewise. */
  x0Before?: Float32Array | undefined;
  /** The state after the step, `[count, channels, h, w]`. */
  xPrev: Float32Array;
  /** x_0-hat, the clean image that the prediction implies. */
  x0: Float32Array;
  /** eps-hat, the noise that the prediction implies. */
  eps: Float32Array;
  /** Whether `xPrev` is the final image. */
  done: boolean;
}
"#;

#[wasm_bindgen]
extern "C" {
    /// What one step shows.
    #[wasm_bindgen(typescript_type = "Frame")]
    pub type Frame;
}

/// What predicts the noise.
#[derive(Clone)]
pub(super) enum Guide {
    /// The network.
    Network(Network),
    /// The truth.
    Known(Rc<KnownImage>),
}

/// A chain in the middle of its walk.
#[wasm_bindgen(js_name = Chain)]
pub struct WebChain {
    guide: Guide,
    timesteps: Vec<u32>,
    alphas_cumprod: Vec<f64>,
    shape: [usize; 4],
    chain: Rc<RefCell<Chain>>,
}

impl WebChain {
    pub(super) fn new(chain: Chain, guide: Guide) -> Self {
        Self {
            guide,
            timesteps: chain.timesteps().iter().map(|&t| t as u32).collect(),
            alphas_cumprod: chain.alphas_cumprod().to_vec(),
            shape: chain.shape(),
            chain: Rc::new(RefCell::new(chain)),
        }
    }
}

#[wasm_bindgen(js_class = Chain)]
impl WebChain {
    /// The timesteps that the network is evaluated at, first to last.
    #[wasm_bindgen(getter)]
    pub fn timesteps(&self) -> Uint32Array {
        Uint32Array::from(&self.timesteps[..])
    }

    /// abar of the state before every step and after the last, one more than there are timesteps.
    #[wasm_bindgen(getter, js_name = alphasCumprod)]
    pub fn alphas_cumprod(&self) -> Float64Array {
        Float64Array::from(&self.alphas_cumprod[..])
    }

    /// `[count, channels, h, w]`.
    #[wasm_bindgen(getter)]
    pub fn shape(&self) -> Vec<u32> {
        self.shape.iter().map(|&side| side as u32).collect()
    }

    /// x_t, what the network is given next, row-major; at the end the image.
    #[wasm_bindgen(getter)]
    pub fn xt(&self) -> Result<Float32Array, JsError> {
        let chain = self.chain.try_borrow().map_err(|_| busy())?;
        Ok(Float32Array::from(chain.x_t()))
    }

    /// One reverse step: an evaluation of the network, then the sampler's arithmetic.
    ///
    /// Steps of one chain do not overlap: a call during a step is an error.
    pub async fn step(&self) -> Result<Frame, JsError> {
        self.advance(1).await
    }

    /// So many steps, or as many as are left, of which only the last is shown: a GPU takes them without an answer in
    /// between.
    #[allow(clippy::await_holding_refcell_ref)] // The borrow is the lock; `try_borrow_mut` refuses the second caller.
    pub async fn advance(&self, steps: usize) -> Result<Frame, JsError> {
        let (chain, guide) = (self.chain.clone(), self.guide.clone());
        let mut chain = chain.try_borrow_mut().map_err(|_| busy())?;
        let step = match guide {
            Guide::Network(network) => {
                let step = chain.advance(&network, steps).await;
                step.map_err(exception)?
            }
            Guide::Known(known) => {
                let step = chain.advance(known.as_ref(), steps).await;
                step.map_err(exception)?
            }
        };
        let array = |values: &[f32]| JsValue::from(Float32Array::from(values));
        // What nobody has seen of a single step, whoever asks has already.
        let [xt, x0_before] = match chain.x_0_before().filter(|_| steps > 1) {
            Some(x_0_before) => [array(&step.x_t), array(x_0_before)],
            None => [JsValue::UNDEFINED, JsValue::UNDEFINED],
        };
        Ok(object([
            ("index", step.index.into()),
            ("timestep", step.timestep.into()),
            ("xt", xt),
            ("xPrev", array(&step.x_prev)),
            ("x0", array(&step.x_0)),
            ("eps", array(&step.eps)),
            ("x0Before", x0_before),
            ("done", step.done.into()),
        ])?
        .unchecked_into())
    }
}

fn busy() -> JsError {
    JsError::new("this chain is still in its last step; wait for it before the next")
}

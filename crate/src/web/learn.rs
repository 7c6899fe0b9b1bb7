//! Learning, step by step: the crate's [`learn`](crate::learn) in a module of its own, which is loaded when it is asked for.

use crate::folder::{MODEL_INDEX_JSON, ModelFolder, layout};
use crate::learn::{Beginning, Drawn, Learner, Rehearsal, Variation};
use crate::stored::Stored;
use crate::weights;
use js_sys::{Float32Array, Uint8Array, Uint32Array};
use std::cell::RefCell;
use std::rc::Rc;
use wasm_bindgen::prelude::*;

use super::elsewhere::Elsewhere;
use super::learn_on::{Here, KIND, begin, continued, refusal};
use super::{Model, exception, object};

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
export interface DrawnBatch {
  x0: Float32Array;
  xt: Float32Array;
  eps: Float32Array;
  timesteps: Uint32Array;
}
export interface LearnStep {
  step: number;
  loss: number;
  gradNorm: number;
  learningRate: number;
}
export interface LearnedFiles {
  paths: string[];
  contents: Uint8Array[];
}
"#;

#[wasm_bindgen]
extern "C" {
    /// What lines 2 to 4 of Algorithm 1 drew, of the examples alone.
    #[wasm_bindgen(typescript_type = "DrawnBatch")]
    pub type DrawnBatch;
    /// What one step reports.
    #[wasm_bindgen(typescript_type = "LearnStep")]
    pub type LearnStep;
    /// The files of a model folder.
    #[wasm_bindgen(typescript_type = "LearnedFiles")]
    pub type LearnedFiles;
}

/// A model that learns from examples.
#[wasm_bindgen(js_name = Learner)]
pub struct WebLearner {
    learner: Rc<RefCell<Learner<Here>>>,
    /// What the next step sees, once it is drawn.
    drawn: Rc<RefCell<Option<Drawn>>>,
}

impl WebLearner {
    fn new(learner: Learner<Here>) -> Self {
        Self {
            learner: Rc::new(RefCell::new(learner)),
            drawn: Rc::default(),
        }
    }
}

#[wasm_bindgen(js_class = Learner)]
impl WebLearner {
    /// Begins with a model, which gets one label more.
    #[wasm_bindgen(js_name = fromModel)]
    pub async fn from_model(
        unet_config: String,
        scheduler_config: String,
        labels: Option<String>,
        weights: Vec<Uint8Array>,
        seed: u32,
    ) -> Result<WebLearner, JsError> {
        let weights = weights.into_iter().map(Elsewhere).collect();
        let folder = ModelFolder {
            unet_config,
            scheduler_config,
            labels,
            golden: None,
            weights: (weights::read(weights).map_err(exception)?)
                .safetensors
                .into_bytes(),
            notes: Vec::new(),
        };
        let beginning = Beginning::from_model(folder).map_err(exception)?;
        let learner = begin(beginning, u64::from(seed)).await?;
        Ok(Self::new(learner.map_err(exception)?))
    }

    /// Begins with a small network that knows nothing.
    #[wasm_bindgen(js_name = fromNothing)]
    pub async fn from_nothing(
        channels: usize,
        height: usize,
        width: usize,
        seed: u32,
    ) -> Result<WebLearner, JsError> {
        let (shape, seed) = ([channels, height, width], u64::from(seed));
        let beginning = Beginning::from_nothing(shape, seed).map_err(exception)?;
        let learner = begin(beginning, seed).await?;
        Ok(Self::new(learner.map_err(exception)?))
    }

    /// Continues from what `keep` gave, here or in the other module that learns.
    pub async fn continued(kept: Vec<u8>) -> Result<WebLearner, JsError> {
        let learner = continued(&kept).await?;
        Ok(Self::new(learner.map_err(exception)?))
    }

    /// Everything that the next step depends on, as bytes.
    #[allow(clippy::await_holding_refcell_ref)] // The borrow is the lock; a second call meanwhile is refused.
    pub async fn keep(&self) -> Result<Uint8Array, JsError> {
        let learner = self.learner.clone();
        let learner = learner.try_borrow().map_err(|_| busy())?;
        let kept = learner.keep().await.map_err(exception)?;
        Ok(Uint8Array::from(&kept[..]))
    }

    /// Steps taken.
    #[wasm_bindgen(getter)]
    pub fn step(&self) -> Result<f64, JsError> {
        let learner = self.learner.try_borrow().map_err(|_| busy())?;
        Ok(learner.step() as f64)
    }

    /// The label of the examples; null in a model without labels.
    #[wasm_bindgen(getter)]
    pub fn label(&self) -> Result<Option<usize>, JsError> {
        let learner = self.learner.try_borrow().map_err(|_| busy())?;
        Ok(learner.label())
    }

    /// `[channels, h, w]` of an example.
    #[wasm_bindgen(getter)]
    pub fn shape(&self) -> Result<Vec<u32>, JsError> {
        let learner = self.learner.try_borrow().map_err(|_| busy())?;
        let shape = learner.examples.shape();
        Ok(shape.iter().map(|&side| side as u32).collect())
    }

    /// Shows these examples from now on, `[n, channels, h, w]` from -1 to 1.
    pub fn show(&self, images: Vec<f32>) -> Result<(), JsError> {
        let mut learner = self.learner.try_borrow_mut().map_err(|_| busy())?;
        learner.examples.show(images);
        *self.drawn.borrow_mut() = None;
        Ok(())
    }

    /// How examples are varied: shift in pixels, turn in degrees, thickness from 0 to 1, and whether they are mirrored.
    pub fn vary(&self, shift: f64, turn: f64, thickness: f64, mirror: bool) -> Result<(), JsError> {
        let mut learner = self.learner.try_borrow_mut().map_err(|_| busy())?;
        learner.examples.variation = Variation {
            shift,
            turn,
            thickness,
            mirror,
        };
        Ok(())
    }

    /// Images of what the model knew before, `[n, channels, h, w]` with one label each, which it is to keep.
    pub fn rehearse(&self, images: Vec<f32>, labels: Vec<u32>) -> Result<(), JsError> {
        let mut learner = self.learner.try_borrow_mut().map_err(|_| busy())?;
        let labels = labels.into_iter().map(|label| label as usize).collect();
        learner.rehearsal = Rehearsal { images, labels };
        Ok(())
    }

    /// Draws images, timesteps and noise for the next step.
    #[allow(clippy::await_holding_refcell_ref)] // As above.
    pub async fn draw(&self) -> Result<DrawnBatch, JsValue> {
        let (learner, slot) = (self.learner.clone(), self.drawn.clone());
        let learner = learner.try_borrow().map_err(|_| busy())?;
        let drawn = learner.draw().await.map_err(refusal)?;
        let values = drawn.own * learner.examples.size();
        let timesteps: Vec<u32> = (drawn.batch.timesteps[..drawn.own].iter())
            .map(|&timestep| timestep as u32)
            .collect();
        let array = |values: &[f32]| JsValue::from(Float32Array::from(values));
        let shown = object([
            ("x0", array(&drawn.batch.x_0[..values])),
            ("xt", array(&drawn.batch.x_t[..values])),
            ("eps", array(&drawn.batch.eps[..values])),
            ("timesteps", Uint32Array::from(&timesteps[..]).into()),
        ])?;
        *slot.borrow_mut() = Some(drawn);
        Ok(shown.unchecked_into())
    }

    /// A step of gradient descent on what was drawn last; draws first where nothing was.
    #[allow(clippy::await_holding_refcell_ref)] // As above.
    pub async fn descend(&self, learning_rate: f64) -> Result<LearnStep, JsValue> {
        let (learner, slot) = (self.learner.clone(), self.drawn.clone());
        let mut learner = learner.try_borrow_mut().map_err(|_| busy())?;
        let drawn = slot.borrow_mut().take();
        let drawn = match drawn {
            Some(drawn) => drawn,
            None => learner.draw().await.map_err(refusal)?,
        };
        let report = learner.descend(&drawn, learning_rate).await;
        let report = report.map_err(refusal)?;
        Ok(object([
            ("step", (report.step as f64).into()),
            ("loss", report.loss.into()),
            ("gradNorm", report.grad_norm.into()),
            ("learningRate", report.learning_rate.into()),
        ])?
        .unchecked_into())
    }

    /// Returns to the last good state, and says its step.
    pub fn undo(&self) -> Result<f64, JsError> {
        let mut learner = self.learner.try_borrow_mut().map_err(|_| busy())?;
        *self.drawn.borrow_mut() = None;
        Ok(learner.undo() as f64)
    }

    /// The model with the averaged weights as they are now.
    #[allow(clippy::await_holding_refcell_ref)] // As above.
    pub async fn model(&self) -> Result<Model, JsError> {
        let learner = self.learner.clone();
        let learner = learner.try_borrow().map_err(|_| busy())?;
        let pipeline = learner.pipeline().await.map_err(exception)?;
        Ok(Model::of(pipeline, KIND))
    }

    /// The mean squared error at a timestep, over the examples; of the model before learning, if that is asked for, and
    /// undefined where there was none.
    #[wasm_bindgen(js_name = errorAt)]
    #[allow(clippy::await_holding_refcell_ref)] // As above.
    pub async fn error_at(&self, timestep: usize, before: bool) -> Result<Option<f64>, JsError> {
        let learner = self.learner.clone();
        let learner = learner.try_borrow().map_err(|_| busy())?;
        learner.error_at(timestep, before).await.map_err(exception)
    }

    /// The model as a folder in diffusers' layout, with `card` as its README.md.
    #[allow(clippy::await_holding_refcell_ref)] // As above.
    pub async fn folder(&self, card: String) -> Result<LearnedFiles, JsError> {
        let learner = self.learner.clone();
        let learner = learner.try_borrow().map_err(|_| busy())?;
        let folder = learner.folder().await.map_err(exception)?;
        let weights = format!("unet/{}", layout::USUAL_WEIGHTS);
        let mut files: Vec<(&str, &[u8])> = vec![
            (layout::MODEL_INDEX, MODEL_INDEX_JSON.as_bytes()),
            (layout::UNET_CONFIG[0], folder.unet_config.as_bytes()),
            (&weights, &folder.weights),
            (
                layout::SCHEDULER_CONFIG[0],
                folder.scheduler_config.as_bytes(),
            ),
            ("README.md", card.as_bytes()),
        ];
        let (labels, golden) = (folder.labels.as_deref(), folder.golden.as_deref());
        let optional = [(layout::LABELS, labels), (layout::GOLDEN, golden)];
        files.extend(
            optional
                .iter()
                .filter_map(|(path, text)| Some((*path, (*text)?.as_bytes()))),
        );
        let paths = files.iter().map(|(path, _)| JsValue::from_str(path));
        let contents = files
            .iter()
            .map(|(_, bytes)| JsValue::from(Uint8Array::from(*bytes)));
        Ok(object([
            ("paths", paths.collect::<js_sys::Array>().into()),
            ("contents", contents.collect::<js_sys::Array>().into()),
        ])?
        .unchecked_into())
    }
}

fn busy() -> JsError {
    JsError::new("the learner is still in its last step; wait for it before the next")
}

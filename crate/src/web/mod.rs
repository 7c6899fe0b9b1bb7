//! The crate as the page sees it: a thin layer of wasm-bindgen, without arithmetic of its own.
//!
//! Errors become exceptions with a sentence that a person can act on. A panic is a bug and traps the module, which must
//! not be used again: its message goes to the console and into `walkbackPanic` of the global object, where the worker
//! finds it. A trap without a message means that memory ran out.
//!
//! | module | what the page calls |
//! |---|---|
//! | `model` | a loaded model: what it is, one evaluation, the bound |
//! | `gpu`, `prepare` | the browser's GPU, and kernels that are compiled before there are weights |
//! | `probe` | a known answer, for the check of a device |
//! | `look` | the inside of one evaluation |
//! | `chain` | the walk back, step by step |
//! | `request` | reads the options of a chain |
//! | `elsewhere` | files in the page's memory |
//! | `forward` | without a model: noise, schedules, the walk forward |
//! | `files` | GIF and safetensors to save |
//! | `learn`, `learn_on` | learning from a few examples, on the CPU or on the GPU |

mod chain;
mod elsewhere;
mod files;
mod forward;
#[cfg(any(feature = "web-webgpu", feature = "web-learn-webgpu"))]
mod gpu;
#[cfg(feature = "web-learn")]
mod learn;
#[cfg(feature = "web-learn")]
mod learn_on;
mod look;
mod model;
#[cfg(feature = "web-webgpu")]
mod prepare;
mod probe;
mod request;

pub use chain::WebChain;
pub use files::{WebGif, safetensors};
pub use forward::{WebForwardWalk, add_noise, noise, remove_noise, schedule_of, slerp};
#[cfg(feature = "web-learn")]
pub use learn::WebLearner;
#[cfg(feature = "web-learn-webgpu")]
pub use learn_on::check_gpu;
pub use model::{Model, check_model_index};
#[cfg(feature = "web-webgpu")]
pub use prepare::prepare;

use js_sys::{Function, Object, Reflect};
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::*;

#[wasm_bindgen(start)]
fn start() {
    std::panic::set_hook(Box::new(|panic| {
        console_error_panic_hook::hook(panic);
        let message = panic.payload_as_str().unwrap_or("no reason given");
        // Frozen globals would only cost the visitor the message.
        let _ = Reflect::set(&js_sys::global(), &"walkbackPanic".into(), &message.into());
    }));
    tell_progress();
}

/// Has `walkbackProgress` of the global object, where there is one now, told how far each evaluation is, from 0
/// to 1.
fn tell_progress() {
    let listener = Reflect::get(&js_sys::global(), &"walkbackProgress".into());
    let Ok(listener) = listener.and_then(|it| it.dyn_into::<Function>()) else {
        return;
    };
    crate::unet::progress::listen(move |share| {
        // It only shows what it is told.
        let _ = listener.call1(&JsValue::NULL, &share.into());
    });
}

/// An exception with the error's sentence.
fn exception(error: impl std::error::Error) -> JsError {
    JsError::new(&error.to_string())
}

fn object<const N: usize>(entries: [(&str, JsValue); N]) -> Result<JsValue, JsError> {
    let object = Object::new();
    for (key, value) in entries {
        Reflect::set(&object, &key.into(), &value)
            .map_err(|_| JsError::new("a result object is frozen"))?;
    }
    Ok(object.into())
}

/// What `object` holds under `key`; `None` if nothing.
fn given(object: &JsValue, key: &str) -> Option<JsValue> {
    let value = Reflect::get(object, &key.into()).unwrap_or(JsValue::UNDEFINED);
    Some(value).filter(|value| !value.is_undefined() && !value.is_null())
}

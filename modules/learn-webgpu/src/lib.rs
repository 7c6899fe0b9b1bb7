//! The crate with the features of this module, linked to a wasm file of its own.

pub use walkback::*;

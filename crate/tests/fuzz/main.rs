//! Whatever a file holds, reading it ends in a value or in a sentence: no panic, no hang, and no more memory than the file
//! accounts for.
//!
//! Valid files are changed at random (bytes flipped, cut out, doubled; JSON values replaced and removed) and read again.
//! `cargo xtask test --long` reads many more of them.

#![cfg(feature = "native")]

#[path = "../common/mod.rs"]
mod common;

mod data;
mod edits;
mod memory;
mod models;

use proptest::prelude::*;

/// Few cases where every change is tested, many where there is time.
fn cases(few: u32, many: u32) -> ProptestConfig {
    let long = std::env::var_os("WALKBACK_LONG").is_some();
    ProptestConfig {
        cases: if long { many } else { few },
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// A sentence says something, without what only a programmer would print.
fn is_a_sentence(text: &str) -> Result<(), TestCaseError> {
    prop_assert!(text.len() > 20, "{}", text);
    prop_assert!(!text.contains("panicked"), "{}", text);
    Ok(())
}

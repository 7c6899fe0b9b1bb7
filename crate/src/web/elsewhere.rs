//! Files that the page holds, read part by part.

use crate::stored::Stored;
use js_sys::Uint8Array;
use std::borrow::Cow;
use std::ops::Range;

/// The bytes of a file in the page's memory. Only what is asked for is copied into that of wasm, which never shrinks.
pub(super) struct Elsewhere(pub(super) Uint8Array);

impl Stored for Elsewhere {
    fn size(&self) -> usize {
        self.0.length() as usize
    }

    fn part(&self, range: Range<usize>) -> Cow<'_, [u8]> {
        let part = self.0.subarray(range.start as u32, range.end as u32);
        part.to_vec().into()
    }
}

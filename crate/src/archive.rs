//! The directory of a zip archive: PyTorch's files are archives, and folders of images come as such.
//!
//! No content is read: an entry is a range of the file. APPNOTE.TXT of PKWARE, sections 4.3.7, 4.3.12, 4.3.14 to 4.3.16.

use std::ops::Range;

use thiserror::Error;

/// Why an archive cannot be read.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub(crate) enum ArchiveError {
    /// An offset in it lies beyond its end.
    #[error("the archive is cut short")]
    CutShort,
    /// It says that it has more than any archive of this kind.
    #[error("the archive has {0} entries")]
    TooMany(u64),
}

const LOCAL_HEADER: [u8; 4] = *b"PK\x03\x04";
const CENTRAL_HEADER: [u8; 4] = *b"PK\x01\x02";
const END: [u8; 4] = *b"PK\x05\x06";
const END_64: [u8; 4] = *b"PK\x06\x06";
const END_64_LOCATOR: [u8; 4] = *b"PK\x06\x07";
/// The end record may be followed by a comment of this length.
const LONGEST_COMMENT: usize = 65_535;
const END_BYTES: usize = 22;
/// A field with this value is found in the zip64 extra field instead.
const IN_EXTRA: u64 = 0xffff_ffff;
const ZIP64_EXTRA: u64 = 1;
/// More than any file of weights or set of images has.
const MOST_ENTRIES: u64 = 10_000_000;

/// One file in the archive.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) name: String,
    /// Where its bytes are, packed or not.
    pub(crate) range: Range<usize>,
    /// How they are packed: see [`STORED`] and [`DEFLATED`].
    pub(crate) method: u64,
}

/// As they are.
pub(crate) const STORED: u64 = 0;
/// With Deflate (RFC 1951).
#[cfg(feature = "native")]
pub(crate) const DEFLATED: u64 = 8;

/// Whether a file begins as an archive does.
pub(crate) fn is_archive(file: &[u8]) -> bool {
    file.starts_with(&LOCAL_HEADER)
}

/// A little-endian number of up to eight bytes.
fn number(file: &[u8], at: usize, bytes: usize) -> Result<u64, ArchiveError> {
    let field = at.checked_add(bytes).and_then(|end| file.get(at..end));
    let field = field.ok_or_else(cut_short)?;
    Ok(field
        .iter()
        .rev()
        .fold(0, |n, byte| n << 8 | u64::from(*byte)))
}

fn is_at(file: &[u8], at: usize, signature: [u8; 4]) -> bool {
    file.get(at..)
        .is_some_and(|rest| rest.starts_with(&signature))
}

fn cut_short() -> ArchiveError {
    ArchiveError::CutShort
}

fn usize_of(n: u64) -> Result<usize, ArchiveError> {
    usize::try_from(n).map_err(|_| cut_short())
}

/// The entries of an archive.
///
/// # Errors
/// See [`ArchiveError`].
pub(crate) fn entries(file: &[u8]) -> Result<Vec<Entry>, ArchiveError> {
    let (count, start) = directory(file)?;
    if count > MOST_ENTRIES {
        return Err(ArchiveError::TooMany(count));
    }
    let mut entries = Vec::new();
    let mut at = usize_of(start)?;
    for _ in 0..count {
        if !is_at(file, at, CENTRAL_HEADER) {
            return Err(cut_short());
        }
        let field = |offset: usize, bytes| number(file, at + offset, bytes);
        let method = field(10, 2)?;
        let (mut packed, mut size) = (field(20, 4)?, field(24, 4)?);
        let [name, extra, comment] = [field(28, 2)?, field(30, 2)?, field(32, 2)?];
        let mut header = field(42, 4)?;
        let (name_at, name_length) = (at + 46, usize_of(name)?);
        let extra_at = name_at + name_length;
        let extra_end = extra_at + usize_of(extra)?;
        let text = file.get(name_at..extra_at).ok_or_else(cut_short)?;
        let name = String::from_utf8_lossy(text).into_owned();
        // Of the three, the extra field holds those that did not fit, in this order.
        let mut wide = wide_fields(file, extra_at, extra_end)?;
        for value in [&mut size, &mut packed, &mut header] {
            if *value == IN_EXTRA && !wide.is_empty() {
                *value = wide.remove(0);
            }
        }
        let header = usize_of(header)?;
        if !is_at(file, header, LOCAL_HEADER) {
            return Err(cut_short());
        }
        let [name_there, extra_there] =
            [number(file, header + 26, 2)?, number(file, header + 28, 2)?];
        let from = header + 30 + usize_of(name_there)? + usize_of(extra_there)?;
        let to = from
            .checked_add(usize_of(packed)?)
            .filter(|to| *to <= file.len());
        let to = to.ok_or_else(cut_short)?;
        entries.push(Entry {
            name,
            range: from..to,
            method,
        });
        at = extra_end + usize_of(comment)?;
    }
    Ok(entries)
}

/// How many entries there are, and where the directory begins.
fn directory(file: &[u8]) -> Result<(u64, u64), ArchiveError> {
    let last = file.len().checked_sub(END_BYTES).ok_or_else(cut_short)?;
    let first = last.saturating_sub(LONGEST_COMMENT);
    let end = (first..=last).rev().find(|&at| is_at(file, at, END));
    let end = end.ok_or_else(cut_short)?;
    let locator = end
        .checked_sub(20)
        .filter(|&at| is_at(file, at, END_64_LOCATOR));
    if let Some(locator) = locator {
        let end = usize_of(number(file, locator + 8, 8)?)?;
        if !is_at(file, end, END_64) {
            return Err(cut_short());
        }
        return Ok((number(file, end + 32, 8)?, number(file, end + 48, 8)?));
    }
    Ok((number(file, end + 10, 2)?, number(file, end + 16, 4)?))
}

/// The values of the zip64 extra field between two offsets.
fn wide_fields(file: &[u8], mut at: usize, end: usize) -> Result<Vec<u64>, ArchiveError> {
    while at + 4 <= end {
        let (kind, length) = (number(file, at, 2)?, usize_of(number(file, at + 2, 2)?)?);
        if kind == ZIP64_EXTRA {
            return (0..length / 8)
                .map(|i| number(file, at + 4 + 8 * i, 8))
                .collect();
        }
        at += 4 + length;
    }
    Ok(Vec::new())
}

//! The bytes of IDX files: a magic number, big-endian sizes, then one byte per pixel or label, gzipped or not.

use super::error::IdxError;
use flate2::bufread::MultiGzDecoder;
use flate2::{Compression, GzBuilder};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;

/// First four bytes of a file of images: unsigned bytes in three dimensions.
pub(super) const IMAGES_MAGIC: u32 = 0x0000_0803;
/// First four bytes of a file of labels: unsigned bytes in one dimension.
pub(super) const LABELS_MAGIC: u32 = 0x0000_0801;

/// The most bytes that one file may unpack to (2 GiB; EMNIST, the largest set of its kind, has 0.6).
const MAX_BYTES: u64 = 2 << 30;
/// The longest side an image may have.
const MAX_SIDE: u32 = 4096;

/// Gzips `bytes` without a time stamp or a name, so that the same input always gives the same file.
pub fn gzip(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzBuilder::new().write(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    encoder.finish()
}

/// A reader of `inner` that unpacks gzip where the first two bytes are gzip's.
pub(crate) fn gunzip_if_needed<'a>(mut inner: impl BufRead + 'a) -> io::Result<Box<dyn Read + 'a>> {
    if inner.fill_buf()?.starts_with(&[0x1f, 0x8b]) {
        Ok(Box::new(MultiGzDecoder::new(inner)))
    } else {
        Ok(Box::new(inner))
    }
}

/// Reads a file of images: the bytes, the height and the width.
pub(super) fn read_images(path: &Path) -> Result<(Vec<u8>, usize, usize), IdxError> {
    let mut reader = open(path, "images", IMAGES_MAGIC)?;
    let [count, height, width] = header(&mut reader, path)?;
    let bytes = body(&mut reader, path, count, height, width)?;
    Ok((bytes, height as usize, width as usize))
}

/// Reads a file of labels.
pub(super) fn read_labels(path: &Path) -> Result<Vec<u8>, IdxError> {
    let mut reader = open(path, "labels", LABELS_MAGIC)?;
    let [count] = header(&mut reader, path)?;
    body(&mut reader, path, count, 1, 1)
}

fn open(path: &Path, what: &'static str, expected: u32) -> Result<Box<dyn Read>, IdxError> {
    let read = |source| IdxError::Read {
        path: path.into(),
        source,
    };
    let file = File::open(path).map_err(read)?;
    let mut reader = gunzip_if_needed(BufReader::new(file)).map_err(read)?;
    let [found] = header(&mut reader, path)?;
    if found != expected {
        return Err(IdxError::Magic {
            path: path.into(),
            what,
            found,
            expected,
        });
    }
    Ok(reader)
}

/// Reads `N` big-endian numbers of the header.
fn header<const N: usize>(reader: &mut dyn Read, path: &Path) -> Result<[u32; N], IdxError> {
    let mut numbers = [0; N];
    for number in &mut numbers {
        let bytes = read_up_to(reader, 4, path)?;
        *number = match <[u8; 4]>::try_from(bytes.as_slice()) {
            Ok(bytes) => u32::from_be_bytes(bytes),
            Err(_) => {
                return Err(IdxError::Read {
                    path: path.into(),
                    source: io::Error::new(
                        io::ErrorKind::UnexpectedEof,
                        "it ends within its header",
                    ),
                });
            }
        };
    }
    Ok(numbers)
}

fn body(
    reader: &mut dyn Read,
    path: &Path,
    count: u32,
    height: u32,
    width: u32,
) -> Result<Vec<u8>, IdxError> {
    let sides = 1..=MAX_SIDE;
    // Sides are at most 2^12, so the product stays below 2^56.
    let plausible = count > 0 && sides.contains(&height) && sides.contains(&width);
    let expected = if plausible {
        u64::from(count) * u64::from(height) * u64::from(width)
    } else {
        u64::MAX
    };
    if expected > MAX_BYTES {
        return Err(IdxError::Sizes {
            path: path.into(),
            count,
            height,
            width,
        });
    }
    // One byte more than promised shows what trails, and makes gzip check its sum.
    let bytes = read_up_to(reader, expected + 1, path)?;
    let found = bytes.len() as u64;
    if found < expected {
        return Err(IdxError::Truncated {
            path: path.into(),
            found,
            expected,
        });
    }
    if found > expected {
        return Err(IdxError::Trailing {
            path: path.into(),
            expected,
        });
    }
    Ok(bytes)
}

/// Reads `limit` bytes, or fewer where the file or its gzip stream ends early.
fn read_up_to(reader: &mut dyn Read, limit: u64, path: &Path) -> Result<Vec<u8>, IdxError> {
    let mut bytes = Vec::new();
    match reader.take(limit).read_to_end(&mut bytes) {
        Ok(_) => Ok(bytes),
        // A gzip stream cut short: the caller sees what is missing and names it.
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(bytes),
        Err(source) => Err(IdxError::Read {
            path: path.into(),
            source,
        }),
    }
}

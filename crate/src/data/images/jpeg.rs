//! Whether a JPEG file is whole. Decoders make the missing part of a truncated one grey, which would be trained on.

const START_OF_IMAGE: [u8; 2] = [0xff, 0xd8];
const START_OF_SCAN: u8 = 0xda;
const END_OF_IMAGE: u8 = 0xd9;

/// Whether the file begins as a JPEG does.
pub(super) fn is_jpeg(file: &[u8]) -> bool {
    file.starts_with(&START_OF_IMAGE)
}

/// Whether the end-of-image marker is there (ITU-T T.81, annex B). Segments are skipped by their lengths, because one of
/// them may hold a thumbnail with an end of its own.
pub(super) fn is_whole(file: &[u8]) -> bool {
    let mut at = START_OF_IMAGE.len();
    let mut in_scan = false;
    while let Some(&byte) = file.get(at) {
        let marker = match (byte, file.get(at + 1)) {
            (0xff, Some(&marker)) => marker,
            // Compressed data, or padding between segments, which decoders forgive.
            _ => {
                at += 1;
                continue;
            }
        };
        match marker {
            END_OF_IMAGE => return true,
            // In a scan: an escaped 0xff, a restart; anywhere: a fill byte, a marker without a segment.
            0xff => at += 1,
            0x00 | 0x01 | 0xd0..=0xd8 => at += 2,
            _ if in_scan && !starts_segment(marker) => at += 2,
            _ => {
                let length = file
                    .get(at + 2..at + 4)
                    .map_or(0, |b| usize::from(u16::from_be_bytes([b[0], b[1]])));
                in_scan |= marker == START_OF_SCAN;
                at += 2 + length.max(2);
            }
        }
    }
    false
}

/// The markers between two scans: tables, the next scan, data of applications.
fn starts_segment(marker: u8) -> bool {
    matches!(marker, 0xc4 | 0xcc | START_OF_SCAN..=0xdf | 0xe0..=0xef | 0xfe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_within_a_thumbnail_is_not_the_end() {
        let exif = [&[0xff, 0xe1, 0x00, 0x08][..], b"Exif", &[0xff, 0xd9]].concat();
        let scan = [
            0xff, 0xda, 0x00, 0x02, 0x12, 0xff, 0x00, 0x34, 0xff, 0xd0, 0x56,
        ];
        let without = [&START_OF_IMAGE[..], &exif, &scan].concat();
        assert!(!is_whole(&without));
        assert!(is_whole(&[&without[..], &[0xff, 0xd9]].concat()));
        assert!(is_jpeg(&without) && !is_jpeg(b"\x89PNG"));
    }
}

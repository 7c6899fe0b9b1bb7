//! Images to train on.

use crate::edits::{Edit, edited, edits};
use crate::memory::measured;
use crate::{cases, is_a_sentence};
use proptest::prelude::*;
use std::fs;
use std::path::Path;
use walkback::data::Dataset;
use walkback::data::idx::{Split, gzip};
use walkback::data::images::{self, Wanted};

#[test]
fn a_header_that_lies_costs_no_memory() {
    // 1.6 GB promised, twelve bytes there.
    let dir = tempfile::tempdir().unwrap();
    let header = [0x803_u32, 100, 4096, 4096].map(u32::to_be_bytes).concat();
    let bytes = [header, vec![0; 12]].concat();
    fs::write(dir.path().join("train-images-idx3-ubyte"), bytes).unwrap();
    fs::write(
        dir.path().join("train-labels-idx1-ubyte"),
        [0, 0, 8, 1, 0, 0, 0, 1, 0],
    )
    .unwrap();
    let (outcome, most) = measured(|| Dataset::from_dir(dir.path(), Split::Train));
    let sentence = outcome.unwrap_err().to_string();
    assert!(
        sentence.contains("truncated: 12 of 1677721600 bytes") && most < 100_000,
        "{most}"
    );
}

proptest! {
    #![proptest_config(cases(256, 20_000))]

    #[test]
    fn idx_files_of_any_content_are_read_or_refused(edits in edits(), labels in edits(), packed in 0..3_u8) {
        let data = Dataset {
            images: (0..=255).collect(),
            labels: (0..4).collect(),
            height: 8,
            width: 8,
            channels: 1,
        };
        // Changed before it is packed, after, or without.
        let change = |valid: Vec<u8>, edits: &[Edit]| match packed {
            0 => edited(&valid, edits, Some(24)),
            1 => gzip(&edited(&valid, edits, Some(24))).unwrap(),
            _ => edited(&gzip(&valid).unwrap(), edits, None),
        };
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: &[u8]| fs::write(dir.path().join(name), bytes).unwrap();
        write("train-images-idx3-ubyte", &change(data.images_to_idx(), &edits));
        write("train-labels-idx1-ubyte", &change(data.labels_to_idx(), &labels));
        let (outcome, most) = measured(|| Dataset::from_dir(dir.path(), Split::Train));
        match outcome {
            Ok(data) => prop_assert_eq!(data.images.len(), data.len() * data.image_len()),
            Err(error) => is_a_sentence(&error.to_string())?,
        }
        prop_assert!(most < 1 << 20, "{} bytes", most);
    }
}

/// A PNG of a few colours and a JPEG, both 16 x 16.
fn pictures() -> [Vec<u8>; 2] {
    let picture =
        image::RgbImage::from_fn(16, 16, |x, y| image::Rgb([x as u8 * 16, y as u8 * 16, 90]));
    [image::ImageFormat::Png, image::ImageFormat::Jpeg].map(|format| {
        let mut bytes = std::io::Cursor::new(Vec::new());
        picture.write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    })
}

fn train_on(dir: &Path, broken: &[u8]) -> Result<Dataset, String> {
    let [png, _] = pictures();
    for i in 0..16 {
        fs::write(
            dir.join(format!("{i}.png")),
            if i == 5 { broken } else { &png },
        )
        .unwrap();
    }
    images::read(dir, Split::Train, &Wanted::default())
        .map(|set| set.data)
        .map_err(|e| e.to_string())
}

proptest! {
    #![proptest_config(cases(64, 4000))]

    #[test]
    fn image_files_of_any_content_are_read_or_refused(edits in edits(), kind in 0..2_usize, in_header in any::<bool>()) {
        let dir = tempfile::tempdir().unwrap();
        let broken = edited(&pictures()[kind], &edits, in_header.then_some(40));
        match train_on(dir.path(), &broken) {
            Ok(data) => {
                prop_assert_eq!(data.len(), 16);
                prop_assert_eq!(data.images.len(), data.len() * data.image_len());
            }
            Err(error) => {
                is_a_sentence(&error)?;
                prop_assert!(error.contains("5.png"), "{}", error);
            }
        }
    }
}

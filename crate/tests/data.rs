//! IDX files as they come: gzipped or not, under either name. What can be wrong with them is in `malformed/`.

#![cfg(feature = "native")]

use std::fs;
use std::path::Path;

use tempfile::TempDir;
use walkback::data::Dataset;
use walkback::data::idx::{IdxError, Split, gzip};

const IMAGES: &str = "train-images-idx3-ubyte";
const LABELS: &str = "train-labels-idx1-ubyte";

/// Three images of 2 x 2 pixels.
fn three() -> Dataset {
    Dataset {
        images: (0..12).map(|i| i * 20).collect(),
        labels: vec![2, 0, 1],
        height: 2,
        width: 2,
        channels: 1,
    }
}

/// A folder of the files given.
fn folder(files: &[(&str, &[u8])]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        fs::write(dir.path().join(name), bytes).unwrap();
    }
    dir
}

#[test]
fn either_name_is_read_packed_or_not() {
    let (images, labels) = (three().images_to_idx(), three().labels_to_idx());
    for (images_name, labels_name) in [
        (IMAGES, LABELS),
        ("train-images.idx3-ubyte", "train-labels.idx1-ubyte"),
    ] {
        let plain = folder(&[(images_name, &images), (labels_name, &labels)]);
        let packed = folder(&[
            (&format!("{images_name}.gz"), &gzip(&images).unwrap()),
            (&format!("{labels_name}.gz"), &gzip(&labels).unwrap()),
        ]);
        // What a file is shows in its bytes: unpacked content under a name in .gz, and the other way round.
        let misnamed = folder(&[
            (&format!("{images_name}.gz"), &images),
            (labels_name, &gzip(&labels).unwrap()),
        ]);
        for dir in [plain, packed, misnamed] {
            assert_eq!(
                Dataset::from_dir(dir.path(), Split::Train).unwrap(),
                three()
            );
        }
    }
}

#[test]
fn the_test_split_has_its_own_files() {
    let (images, labels) = (three().images_to_idx(), three().labels_to_idx());
    let dir = folder(&[
        ("t10k-images-idx3-ubyte", &images),
        ("t10k-labels-idx1-ubyte", &labels),
    ]);
    assert_eq!(Dataset::from_dir(dir.path(), Split::Test).unwrap(), three());
    let error = Dataset::from_dir(dir.path(), Split::Train).unwrap_err();
    assert!(matches!(error, IdxError::Missing { .. }), "{error}");
}

#[test]
fn a_byte_becomes_a_value_between_minus_one_and_one() {
    let data = Dataset {
        images: vec![0, 51, 204, 255],
        labels: vec![0],
        ..three()
    };
    assert_eq!(data.image(0), [-1.0, -0.6, 0.6, 1.0]);
    let mut out = [0.0; 4];
    data.image_into(0, &mut out);
    assert_eq!(out.to_vec(), data.image(0));
}

#[test]
fn classes_and_choices_follow_the_labels() {
    let data = three();
    assert_eq!(data.classes(), 3);
    let chosen = data.select(&[2, 0]);
    assert_eq!(chosen.labels, [1, 2]);
    assert_eq!(chosen.pixels(0), data.pixels(2));
    let doubled = data.select(&[0, 0, 1, 0, 2]);
    assert_eq!(doubled.first_of_each_class(2), [0, 1, 2, 4]);
}

#[test]
fn the_shipped_digits_are_fifty_of_each_class() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/mnist-500");
    let digits = Dataset::from_dir(&dir, Split::Train).unwrap();
    assert_eq!(
        (digits.len(), digits.height, digits.width, digits.channels),
        (500, 28, 28, 1)
    );
    for class in 0..10 {
        let count = digits
            .labels
            .iter()
            .filter(|&&label| label == class)
            .count();
        assert_eq!(count, 50, "digit {class}");
    }
    // The first training digits of MNIST are 5, 0, 4, 1, 9.
    assert_eq!(digits.labels[..5], [5, 0, 4, 1, 9]);
    for index in 0..digits.len() {
        let ink: u64 = digits.pixels(index).iter().map(|&p| u64::from(p)).sum();
        assert!(ink > 5_000, "digit {index} has ink");
    }
}

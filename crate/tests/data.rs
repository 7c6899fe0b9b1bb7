//! IDX files as they come: gzipped or not, under either name, and every way in which they can be wrong.

#![cfg(feature = "native")]

use std::fs;
use std::path::Path;

use tempfile::TempDir;
use walkback::train::idx::{Dataset, IdxError, Split, gzip};

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

fn idx(magic: u32, sizes: &[u32], data: &[u8]) -> Vec<u8> {
    let header = std::iter::once(&magic).chain(sizes);
    let mut bytes: Vec<u8> = header.flat_map(|number| number.to_be_bytes()).collect();
    bytes.extend(data);
    bytes
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

/// The sentence for a folder of these two files; an empty file stands for a missing one.
fn sentence(images: &[u8], labels: &[u8]) -> String {
    let files = [(IMAGES, images), (LABELS, labels)];
    let present: Vec<_> = files.into_iter().filter(|(_, b)| !b.is_empty()).collect();
    let dir = folder(&present);
    let error = Dataset::from_dir(dir.path(), Split::Train).unwrap_err();
    let sentence = error.to_string();
    let path = dir.path().display().to_string();
    assert!(sentence.contains(&path), "{sentence} names the folder");
    sentence.replace(&path, "DIR")
}

#[test]
fn every_malformed_file_has_its_sentence() {
    let (images, labels) = (three().images_to_idx(), three().labels_to_idx());
    let mut damaged = gzip(&images).unwrap();
    let end = damaged.len() - 6;
    damaged[end] ^= 0xff; // within the checksum at the end
    let packed = gzip(&images).unwrap();
    let bomb = gzip(&idx(0x803, &[3, 2, 2], &vec![0; 10_000_000])).unwrap();
    let long_labels = idx(0x801, &[4], &[0; 4]);
    let cases: [(&str, &[u8], &[u8], &str); 17] = [
        (
            "no images",
            b"",
            &labels,
            "DIR: no file of images here; expected train-images-idx3-ubyte or train-images.idx3-ubyte (either may end in .gz). Copy it there, or leave --data out to download MNIST",
        ),
        (
            "no labels",
            &images,
            b"",
            "DIR: no file of labels here; expected train-labels-idx1-ubyte or train-labels.idx1-ubyte (either may end in .gz). Copy it there, or leave --data out to download MNIST",
        ),
        (
            "labels in place of images",
            &labels,
            &labels,
            "DIR/train-images-idx3-ubyte: begins with 0x00000801, but IDX images begin with 0x00000803 (this is a file of labels). Put the right file under this name",
        ),
        (
            "images in place of labels",
            &images,
            &images,
            "DIR/train-labels-idx1-ubyte: begins with 0x00000803, but IDX labels begin with 0x00000801 (this is a file of images). Put the right file under this name",
        ),
        (
            "something else",
            b"<!DOCTYPE html>",
            &labels,
            "DIR/train-images-idx3-ubyte: begins with 0x3c21444f, but IDX images begin with 0x00000803. Put the right file under this name",
        ),
        (
            "floats",
            &idx(0xd03, &[3, 2, 2], &[0; 48]),
            &labels,
            "DIR/train-images-idx3-ubyte: begins with 0x00000d03, but IDX images begin with 0x00000803. Put the right file under this name",
        ),
        (
            "half a magic number",
            &[0, 0],
            &labels,
            "DIR/train-images-idx3-ubyte: cannot be read (it ends within its header). Check its permissions, or fetch the file again",
        ),
        (
            "half a header",
            &images[..10],
            &labels,
            "DIR/train-images-idx3-ubyte: cannot be read (it ends within its header). Check its permissions, or fetch the file again",
        ),
        (
            "truncated",
            &images[..images.len() - 1],
            &labels,
            "DIR/train-images-idx3-ubyte: truncated: 11 of 12 bytes after the header. Fetch the file again",
        ),
        (
            "trailing",
            &[images.as_slice(), &[7]].concat(),
            &labels,
            "DIR/train-images-idx3-ubyte: longer than its header says (12 bytes after the header, and more). Fetch the file again",
        ),
        (
            "no image at all",
            &idx(0x803, &[0, 28, 28], &[]),
            &labels,
            "DIR/train-images-idx3-ubyte: its header asks for 0 items of 28 x 28 bytes; there must be at least one, sides of 1 to 4096 and 2 GiB in all. The header is damaged: fetch the file again",
        ),
        (
            "images without height",
            &idx(0x803, &[3, 0, 2], &[]),
            &labels,
            "DIR/train-images-idx3-ubyte: its header asks for 3 items of 0 x 2 bytes; there must be at least one, sides of 1 to 4096 and 2 GiB in all. The header is damaged: fetch the file again",
        ),
        (
            "absurd sizes",
            &idx(0x803, &[u32::MAX, u32::MAX, u32::MAX], &[0; 12]),
            &labels,
            "DIR/train-images-idx3-ubyte: its header asks for 4294967295 items of 4294967295 x 4294967295 bytes; there must be at least one, sides of 1 to 4096 and 2 GiB in all. The header is damaged: fetch the file again",
        ),
        (
            "a lying header",
            &idx(0x803, &[100, 4096, 4096], &[0; 12]),
            &labels,
            "DIR/train-images-idx3-ubyte: truncated: 12 of 1677721600 bytes after the header. Fetch the file again",
        ),
        (
            "gzip cut short",
            &packed[..packed.len() - 12],
            &labels,
            "DIR/train-images-idx3-ubyte: truncated: ",
        ),
        (
            "gzip with a wrong checksum",
            &damaged,
            &labels,
            "DIR/train-images-idx3-ubyte: cannot be read (",
        ),
        (
            "gzip that unfolds to more",
            &bomb,
            &labels,
            "DIR/train-images-idx3-ubyte: longer than its header says (12 bytes after the header, and more). Fetch the file again",
        ),
    ];
    for (case, images, labels, expected) in cases {
        let sentence = sentence(images, labels);
        assert!(
            sentence.starts_with(expected),
            "{case}: {sentence}\nexpected: {expected}"
        );
    }
    assert_eq!(
        sentence(&images, &long_labels),
        "DIR/train-labels-idx1-ubyte: 4 labels for the 3 images in DIR/train-images-idx3-ubyte. The two files must come from the same set"
    );
}

#[test]
fn a_folder_that_is_none_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("nowhere");
    let error = Dataset::from_dir(&path, Split::Train).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "{}: not a folder. Give --data the folder that holds the IDX files, or leave it out to download MNIST",
            path.display()
        )
    );
}

#[test]
fn a_header_that_lies_costs_no_memory() {
    // 1.6 GB promised, twelve bytes there: read a thousand times within a moment.
    let dir = folder(&[
        (IMAGES, &idx(0x803, &[100, 4096, 4096], &[0; 12])),
        (LABELS, &three().labels_to_idx()),
    ]);
    let start = std::time::Instant::now();
    for _ in 0..1000 {
        assert!(Dataset::from_dir(dir.path(), Split::Train).is_err());
    }
    assert!(start.elapsed().as_secs() < 10);
}

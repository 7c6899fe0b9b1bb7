//! IDX files.

use super::table::Table;
use std::fs;
use walkback::data::Dataset;
use walkback::data::idx::{Split, gzip};

fn idx(magic: u32, sizes: &[u32], data: &[u8]) -> Vec<u8> {
    let header = std::iter::once(&magic).chain(sizes);
    let mut bytes: Vec<u8> = header.flat_map(|number| number.to_be_bytes()).collect();
    bytes.extend(data);
    bytes
}

/// Reads a folder of these two files; an empty file stands for a missing one.
fn read(images: &[u8], labels: &[u8]) -> Result<(), String> {
    let dir = tempfile::tempdir().unwrap();
    for (name, bytes) in [("images-idx3", images), ("labels-idx1", labels)] {
        if !bytes.is_empty() {
            fs::write(dir.path().join(format!("train-{name}-ubyte")), bytes).unwrap();
        }
    }
    let path = dir.path().display().to_string();
    let read = Dataset::from_dir(dir.path(), Split::Train).map(|_| ());
    read.map_err(|error| error.to_string().replace(&path, "DIR"))
}

#[test]
fn every_malformed_idx_file_has_its_sentence() {
    // Three images of 2 x 2 pixels.
    let images = idx(
        0x803,
        &[3, 2, 2],
        &[0, 20, 40, 60, 80, 100, 120, 140, 160, 180, 200, 220],
    );
    let labels = idx(0x801, &[3], &[2, 0, 1]);
    assert_eq!(read(&images, &labels), Ok(()));
    let mut damaged = gzip(&images).unwrap();
    let end = damaged.len() - 6;
    damaged[end] ^= 0xff; // within the checksum at the end
    let packed = gzip(&images).unwrap();
    let bomb = gzip(&idx(0x803, &[3, 2, 2], &vec![0; 10_000_000])).unwrap();
    let long_labels = idx(0x801, &[4], &[0; 4]);
    let cases: &[(&str, &[u8], &[u8], &str)] = &[
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
            "DIR/train-images-idx3-ubyte: begins with 0x00000801, but IDX images begin with 0x00000803 (this is a file of labels). Replace it with the right file",
        ),
        (
            "images in place of labels",
            &images,
            &images,
            "DIR/train-labels-idx1-ubyte: begins with 0x00000803, but IDX labels begin with 0x00000801 (this is a file of images). Replace it with the right file",
        ),
        (
            "something else",
            b"<!DOCTYPE html>",
            &labels,
            "DIR/train-images-idx3-ubyte: begins with 0x3c21444f, but IDX images begin with 0x00000803. Replace it with the right file",
        ),
        (
            "floats",
            &idx(0xd03, &[3, 2, 2], &[0; 48]),
            &labels,
            "DIR/train-images-idx3-ubyte: begins with 0x00000d03, but IDX images begin with 0x00000803. Replace it with the right file",
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
            "DIR/train-images-idx3-ubyte: truncated: …",
        ),
        (
            "gzip with a wrong checksum",
            &damaged,
            &labels,
            "DIR/train-images-idx3-ubyte: cannot be read (…",
        ),
        (
            "gzip that unfolds to more",
            &bomb,
            &labels,
            "DIR/train-images-idx3-ubyte: longer than its header says (12 bytes after the header, and more). Fetch the file again",
        ),
        (
            "labels of another set",
            &images,
            &long_labels,
            "DIR/train-labels-idx1-ubyte: 4 labels for the 3 images in DIR/train-images-idx3-ubyte. The two files must come from the same set",
        ),
        (
            "sides of more than 4096",
            &idx(0x803, &[1, 4097, 1], &[0; 4097]),
            &labels,
            "DIR/train-images-idx3-ubyte: its header asks for 1 items of 4097 x 1 bytes; there must be at least one, sides of 1 to 4096 and 2 GiB in all. The header is damaged: fetch the file again",
        ),
        (
            "labels cut short",
            &images,
            &labels[..labels.len() - 2],
            "DIR/train-labels-idx1-ubyte: truncated: 1 of 3 bytes after the header. Fetch the file again",
        ),
    ];
    let mut table = Table::default();
    for (case, images, labels, expected) in cases {
        table.holds(case, read(images, labels), expected);
    }
    let nowhere = Dataset::from_dir("nowhere".as_ref(), Split::Train).map(|_| ());
    table.holds(
        "a folder that is none",
        nowhere,
        "nowhere: not a folder. Give --data a folder of images or of IDX files, or leave it out to download MNIST",
    );
    table.end(21);
}

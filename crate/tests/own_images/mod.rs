//! A folder of someone's own images: what is detected in it, what is done to it, and the way to a model.

#![cfg(feature = "native")]

mod files;
mod folders;
mod sizes;
mod training;

use image::{Rgb, RgbImage};
use std::fs;
use std::path::Path;
use tempfile::TempDir;
use walkback::data::idx::Split;
use walkback::data::images::{MIN_IMAGES, Preparation, Wanted};
use walkback::data::{ImageSet, open};

const RED: Rgb<u8> = Rgb([220, 30, 30]);
const BLUE: Rgb<u8> = Rgb([30, 30, 220]);

/// A square of one colour in the middle of another.
fn square(side: u32, colour: Rgb<u8>) -> RgbImage {
    RgbImage::from_fn(side, side, |x, y| {
        let inside = (side / 4..side * 3 / 4).contains(&x) && (side / 4..side * 3 / 4).contains(&y);
        if inside { colour } else { Rgb([240, 230, 200]) }
    })
}

/// Sixteen PNG files of `side` pixels in each of the folders.
fn classes(dir: &Path, side: u32, folders: &[(&str, Rgb<u8>)]) {
    for (name, colour) in folders {
        fs::create_dir_all(dir.join(name)).unwrap();
        for i in 0..MIN_IMAGES {
            let path = dir.join(name).join(format!("{i}.png"));
            square(side, *colour).save(path).unwrap();
        }
    }
}

/// A folder of sixteen times one image, saved by `save`.
fn repeated(save: impl Fn(&Path)) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for i in 0..MIN_IMAGES {
        save(&dir.path().join(format!("{i}.png")));
    }
    dir
}

fn found(dir: &Path) -> ImageSet {
    open(dir, Split::Train, &Wanted::default()).unwrap()
}

/// Whether a note about the conversion of the images contains `part`.
fn noted(set: &ImageSet, part: &str) -> bool {
    set.notes.iter().any(|note| note.contains(part))
}

fn with(preparation: Preparation) -> Wanted {
    Wanted {
        preparation,
        ..Wanted::default()
    }
}

const BARS: [[u8; 3]; 4] = [[220, 30, 30], [40, 200, 60], [30, 30, 220], [120, 120, 120]];

/// An image of `tests/images`, which `make.py` there makes: four bars in the colours of [`BARS`], 24 x 16.
fn bars(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/images")
        .join(name);
    fs::read(path).unwrap()
}

/// The colours in the middle of the four bars of the first image.
fn seen(set: &ImageSet) -> [[u8; 3]; 4] {
    let plane = set.data.height * set.data.width;
    [3, 9, 15, 21].map(|x| [0, 1, 2].map(|c| set.data.pixels(0)[c * plane + 8 * 24 + x]))
}

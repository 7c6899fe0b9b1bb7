//! Folders of images, PNG or JPEG, as training sets: a folder for each class, or all of them in one.
//!
//! Sizes and colours are found out from the images themselves. Nothing happens to them that is not told: every change is a
//! sentence in [`ImageSet::notes`].

mod error;
mod files;
mod fit;
mod jpeg;
mod splits;

pub use error::ImagesError;

use std::fs::File;
use std::io::BufReader;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use image::{ImageError, RgbImage};
use rayon::prelude::*;

use super::idx::Split;
use super::{Dataset, ImageSet};
use files::{Entries, Listing};

/// The fewest images that are trained on.
pub const MIN_IMAGES: usize = 16;
/// Below this many a model rather learns the images by heart.
const FEW_IMAGES: usize = 1000;
/// Labels are bytes.
const MAX_CLASSES: usize = 256;
/// The most bytes that all images may fill.
const MAX_BYTES: usize = 2 << 30;
/// Sides that can be asked for.
const SIDES: RangeInclusive<usize> = 8..=256;

/// What images are made into; what is `None` is found out from them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Height and width.
    pub size: Option<[usize; 2]>,
    /// 1 or 3.
    pub channels: Option<usize>,
    /// The classes that a network was made for, in the order of its labels; none for an unconditional one.
    pub names: Option<Vec<String>>,
}

impl Wanted {
    /// Images of `side` x `side` pixels.
    ///
    /// # Errors
    /// A side that no network of the presets takes.
    pub fn square(side: usize) -> Result<Self, ImagesError> {
        if !SIDES.contains(&side) || !side.is_multiple_of(4) {
            return Err(ImagesError::Size { size: side });
        }
        Ok(Self {
            size: Some([side; 2]),
            ..Self::default()
        })
    }
}

/// Whether a folder is to be read with [`read`]: it holds images or other folders, and no IDX files.
///
/// # Errors
/// It cannot be listed, or holds both.
pub fn is_folder_of_images(dir: &Path) -> Result<bool, ImagesError> {
    let found = Entries::of(dir)?;
    let is_idx = |path: &PathBuf| files::name(path).contains("-ubyte");
    match (found.others.iter().any(is_idx), found.images.first()) {
        (true, Some(image)) => Err(ImagesError::Mixed {
            dir: dir.into(),
            image: files::name(image),
        }),
        (true, None) => Ok(false),
        (false, _) => Ok(true),
    }
}

/// Reads the images of one half of a folder: all of it is for training, unless it consists of folders such as `train` and
/// `test`, which are splits.
///
/// # Errors
/// See [`ImagesError`].
pub fn read(dir: &Path, split: Split, wanted: &Wanted) -> Result<ImageSet, ImagesError> {
    let half = splits::half(dir, split)?;
    let dir = &half.dir;
    let listing = files::list(dir)?;
    let mut notes: Vec<String> = half.note.into_iter().collect();
    if let [first, ..] = &listing.others[..] {
        let count = listing.others.len();
        notes.push(format!(
            "{count} files are left out: neither PNG nor JPEG, such as {first}"
        ));
    }
    let (names, labels) = label(dir, &listing, wanted, &mut notes)?;
    let paths: Vec<&PathBuf> = listing
        .classes
        .iter()
        .flat_map(|(_, paths)| paths)
        .collect();
    let count = paths.len();
    if count < MIN_IMAGES && split == Split::Train {
        let dir = dir.into();
        return Err(ImagesError::TooFew { dir, found: count });
    }
    if count < FEW_IMAGES && split == Split::Train {
        notes.push(format!(
            "{count} images are few: expect a model that repeats them more than it draws new ones"
        ));
    }

    let sizes = each(&paths, fit::size)?;
    let size = wanted
        .size
        .unwrap_or_else(|| fit::common_size(sizes.iter().copied()));
    let [height, width] = size;
    if count.saturating_mul(3 * height * width) > MAX_BYTES {
        return Err(ImagesError::TooLarge {
            dir: dir.into(),
            count,
            height,
            width,
        });
    }
    notes.extend(told(&sizes, size, wanted.size.is_some()));
    let read = each(&paths, |file| {
        fit::read(file).map(|(image, transparent)| (fit::fit(image, size), transparent))
    })?;
    let transparent = read.iter().filter(|(_, transparent)| *transparent).count();
    if transparent > 0 {
        notes.push(format!(
            "{transparent} images have transparent parts, which become white"
        ));
    }
    let images: Vec<RgbImage> = read.into_iter().map(|(image, _)| image).collect();
    let grey = images.par_iter().all(fit::is_grey);
    let channels = wanted.channels.unwrap_or(if grey { 1 } else { 3 });
    if channels == 1 && !grey {
        notes.push("the network takes grey images: colours are lost".into());
    }
    let mut pixels = Vec::with_capacity(count * channels * height * width);
    for image in &images {
        fit::planes(image, channels, &mut pixels);
    }
    Ok(ImageSet {
        data: Dataset {
            images: pixels,
            labels,
            height,
            width,
            channels,
        },
        names,
        notes,
    })
}

/// Images that are in memory already at the size and with the channels wanted, and what was done to them.
pub(super) fn fitted(data: Dataset, wanted: &Wanted) -> (Dataset, Option<String>) {
    let own = [data.height, data.width];
    let size = wanted.size.unwrap_or_else(|| fit::common_size([own]));
    let channels = wanted.channels.unwrap_or(data.channels);
    if (size, channels) == (own, data.channels) {
        return (data, None);
    }
    let [height, width] = size;
    let pixels: Vec<Vec<u8>> = (0..data.len())
        .into_par_iter()
        .map(|index| {
            let mut pixels = Vec::with_capacity(channels * height * width);
            let image = fit::fit(fit::picture(&data, index), size);
            fit::planes(&image, channels, &mut pixels);
            pixels
        })
        .collect();
    let note = told(&vec![own; data.len()], size, wanted.size.is_some());
    let fitted = Dataset {
        images: pixels.concat(),
        labels: data.labels,
        height,
        width,
        channels,
    };
    (fitted, note)
}

/// The names of the classes, and the label of each image.
fn label(
    dir: &Path,
    listing: &Listing,
    wanted: &Wanted,
    notes: &mut Vec<String>,
) -> Result<(Vec<String>, Vec<u8>), ImagesError> {
    let classes = &listing.classes;
    let without = |notes: &mut Vec<String>, why: &str| {
        if classes[0].0.is_empty() {
            return;
        }
        notes.push(format!("{why}: the folders are not told apart"));
    };
    let names: Vec<String> = match &wanted.names {
        Some(names) if names.is_empty() => {
            without(notes, "the network knows no classes");
            Vec::new()
        }
        Some(names) => {
            let known = names.clone();
            if classes[0].0.is_empty() {
                let dir = dir.into();
                return Err(ImagesError::NoClasses { dir, known });
            }
            if let Some((name, _)) = classes.iter().find(|(name, _)| !names.contains(name)) {
                let dir = dir.join(name);
                return Err(ImagesError::UnknownClass { dir, known });
            }
            known
        }
        None if classes.len() == 1 => {
            without(notes, "one folder makes no classes");
            Vec::new()
        }
        None => classes.iter().map(|(name, _)| name.clone()).collect(),
    };
    // A network that is there already may know more classes than there are folders.
    if names.len() > MAX_CLASSES {
        let (dir, found) = (dir.into(), names.len());
        return Err(ImagesError::TooManyClasses { dir, found });
    }
    let label = |name: &String| names.iter().position(|known| known == name).unwrap_or(0) as u8;
    let labels = classes
        .iter()
        .flat_map(|(name, paths)| vec![label(name); paths.len()])
        .collect();
    Ok((names, labels))
}

/// What becomes of the sizes, if anything does.
fn told(sizes: &[[usize; 2]], to: [usize; 2], asked: bool) -> Option<String> {
    let changed = sizes.iter().filter(|size| **size != to).count();
    if changed == 0 {
        return None;
    }
    let by_area = |size: &&[usize; 2]| size[0] * size[1];
    let shown = |[height, width]: [usize; 2]| format!("{height} x {width}");
    let smallest = shown(sizes.iter().min_by_key(by_area).copied().unwrap_or(to));
    let largest = shown(sizes.iter().max_by_key(by_area).copied().unwrap_or(to));
    let range = if smallest == largest {
        smallest
    } else {
        format!("{smallest} to {largest}")
    };
    let hint = if asked {
        ""
    } else {
        "; --size N makes them N x N"
    };
    Some(format!(
        "{changed} images of {range} pixels are cut to their middle and resized to {}{hint}",
        shown(to)
    ))
}

/// Reads every file, on all cores; the first that cannot be read is named, the others like it counted.
fn each<T: Send>(
    paths: &[&PathBuf],
    read: impl Fn(BufReader<File>) -> Result<T, ImageError> + Sync,
) -> Result<Vec<T>, ImagesError> {
    let results: Vec<Result<T, ImageError>> = paths
        .par_iter()
        .map(|path| read(BufReader::new(File::open(path)?)))
        .collect();
    let failures = results.iter().filter(|result| result.is_err()).count();
    let mut values = Vec::with_capacity(results.len());
    for (path, result) in paths.iter().zip(results) {
        values.push(result.map_err(|error| ImagesError::Broken {
            path: path.to_path_buf(),
            reason: error.to_string(),
            more: failures - 1,
        })?);
    }
    Ok(values)
}

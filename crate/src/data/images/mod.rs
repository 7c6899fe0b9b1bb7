//! Folders of images, or zips of them, as training sets: a folder for each class, or all of them in one.
//!
//! Sizes and colours are detected from the images themselves. Every change to them is reported: each is a
//! sentence in [`ImageSet::notes`].

mod archive;
mod decode;
mod error;
mod files;
mod fit;
mod jpeg;
mod prepare;
mod splits;

pub use archive::is_archive;
pub(super) use archive::unpack;
pub use error::ImagesError;
pub use prepare::{Background, Fit, Preparation};

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
/// Sides that can be chosen.
const SIDES: RangeInclusive<usize> = 8..=256;

/// What images are made into; what is `None` is detected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Height and width.
    pub size: Option<[usize; 2]>,
    /// 1 or 3.
    pub channels: Option<usize>,
    /// The classes that a network was made for, in the order of its labels; none for an unconditional one.
    pub names: Option<Vec<String>>,
    /// What is done to them.
    pub preparation: Preparation,
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

/// Whether a folder is to be read with [`read`]: it holds images or other folders, and no IDX files. So is a zip.
///
/// # Errors
/// It cannot be listed, or holds both.
pub fn is_folder_of_images(dir: &Path) -> Result<bool, ImagesError> {
    if is_archive(dir) {
        return Ok(true);
    }
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
            "{count} files are skipped, because their endings are not those of images, such as {first}"
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
            "{count} images are few: expect a model that repeats them instead of drawing new ones"
        ));
    }

    let preparation = &wanted.preparation;
    let sizes = each(&paths, decode::size);
    let known = || sizes.iter().filter_map(|size| size.as_ref().ok().copied());
    let size = wanted.size.unwrap_or_else(|| fit::common_size(known()));
    let [height, width] = size;
    if count.saturating_mul(3 * height * width) > MAX_BYTES {
        return Err(ImagesError::TooLarge {
            dir: dir.into(),
            count,
            height,
            width,
        });
    }
    let read = each(&paths, |file| {
        let (image, transparent) = decode::read(file, preparation.background)?;
        let own = [image.height() as usize, image.width() as usize];
        Ok((fit::fit(image, size, preparation), own, transparent))
    });
    let broken: Vec<(PathBuf, String)> = paths
        .iter()
        .zip(&read)
        .filter_map(|(path, read)| {
            let error = read.as_ref().err()?;
            Some((path.to_path_buf(), error.to_string()))
        })
        .collect();
    if !broken.is_empty() && !preparation.skip_broken {
        return Err(ImagesError::Broken { files: broken });
    }
    let (read, labels): (Vec<_>, Vec<u8>) = read
        .into_iter()
        .zip(labels)
        .filter_map(|(read, label)| Some((read.ok()?, label)))
        .unzip();
    let count = read.len();
    if !broken.is_empty() {
        notes.push(format!("skipped: {}", error::broken(&broken)));
        if count < MIN_IMAGES && split == Split::Train {
            let dir = dir.into();
            return Err(ImagesError::TooFew { dir, found: count });
        }
    }
    let sizes: Vec<[usize; 2]> = read.iter().map(|(_, own, _)| *own).collect();
    notes.extend(notes_on_fitting(&sizes, size, wanted));
    let transparent = read
        .iter()
        .filter(|(_, _, transparent)| *transparent)
        .count();
    if transparent > 0 {
        notes.push(format!(
            "{transparent} images have transparent parts, which become {}",
            preparation.background
        ));
    }
    let images: Vec<RgbImage> = read.into_iter().map(|(image, ..)| image).collect();
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
pub(super) fn fitted(data: Dataset, wanted: &Wanted) -> (Dataset, Vec<String>) {
    let own = [data.height, data.width];
    let size = wanted.size.unwrap_or_else(|| fit::common_size([own]));
    let channels = wanted.channels.unwrap_or(data.channels);
    if (size, channels) == (own, data.channels) {
        return (data, Vec::new());
    }
    let [height, width] = size;
    // Digits are drawn on black to their borders, so all of a border would be new.
    let wanted = &Wanted {
        preparation: Preparation {
            fit: wanted.preparation.fit.or(Some(Fit::Crop)),
            ..wanted.preparation
        },
        ..wanted.clone()
    };
    let pixels: Vec<Vec<u8>> = (0..data.len())
        .into_par_iter()
        .map(|index| {
            let mut pixels = Vec::with_capacity(channels * height * width);
            let image = fit::fit(fit::picture(&data, index), size, &wanted.preparation);
            fit::planes(&image, channels, &mut pixels);
            pixels
        })
        .collect();
    let notes = notes_on_fitting(&vec![own; data.len()], size, wanted);
    let fitted = Dataset {
        images: pixels.concat(),
        labels: data.labels,
        height,
        width,
        channels,
    };
    (fitted, notes)
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
        notes.push(format!("{why}: the folders are not used as classes"));
    };
    let names: Vec<String> = match &wanted.names {
        Some(names) if names.is_empty() => {
            without(notes, "the network has no classes");
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
            without(notes, "a single folder is not a class");
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

/// How sizes are changed, if they are: a sentence for each way of fitting.
fn notes_on_fitting(sizes: &[[usize; 2]], to: [usize; 2], wanted: &Wanted) -> Vec<String> {
    let hint = if wanted.size.is_some() {
        ""
    } else {
        "; --size N makes them N x N"
    };
    let shown = |[height, width]: [usize; 2]| format!("{height} x {width}");
    let sentence = |fit: Fit| {
        let changed: Vec<[usize; 2]> = sizes
            .iter()
            .copied()
            .filter(|size| *size != to && wanted.preparation.fit_of(*size, to) == fit)
            .collect();
        let by_area = |size: &&[usize; 2]| size[0] * size[1];
        let smallest = shown(*changed.iter().min_by_key(by_area)?);
        let largest = shown(*changed.iter().max_by_key(by_area)?);
        let range = if smallest == largest {
            smallest
        } else {
            format!("{smallest} to {largest}")
        };
        let becomes = match fit {
            Fit::Pad => format!(
                "get a border of {} to be {}",
                wanted.preparation.background,
                shown(to)
            ),
            Fit::Crop => format!("are cropped to their middle and resized to {}", shown(to)),
            Fit::Stretch => format!("are stretched to {}", shown(to)),
        };
        Some(format!(
            "{} images of {range} pixels {becomes}{hint}",
            changed.len()
        ))
    };
    [Fit::Crop, Fit::Pad, Fit::Stretch]
        .into_iter()
        .filter_map(sentence)
        .collect()
}

/// Reads every file, on all cores.
fn each<T: Send>(
    paths: &[&PathBuf],
    read: impl Fn(BufReader<File>) -> Result<T, ImageError> + Sync,
) -> Vec<Result<T, ImageError>> {
    paths
        .par_iter()
        .map(|path| read(BufReader::new(File::open(path)?)))
        .collect()
}

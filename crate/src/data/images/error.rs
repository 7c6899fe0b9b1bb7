//! What can be wrong with a folder of images.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use super::{MAX_BYTES, MAX_CLASSES, MIN_IMAGES, SIDES};

/// What is wrong with a folder of images or a file in it, and what to do about it.
#[derive(Debug, Error)]
pub enum ImagesError {
    /// A folder cannot be listed.
    #[error("{}: cannot be read ({source}). Check its permissions", .path.display())]
    Read {
        /// The folder.
        path: PathBuf,
        /// The reason given.
        source: io::Error,
    },
    /// No image at all.
    #[error("{}: no image (PNG, JPEG, WebP, GIF, BMP, TIFF) in this folder{}. Give --data a folder of images, a folder with one folder of images for each class, or a folder of IDX files", .dir.display(), other_kinds(.others))]
    None {
        /// The folder searched.
        dir: PathBuf,
        /// Files of other kinds.
        others: Vec<String>,
    },
    /// IDX files and images in one folder.
    #[error("{}: has both IDX files and images, such as {image}. Put the files to train on into a separate folder", .dir.display())]
    Mixed {
        /// The folder.
        dir: PathBuf,
        /// One of the images.
        image: String,
    },
    /// Images beside the folders of classes.
    #[error("{}: has images, such as {image}, beside folders, such as {folder}. Put every image into the folder of its class, or all images into one folder without subfolders", .dir.display())]
    Beside {
        /// The folder.
        dir: PathBuf,
        /// One of the images.
        image: String,
        /// One of the folders.
        folder: String,
    },
    /// A class without images.
    #[error("{}: each folder is a class, and this one has no images{}. Add some, or remove it", .dir.display(), other_kinds(.others))]
    EmptyClass {
        /// The folder of the class.
        dir: PathBuf,
        /// Files of other kinds.
        others: Vec<String>,
    },
    /// A folder within the folder of a class.
    #[error("{}: a folder inside the folder of a class would be ignored. Move its images one folder up, or remove it", .dir.display())]
    Nested {
        /// The inner folder.
        dir: PathBuf,
    },
    /// A folder beside those that split the set.
    #[error("{}: a folder beside train, test and the like. Move its images into one of these, or move it elsewhere", .dir.display())]
    BesideSplits {
        /// The folder.
        dir: PathBuf,
    },
    /// Images to judge by, and none to train on.
    #[error("{}: by their names, its folders hold images kept from training, and none is called train. Rename the folder of training images to train, or give that folder to --data", .dir.display())]
    NoTrain {
        /// The folder.
        dir: PathBuf,
    },
    /// More classes than labels fit into a byte.
    #[error("{}: images of {found} classes; at most {MAX_CLASSES} are supported", .dir.display())]
    TooManyClasses {
        /// The folder.
        dir: PathBuf,
        /// Its folders, or the classes that the network knows.
        found: usize,
    },
    /// Too few images to learn anything from.
    #[error("{}: {found} images; at least {MIN_IMAGES} are needed, and hundreds for a model that draws anything new", .dir.display())]
    TooFew {
        /// The folder.
        dir: PathBuf,
        /// Its images.
        found: usize,
    },
    /// More pixels than are kept in memory.
    #[error("{}: {count} images of {height} x {width} pixels fill more than {} GiB. Give a smaller --size or fewer images", .dir.display(), MAX_BYTES >> 30)]
    TooLarge {
        /// The folder.
        dir: PathBuf,
        /// Its images.
        count: usize,
        /// Rows of each.
        height: usize,
        /// Columns of each.
        width: usize,
    },
    /// Files that are damaged, or are named like images and are none.
    #[error("{}. Save {} again as PNG or JPEG, remove {}, or skip unreadable images with --skip-broken", broken(.files), it_or_them(.files), it_or_them(.files))]
    Broken {
        /// Every such file, and what is wrong with it.
        files: Vec<(PathBuf, String)>,
    },
    /// A zip that cannot be unpacked.
    #[error("{}: the archive cannot be unpacked ({reason}). Unpack it and give --data the folder", .path.display())]
    Archive {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A class that the network was not made for.
    #[error("{}: the network has no class of this name; it has {}. Rename the folder, or train a new network", .dir.display(), shown(.known))]
    UnknownClass {
        /// The folder of the class.
        dir: PathBuf,
        /// The network's classes.
        known: Vec<String>,
    },
    /// A network with classes, images without.
    #[error("{}: these images have no classes, but the network has {}. Put them into one folder for each class", .dir.display(), shown(.known))]
    NoClasses {
        /// The folder.
        dir: PathBuf,
        /// The network's classes.
        known: Vec<String>,
    },
    /// No test images.
    #[error("{}: no images were kept from training, so there is nothing to judge a model by. Put some into a folder `test` and the others into a folder `train` beside it; train and judge with the folder that holds both", .dir.display())]
    NoTest {
        /// The folder.
        dir: PathBuf,
    },
    /// A side that no network of the presets takes.
    #[error("--size is {size}; give a multiple of 4 from {} to {}, such as 28, 32 or 64", SIDES.start(), SIDES.end())]
    Size {
        /// The side asked for.
        size: usize,
    },
}

/// Up to five names.
fn shown(names: &[String]) -> String {
    let more = names.len().saturating_sub(5);
    let first = names[..names.len() - more].join(", ");
    match more {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}

fn other_kinds(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => format!(" (only {one}, which is none of these)"),
        [first, ..] => format!(" (only {} other files, such as {first})", names.len()),
    }
}

/// One file in a line, several in a list.
pub(super) fn broken(files: &[(PathBuf, String)]) -> String {
    if let [(path, reason)] = files {
        return format!("{}: cannot be read as an image ({reason})", path.display());
    }
    let lines = files
        .iter()
        .map(|(path, reason)| format!("\n  {} ({reason})", path.display()));
    format!(
        "{} files cannot be read as images:{}\n",
        files.len(),
        lines.collect::<String>()
    )
    .trim_end()
    .to_owned()
}

fn it_or_them<T>(files: &[T]) -> &'static str {
    if files.len() == 1 { "it" } else { "them" }
}

//! Which files of a folder are images, and of which class.

use std::fs;
use std::path::{Path, PathBuf};

use super::{ImagesError, MAX_CLASSES};

/// The endings of image files, in either case; the format is detected from the content.
const ENDINGS: [&str; 9] = [
    "png", "jpg", "jpeg", "jfif", "webp", "gif", "bmp", "tif", "tiff",
];

/// The entries of one folder, sorted by name; hidden ones are left out.
#[derive(Debug, Default)]
pub(super) struct Entries {
    pub(super) images: Vec<PathBuf>,
    pub(super) folders: Vec<PathBuf>,
    pub(super) others: Vec<PathBuf>,
}

/// The images of a training set by class; without classes there is one, without a name.
#[derive(Debug)]
pub(super) struct Listing {
    pub(super) classes: Vec<(String, Vec<PathBuf>)>,
    /// Files of other kinds.
    pub(super) others: Vec<String>,
}

/// A file's name. Bytes that are no UTF-8 are written as `\xff`, so that different names stay different.
pub(super) fn name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    let mut shown = String::new();
    for chunk in name.as_encoded_bytes().utf8_chunks() {
        shown.push_str(chunk.valid());
        let invalid = chunk.invalid().iter();
        shown.extend(invalid.map(|byte| format!("\\x{byte:02x}")));
    }
    shown
}

/// Whether a file is an image by its ending.
pub(super) fn is_image(path: &Path) -> bool {
    let ending = path.extension().unwrap_or_default().to_ascii_lowercase();
    ENDINGS.iter().any(|known| ending == *known)
}

fn names(paths: &[PathBuf]) -> Vec<String> {
    paths.iter().map(|path| name(path)).collect()
}

impl Entries {
    pub(super) fn of(dir: &Path) -> Result<Self, ImagesError> {
        let failed = |source| ImagesError::Read {
            path: dir.into(),
            source,
        };
        let mut found = Self::default();
        for entry in fs::read_dir(dir).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            let name = name(&path);
            // What systems leave behind: .DS_Store, .git, the shadow of a zip that a Mac has made.
            if name.starts_with('.') || name == "__MACOSX" {
                continue;
            }
            if path.is_dir() {
                found.folders.push(path);
            } else if is_image(&path) {
                found.images.push(path);
            } else {
                found.others.push(path);
            }
        }
        for paths in [&mut found.images, &mut found.folders, &mut found.others] {
            paths.sort();
        }
        Ok(found)
    }
}

/// The images of `dir`, or of its folders, one for each class.
pub(super) fn list(dir: &Path) -> Result<Listing, ImagesError> {
    let found = Entries::of(dir)?;
    let mut others = names(&found.others);
    if let (Some(image), Some(folder)) = (found.images.first(), found.folders.first()) {
        return Err(ImagesError::Beside {
            dir: dir.into(),
            image: name(image),
            folder: name(folder),
        });
    }
    if found.folders.len() > MAX_CLASSES {
        return Err(ImagesError::TooManyClasses {
            dir: dir.into(),
            found: found.folders.len(),
        });
    }
    if found.folders.is_empty() {
        if found.images.is_empty() {
            let dir = dir.into();
            return Err(ImagesError::None { dir, others });
        }
        let classes = vec![(String::new(), found.images)];
        return Ok(Listing { classes, others });
    }
    let mut classes = Vec::new();
    for folder in found.folders {
        let inner = Entries::of(&folder)?;
        if let Some(dir) = inner.folders.into_iter().next() {
            return Err(ImagesError::Nested { dir });
        }
        if inner.images.is_empty() {
            return Err(ImagesError::EmptyClass {
                dir: folder,
                others: names(&inner.others),
            });
        }
        others.extend(names(&inner.others));
        classes.push((name(&folder), inner.images));
    }
    // Numbers in the order of their values: 2 before 10.
    if let Ok(numbers) = classes
        .iter()
        .map(|(name, _)| name.parse::<u64>())
        .collect::<Result<Vec<_>, _>>()
    {
        let mut order: Vec<_> = numbers.into_iter().zip(classes).collect();
        order.sort_by_key(|(number, _)| *number);
        classes = order.into_iter().map(|(_, class)| class).collect();
    }
    Ok(Listing { classes, others })
}

//! A zip of a folder of images: its images are unpacked into a temporary folder while they are read.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use flate2::read::DeflateDecoder;

use super::ImagesError;
use super::files::{Entries, is_image, name};
use super::splits;
use crate::archive::{self, DEFLATED, STORED};

/// What an archive, and its images when unpacked, may fill.
const MAX_PACKED: u64 = 4 << 30;
const MAX_UNPACKED: u64 = 16 << 30;

/// A folder that is removed with everything in it when it is dropped.
#[derive(Debug)]
pub(crate) struct Unpacked {
    root: PathBuf,
    /// The folder of the images.
    pub(crate) dir: PathBuf,
}

impl Drop for Unpacked {
    fn drop(&mut self) {
        // Best effort: the system empties its temporary folder by itself.
        let _ = fs::remove_dir_all(&self.root);
    }
}

/// Whether a path is a file that begins as an archive does.
pub fn is_archive(path: &Path) -> bool {
    let mut head = [0; 4];
    path.is_file()
        && File::open(path).is_ok_and(|mut file| file.read_exact(&mut head).is_ok())
        && archive::is_archive(&head)
}

/// Unpacks the images in an archive.
///
/// # Errors
/// An archive that is damaged, or larger than images to train on can be.
pub(crate) fn unpack(path: &Path) -> Result<Unpacked, ImagesError> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let failed = |reason: String| ImagesError::Archive {
        path: path.into(),
        reason,
    };
    let broken = |error: io::Error| failed(error.to_string());
    let mut file = Vec::new();
    let opened = File::open(path).map_err(broken)?;
    opened
        .take(MAX_PACKED + 1)
        .read_to_end(&mut file)
        .map_err(broken)?;
    if file.len() as u64 > MAX_PACKED {
        return Err(failed(format!(
            "it is larger than {} GiB",
            MAX_PACKED >> 30
        )));
    }
    let entries = archive::entries(&file).map_err(|error| failed(error.to_string()))?;

    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let root = std::env::temp_dir().join(format!("walkback-{}-{number}", std::process::id()));
    let mut unpacked = Unpacked {
        dir: root.join(path.file_stem().unwrap_or_default()),
        root,
    };
    fs::create_dir_all(&unpacked.dir).map_err(broken)?;
    let mut left = MAX_UNPACKED;
    for entry in entries {
        let inside = Path::new(&entry.name);
        // A name that leads out of the folder is none.
        let stays = inside
            .components()
            .all(|part| matches!(part, Component::Normal(_)));
        if !stays || !is_image(inside) {
            continue;
        }
        let packed = &file[entry.range];
        let mut content: Box<dyn Read> = match entry.method {
            STORED => Box::new(packed),
            DEFLATED => Box::new(DeflateDecoder::new(packed)),
            _ => {
                return Err(failed(format!(
                    "{} uses an unsupported compression",
                    entry.name
                )));
            }
        };
        let copied = copy(
            &mut (&mut content).take(left + 1),
            &unpacked.dir.join(inside),
        );
        let copied = copied.map_err(|error| failed(format!("{}: {error}", entry.name)))?;
        left = left.checked_sub(copied).ok_or_else(|| {
            failed(format!(
                "its images fill more than {} GiB",
                MAX_UNPACKED >> 30
            ))
        })?;
    }
    // Many archives have one folder that holds everything.
    while let Some(inner) = only_folder(&unpacked.dir)? {
        unpacked.dir = inner;
    }
    Ok(unpacked)
}

fn copy(from: &mut impl Read, to: &Path) -> io::Result<u64> {
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent)?;
    }
    io::copy(from, &mut File::create(to)?)
}

/// The folder in `dir`, where it is the only thing there, not a split, and holds folders itself.
fn only_folder(dir: &Path) -> Result<Option<PathBuf>, ImagesError> {
    let found = Entries::of(dir)?;
    let [folder] = &found.folders[..] else {
        return Ok(None);
    };
    let holds_folders = !Entries::of(folder)?.folders.is_empty();
    let goes_on = found.images.is_empty() && holds_folders && !splits::is_split(&name(folder));
    Ok(goes_on.then(|| folder.clone()))
}

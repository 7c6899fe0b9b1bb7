//! MNIST from its public mirrors, once, into the user's cache.
//!
//! What is checked is the unpacked content, so a mirror may compress as it likes. A file gets its name only after the
//! check: what lies in the cache under that name is whole.

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::idx::gunzip_if_needed;
use crate::folder::{FolderError, write_file};

/// Folders on the web that hold MNIST's four files under their usual names, in the order they are tried.
const MIRRORS: [&str; 2] = [
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
];

/// MNIST's four files.
pub const MNIST: [RemoteFile; 4] = [
    RemoteFile {
        name: "train-images-idx3-ubyte.gz",
        unpacked_bytes: 47_040_016,
        sha256: "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    },
    RemoteFile {
        name: "train-labels-idx1-ubyte.gz",
        unpacked_bytes: 60_008,
        sha256: "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    },
    RemoteFile {
        name: "t10k-images-idx3-ubyte.gz",
        unpacked_bytes: 7_840_016,
        sha256: "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    },
    RemoteFile {
        name: "t10k-labels-idx1-ubyte.gz",
        unpacked_bytes: 10_008,
        sha256: "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    },
];

/// The environment variable that moves the cache.
const CACHE_VARIABLE: &str = "WALKBACK_CACHE";

/// A file to fetch and how to recognise it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RemoteFile {
    /// Its name on the mirrors and in the cache.
    pub name: &'static str,
    /// Its length once unpacked.
    pub unpacked_bytes: u64,
    /// SHA-256 of its unpacked content, in hexadecimal.
    pub sha256: &'static str,
}

/// Why a data set cannot be fetched.
#[derive(Debug, Error)]
pub enum DownloadError {
    /// No mirror gave the file.
    #[error("{name} cannot be downloaded: {}. Check the connection, or fetch MNIST's files by hand and give their folder with --data DIR", .attempts.join("; "))]
    AllMirrors {
        /// The file.
        name: &'static str,
        /// Each address with the reason that it failed.
        attempts: Vec<String>,
    },
    /// The system names no cache folder.
    #[error(
        "no cache folder is known on this system. Set {CACHE_VARIABLE} to a folder, or give the \
         data with --data DIR"
    )]
    NoCache,
    /// The cache cannot be written.
    #[error("{0}. Set WALKBACK_CACHE to another folder, or give the data with --data DIR")]
    Cache(#[from] FolderError),
}

/// The folder that holds MNIST: `mnist` in `$WALKBACK_CACHE`, or in `walkback` in the user's cache.
pub fn cache_dir() -> Result<PathBuf, DownloadError> {
    match std::env::var_os(CACHE_VARIABLE).filter(|value| !value.is_empty()) {
        Some(cache) => Ok(PathBuf::from(cache).join("mnist")),
        None => dirs::cache_dir()
            .map(|cache| cache.join("walkback").join("mnist"))
            .ok_or(DownloadError::NoCache),
    }
}

/// Makes sure that MNIST is in the user's cache, with a progress bar on the terminal, and returns its folder.
pub fn mnist() -> Result<PathBuf, DownloadError> {
    let dir = cache_dir()?;
    download(&dir, &MIRRORS, &MNIST)?;
    Ok(dir)
}

/// Fetches what is missing of `files` into `dir`, trying one mirror after the other for each.
pub fn download(dir: &Path, mirrors: &[&str], files: &[RemoteFile]) -> Result<(), DownloadError> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_connect(Some(Duration::from_secs(15)))
        .timeout_recv_response(Some(Duration::from_secs(30)))
        .timeout_recv_body(Some(Duration::from_secs(900)))
        .build()
        .into();
    for file in files {
        let path = dir.join(file.name);
        if !path.is_file() {
            write_file(&path, &fetch(&agent, mirrors, file)?)?;
        }
    }
    Ok(())
}

/// The checked content of `file`, packed as the first mirror that has it sends it.
fn fetch(
    agent: &ureq::Agent,
    mirrors: &[&str],
    file: &RemoteFile,
) -> Result<Vec<u8>, DownloadError> {
    let mut attempts = Vec::new();
    for mirror in mirrors {
        let url = format!("{}/{}", mirror.trim_end_matches('/'), file.name);
        match fetch_one(agent, &url, file) {
            Ok(bytes) => return Ok(bytes),
            Err(reason) => attempts.push(format!("{url}: {reason}")),
        }
    }
    Err(DownloadError::AllMirrors {
        name: file.name,
        attempts,
    })
}

fn fetch_one(agent: &ureq::Agent, url: &str, file: &RemoteFile) -> Result<Vec<u8>, String> {
    let response = agent.get(url).call().map_err(|error| error.to_string())?;
    let body = response.into_body();
    let bar = progress_bar(file.name, body.content_length());
    let mut bytes = Vec::new();
    // A file that is packed larger than unpacked is not the one wanted.
    let received = bar
        .wrap_read(body.into_reader().take(file.unpacked_bytes + 1024))
        .read_to_end(&mut bytes);
    bar.finish_and_clear();
    received.map_err(|error| format!("stopped after {} bytes ({error})", bytes.len()))?;
    check(&bytes, file)?;
    Ok(bytes)
}

fn progress_bar(name: &'static str, length: Option<u64>) -> ProgressBar {
    let (bar, template) = match length {
        Some(length) => (
            ProgressBar::new(length),
            "{prefix} {bar:30} {bytes}/{total_bytes} {bytes_per_sec}",
        ),
        None => (
            ProgressBar::new_spinner(),
            "{prefix} {spinner} {bytes} {bytes_per_sec}",
        ),
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.with_prefix(name)
}

/// Unpacks no more than was promised and compares length and checksum.
fn check(packed: &[u8], file: &RemoteFile) -> Result<(), String> {
    let mut unpacked = gunzip_if_needed(packed)
        .map_err(|error| error.to_string())?
        .take(file.unpacked_bytes + 1);
    let mut hasher = Sha256::new();
    let length = io::copy(&mut unpacked, &mut hasher)
        .map_err(|error| format!("arrived damaged ({error})"))?;
    if length != file.unpacked_bytes {
        return Err(format!(
            "unpacks to {length}{} bytes instead of {}",
            if length > file.unpacked_bytes {
                " or more"
            } else {
                ""
            },
            file.unpacked_bytes
        ));
    }
    let found: String = hasher
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    if found != file.sha256 {
        return Err(format!(
            "wrong checksum (SHA-256 {found}, expected {})",
            file.sha256
        ));
    }
    Ok(())
}

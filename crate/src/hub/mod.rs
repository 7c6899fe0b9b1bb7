//! Models of the Hugging Face hub, by their names: fetched once, into the cache that Python's huggingface_hub uses too.

mod name;

use std::fs;
use std::path::{Path, PathBuf};

use hf_hub::api::sync::{Api, ApiBuilder, ApiError, ApiRepo};
use hf_hub::{Cache, Repo, RepoType};
use sha2::{Digest, Sha256};
use thiserror::Error;

pub use name::HubName;

use crate::folder::layout::{
    EMA_CONFIG, GOLDEN, LABELS, MODEL_INDEX, SCHEDULER_CONFIG, UNET_CONFIG,
};
use crate::folder::{FolderError, Which, choose_weights, read_json, shards_of};

/// Where a model's own page is.
const HUB: &str = "https://huggingface.co";

/// Why a model of the hub cannot be had, and what to do.
#[derive(Debug, Error)]
pub enum HubError {
    /// A name or an address of something else there.
    #[error(
        "{0} names no model of the hub. Give owner/name, hf:owner/name@revision/folder, or the \
         address of its page"
    )]
    NoModel(String),
    /// The hub knows no such model, or does not say so to everybody.
    #[error(
        "{repo}: the hub has no such model, or does not show it to everybody. Check the spelling; \
         for a private model, log in with `hf auth login`"
    )]
    Unknown {
        /// owner/name.
        repo: String,
    },
    /// The files are for those only whom the owner lets in.
    #[error(
        "{repo}: this model is gated. Ask its owner for access at {HUB}/{repo}, then log in with \
         `hf auth login`"
    )]
    Gated {
        /// owner/name.
        repo: String,
    },
    /// There is no such folder, or nothing in it.
    #[error("{repo}: its revision {revision} has no folder {folder}")]
    NoFolder {
        /// owner/name.
        repo: String,
        /// The revision asked for.
        revision: String,
        /// The folder asked for.
        folder: String,
    },
    /// The hub did not answer, or not as it should.
    #[error("{what}: {reason}. Check the connection; what has arrived is kept")]
    Request {
        /// What was asked for.
        what: String,
        /// What went wrong.
        reason: String,
    },
    /// A file is not what the hub says it is.
    #[error(
        "{file}: wrong checksum (SHA-256 {found}, expected {expected}); the file has been removed. \
         Try again"
    )]
    Checksum {
        /// The file.
        file: String,
        /// That of what arrived.
        found: String,
        /// That which the hub states.
        expected: String,
    },
    /// The files are no model.
    #[error(transparent)]
    Folder(#[from] FolderError),
}

/// Makes sure that the model's files are in the cache, all of one commit, with a progress bar on the terminal, and returns
/// its folder there. `$HF_HOME` moves the cache, `$HF_ENDPOINT` the hub.
///
/// Where the hub cannot be reached, the commit that was fetched last will do.
///
/// # Errors
/// See [`HubError`].
pub fn fetch(name: &HubName, which: Which) -> Result<PathBuf, HubError> {
    let cache = Cache::from_env();
    let api = ApiBuilder::from_env()
        .with_retries(1)
        .with_user_agent("walkback", env!("CARGO_PKG_VERSION"))
        .build()
        .map_err(|error| request(&name.repo, &error))?;
    let of = |revision: &str| {
        Repo::with_revision(name.repo.clone(), RepoType::Model, revision.to_owned())
    };
    let cached = cache.repo(of(&name.revision));
    let (sha, files) = match api.repo(of(&name.revision)).info() {
        Ok(info) => {
            let files = info.siblings.into_iter().map(|file| file.rfilename);
            (info.sha, files.collect::<Vec<_>>())
        }
        Err(error) => {
            let known = status(&error).is_none().then(|| before(&cached, name));
            return known
                .flatten()
                .ok_or_else(|| refused(&name.repo, &error, |repo| HubError::Unknown { repo }));
        }
    };
    let files: Vec<&str> = files
        .iter()
        .filter_map(|file| file.strip_prefix(&name.folder))
        .collect();
    if files.is_empty() {
        return Err(HubError::NoFolder {
            repo: name.repo.clone(),
            revision: name.revision.clone(),
            folder: name.folder.clone(),
        });
    }
    let files = Files {
        name,
        api: &api,
        repo: api.repo(of(&sha)),
        snapshot: cached.pointer_path(&sha),
        files,
    };
    let folder = files.fetch(which)?;
    cached
        .create_ref(&sha)
        .map_err(|source| FolderError::Write {
            path: folder.clone(),
            source,
        })?;
    Ok(folder)
}

/// The folder of the commit that a revision was when it was last fetched.
fn before(cached: &hf_hub::CacheRepo, name: &HubName) -> Option<PathBuf> {
    let config = UNET_CONFIG
        .iter()
        .find_map(|config| Some((config, cached.get(&format!("{}{config}", name.folder))?)));
    let (config, path) = config?;
    let up = Path::new(config).components().count();
    path.ancestors().nth(up).map(Path::to_path_buf)
}

/// The files of one commit.
struct Files<'a> {
    name: &'a HubName,
    api: &'a Api,
    repo: ApiRepo,
    /// Where they lie in the cache.
    snapshot: PathBuf,
    /// Their names below the model's folder.
    files: Vec<&'a str>,
}

impl Files<'_> {
    /// Fetches what a model is read from, and returns its folder.
    fn fetch(&self, which: Which) -> Result<PathBuf, HubError> {
        let first = |names: &[&'static str]| {
            let there = |name: &&'static str| self.files.contains(name);
            names.iter().copied().find(there)
        };
        let folder = self.snapshot.join(&self.name.folder);
        let (averaged, trained) = (first(&[EMA_CONFIG]), first(&UNET_CONFIG));
        let config = match which {
            Which::Averaged => averaged.or(trained),
            Which::Trained => trained.or(averaged),
        };
        let Some(config) = config else {
            return Err(FolderError::no_config(&folder).into());
        };
        // The configuration's answer says whether the model may be had at all.
        let others = [averaged, trained, first(&SCHEDULER_CONFIG)];
        let optional = [MODEL_INDEX, LABELS, GOLDEN].map(|name| first(&[name]));
        for file in std::iter::once(Some(config))
            .chain(others)
            .chain(optional)
            .flatten()
        {
            self.get(file)?;
        }
        let beside = config.rsplit_once('/').map_or("", |(dir, _)| dir);
        let prefix = if beside.is_empty() {
            String::new()
        } else {
            format!("{beside}/")
        };
        let names: Vec<String> = self
            .files
            .iter()
            .filter_map(|file| file.strip_prefix(&prefix))
            .filter(|name| !name.contains('/'))
            .map(str::to_owned)
            .collect();
        let dir = folder.join(beside);
        let chosen = choose_weights(&dir, &names)?;
        let path = self.get(&format!("{prefix}{chosen}"))?;
        if chosen.ends_with(".json") {
            for shard in shards_of(&path, &read_json(&path)?)? {
                self.get(&format!("{prefix}{shard}"))?;
            }
        }
        Ok(folder)
    }

    /// One file, from the cache if it is there.
    fn get(&self, file: &str) -> Result<PathBuf, HubError> {
        let file = format!("{}{file}", self.name.folder);
        let there = self.snapshot.join(&file);
        if there.is_file() {
            return Ok(there);
        }
        let repo = || self.name.repo.clone();
        let gated = |error: &ApiError| {
            refused(&format!("{}, {file}", repo()), error, |_| HubError::Gated {
                repo: repo(),
            })
        };
        let metadata = self.api.metadata(&self.repo.url(&file));
        let metadata = metadata.map_err(|error| gated(&error))?;
        let path = self.repo.download(&file).map_err(|error| gated(&error))?;
        // Large files are known by their SHA-256; the others are a few lines of JSON.
        let expected = metadata.etag();
        if expected.len() == 64 {
            check(&path, &file, expected)?;
        }
        Ok(path)
    }
}

/// Removes a file that is not what it should be.
fn check(path: &Path, file: &str, expected: &str) -> Result<(), HubError> {
    let read = |source| FolderError::Read {
        path: path.into(),
        source,
    };
    let mut hasher = Sha256::new();
    let mut content = fs::File::open(path).map_err(read)?;
    std::io::copy(&mut content, &mut hasher).map_err(read)?;
    let found: String = (hasher.finalize().iter())
        .map(|byte| format!("{byte:02x}"))
        .collect();
    if found == expected {
        return Ok(());
    }
    // The name in the commit's folder is a link to the content.
    let content = fs::canonicalize(path).map_err(read)?;
    for path in [path, &content] {
        // Best effort: what stays is found wrong again by whoever reads it.
        let _ = fs::remove_file(path);
    }
    Err(HubError::Checksum {
        file: file.into(),
        found,
        expected: expected.into(),
    })
}

/// The status of an answer that is none of success.
fn status(error: &ApiError) -> Option<u16> {
    match error {
        ApiError::RequestError(error) => match **error {
            ureq::Error::StatusCode(status) => Some(status),
            _ => None,
        },
        ApiError::TooManyRetries(error) => status(error),
        _ => None,
    }
}

fn refused(what: &str, error: &ApiError, closed: impl FnOnce(String) -> HubError) -> HubError {
    match status(error) {
        Some(401 | 403 | 404) => closed(what.into()),
        _ => request(what, error),
    }
}

fn request(what: &str, error: &ApiError) -> HubError {
    HubError::Request {
        what: what.into(),
        reason: match status(error) {
            Some(429) => {
                "the hub accepts no more requests for now; try again in a few minutes".into()
            }
            Some(status) => format!("the hub answered {status}"),
            None => error.to_string(),
        },
    }
}

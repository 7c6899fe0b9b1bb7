//! `cargo xtask data`: training pictures made on this machine, from packages with free licences.
//!
//! Each set has a script in `datasets/`, which writes a folder that `walkback train` and `walkback eval` read: `train` and
//! `test`, and in them one folder for each class. The pictures are committed nowhere; the versions of the packages are, with
//! their checksums, so that the set is the same on every machine.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use clap::{Args, ValueEnum};

use crate::command;
use crate::node;
use crate::project::root;

/// Make a set of training pictures.
///
/// Installs the packages in datasets/package-lock.json with npm first. The set goes to target/data/NAME, where an earlier
/// one is replaced.
#[derive(Args)]
pub(crate) struct Options {
    /// Which set.
    #[arg(value_enum)]
    set: Set,
    /// The folder to write.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Pictures of each class to train on.
    #[arg(long, value_name = "N", default_value_t = 6000)]
    train: usize,
    /// Pictures of each class kept for `walkback eval`.
    #[arg(long, value_name = "N", default_value_t = 600)]
    test: usize,
}

/// A set of pictures.
#[derive(Clone, Copy, ValueEnum)]
enum Set {
    /// Faces of 16 x 16 pixels in eight classes, drawn by DiceBear's "Pixel Art" (CC0 1.0)
    Faces,
}

impl Set {
    fn name(self) -> &'static str {
        match self {
            Self::Faces => "faces",
        }
    }
}

/// Installs the packages and draws the pictures.
pub(crate) fn run(options: &Options) -> Result<()> {
    let Options {
        set,
        out,
        train,
        test,
    } = options;
    ensure!(
        *train > 0 && *test > 0,
        "--train and --test must be at least 1"
    );
    let name = set.name();
    let out = match out {
        Some(out) => std::path::absolute(out).context("--out is not a path")?,
        None => root().join("target/data").join(name),
    };
    let scripts = root().join("datasets");
    node::install_in(&scripts)?;
    let mut draw = node::node();
    draw.arg(scripts.join(format!("{name}.js")))
        .arg(&out)
        .args([train.to_string(), test.to_string()]);
    command::run(&mut draw).with_context(|| format!("the set {name} could not be made"))?;
    println!("next: walkback train --data {}", out.display());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    /// Every file below `folder`, by its path in it, with its bytes.
    fn files(folder: &Path) -> BTreeSet<(String, Vec<u8>)> {
        let mut found = BTreeSet::new();
        for split in fs::read_dir(folder).expect("splits") {
            for class in fs::read_dir(split.expect("a split").path()).expect("classes") {
                for file in fs::read_dir(class.expect("a class").path()).expect("files") {
                    let path = file.expect("a file").path();
                    let name = path.strip_prefix(folder).expect("inside").to_string_lossy();
                    found.insert((name.into_owned(), fs::read(&path).expect("its bytes")));
                }
            }
        }
        found
    }

    #[test]
    fn faces_are_the_same_every_time_and_no_two_are_alike() {
        let folder = tempfile::tempdir().expect("a folder");
        let make = |name: &str| {
            let out = folder.path().join(name);
            let options = Options {
                set: Set::Faces,
                out: Some(out.clone()),
                train: 20,
                test: 5,
            };
            run(&options).expect("the faces are made");
            files(&out)
        };
        let faces = make("one");
        assert_eq!(faces.len(), 8 * 25);
        let different: BTreeSet<&Vec<u8>> = faces.iter().map(|(_, bytes)| bytes).collect();
        assert_eq!(different.len(), faces.len());
        let png = |bytes: &[u8]| {
            bytes.starts_with(b"\x89PNG") && bytes[16..24] == [0, 0, 0, 16, 0, 0, 0, 16]
        };
        assert!(faces.iter().all(|(_, bytes)| png(bytes)));
        assert_eq!(make("two"), faces);
    }
}

//! `--raw`: the whole walk as a safetensors file, written while it happens.
//!
//! The trajectory of a thousand images does not fit into memory, so nothing is kept: every size is known before the first
//! step, the header is written first, the states follow, and the file gets its name when it is complete.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde_json::json;

/// A file of `labels` [N] int64 (where there are any), `trajectory` [steps + 1, N, C, H, W] and `samples` [N, C, H, W],
/// both float32.
pub struct RawWriter {
    path: PathBuf,
    temporary: PathBuf,
    file: BufWriter<File>,
    states_left: usize,
    finished: bool,
}

impl RawWriter {
    /// Starts the file for a walk of `steps` steps over images of `shape`.
    pub fn create(
        path: &Path,
        shape: [usize; 4],
        steps: usize,
        labels: Option<&[usize]>,
    ) -> anyhow::Result<Self> {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}.tmp", std::process::id()));
        let temporary = path.with_file_name(name);
        let start = || -> io::Result<_> {
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent)?;
            }
            let mut file = BufWriter::new(File::create(&temporary)?);
            file.write_all(&header(shape, steps, labels.map(<[usize]>::len)))?;
            for &label in labels.unwrap_or_default() {
                file.write_all(&(label as i64).to_le_bytes())?;
            }
            Ok(file)
        };
        let file = start().with_context(|| cannot_write(path))?;
        Ok(Self {
            path: path.into(),
            temporary,
            file,
            states_left: steps + 1,
            finished: false,
        })
    }

    /// Adds a state to the trajectory: x_T first, then x_t after each step; after the last one the file is complete.
    pub fn push(&mut self, x_t: &[f32]) -> anyhow::Result<()> {
        self.write(x_t).with_context(|| cannot_write(&self.path))
    }

    fn write(&mut self, x_t: &[f32]) -> io::Result<()> {
        for value in x_t {
            self.file.write_all(&value.to_le_bytes())?;
        }
        self.states_left = self.states_left.saturating_sub(1);
        if self.states_left > 0 {
            return Ok(());
        }
        for value in x_t {
            self.file.write_all(&value.clamp(-1.0, 1.0).to_le_bytes())?;
        }
        self.file.flush()?;
        self.file.get_ref().sync_all()?;
        fs::rename(&self.temporary, &self.path)?;
        self.finished = true;
        Ok(())
    }
}

impl Drop for RawWriter {
    fn drop(&mut self) {
        if !self.finished {
            // Best effort: a walk that broke off leaves nothing behind.
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

fn cannot_write(path: &Path) -> String {
    format!(
        "{}: cannot be written; check the permissions and the free disk space",
        path.display()
    )
}

/// Eight bytes of length, then JSON, padded with spaces so that the data begins at a multiple of eight.
fn header([n, c, h, w]: [usize; 4], steps: usize, labels: Option<usize>) -> Vec<u8> {
    let image_bytes = n * c * h * w * 4;
    let mut end = 0;
    let mut next = |bytes: usize| {
        let begin = end;
        end += bytes;
        [begin, end]
    };
    let mut tensors = serde_json::Map::new();
    if let Some(labels) = labels {
        tensors.insert(
            "labels".into(),
            json!({ "dtype": "I64", "shape": [labels], "data_offsets": next(labels * 8) }),
        );
    }
    tensors.insert(
        "trajectory".into(),
        json!({ "dtype": "F32", "shape": [steps + 1, n, c, h, w], "data_offsets": next((steps + 1) * image_bytes) }),
    );
    tensors.insert(
        "samples".into(),
        json!({ "dtype": "F32", "shape": [n, c, h, w], "data_offsets": next(image_bytes) }),
    );
    let mut text = serde_json::Value::Object(tensors).to_string();
    while !text.len().is_multiple_of(8) {
        text.push(' ');
    }
    let mut bytes = (text.len() as u64).to_le_bytes().to_vec();
    bytes.extend(text.as_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use safetensors::SafeTensors;

    #[test]
    fn the_file_holds_the_walk_and_its_clamped_end() {
        let path =
            std::env::temp_dir().join(format!("walkback-raw-{}.safetensors", std::process::id()));
        let mut raw = RawWriter::create(&path, [2, 1, 1, 1], 2, Some(&[3, 4])).unwrap();
        for x_t in [[5.0, -5.0], [2.0, -2.0], [1.5, -0.5]] {
            assert!(!path.exists(), "the name appears when the file is whole");
            raw.push(&x_t).unwrap();
        }
        let bytes = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        let tensors = SafeTensors::deserialize(&bytes).unwrap();
        let floats = |name: &str| -> Vec<f32> {
            let (chunks, _) = tensors.tensor(name).unwrap().data().as_chunks::<4>();
            chunks
                .iter()
                .map(|chunk| f32::from_le_bytes(*chunk))
                .collect()
        };
        assert_eq!(
            tensors.tensor("trajectory").unwrap().shape(),
            [3, 2, 1, 1, 1]
        );
        assert_eq!(floats("trajectory"), [5.0, -5.0, 2.0, -2.0, 1.5, -0.5]);
        assert_eq!(floats("samples"), [1.0, -0.5]);
        let labels = tensors.tensor("labels").unwrap();
        assert_eq!(
            labels.data(),
            [3i64.to_le_bytes(), 4i64.to_le_bytes()].concat()
        );
    }

    #[test]
    fn a_file_that_cannot_get_its_name_leaves_nothing_behind() {
        let dir = std::env::temp_dir().join(format!("walkback-raw-name-{}", std::process::id()));
        let taken = dir.join("x.safetensors");
        fs::create_dir_all(&taken).unwrap();
        let mut raw = RawWriter::create(&taken, [1, 1, 1, 1], 1, None).unwrap();
        raw.push(&[1.0]).unwrap();
        assert!(raw.push(&[0.0]).is_err());
        drop(raw);
        let left: Vec<_> = fs::read_dir(&dir).unwrap().collect();
        assert_eq!(left.len(), 1, "{left:?}");
        fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn a_walk_that_breaks_off_leaves_no_file() {
        let dir = std::env::temp_dir().join(format!("walkback-raw-off-{}", std::process::id()));
        let mut raw = RawWriter::create(&dir.join("x.safetensors"), [1, 1, 1, 1], 5, None).unwrap();
        raw.push(&[0.0]).unwrap();
        drop(raw);
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 0);
        fs::remove_dir(&dir).unwrap();
    }
}

//! Makes the small sets in `data/mnist-500/` and `web/digits/` from the full MNIST:
//!
//! ```text
//! cargo run --release -p walkback --example make_digits -- MNIST_DIR [PROJECT_ROOT]
//! ```
//!
//! The choice is fixed (the first of each class), the files carry no time stamps: every run gives the same bytes.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use walkback::data::Dataset;
use walkback::data::idx::{Split, gzip};

const TRAIN_PER_CLASS: usize = 50;
const TEST_PER_CLASS: usize = 10;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let mnist = arguments
        .next()
        .ok_or("usage: make_digits MNIST_DIR [PROJECT_ROOT]")?;
    let root = arguments.next().unwrap_or_else(|| ".".into());

    let train = Dataset::from_dir(&mnist, Split::Train)?;
    let test = Dataset::from_dir(&mnist, Split::Test)?;
    write_training_set(&train, &root.join("data/mnist-500"))?;
    write_page_digits(&test, &root.join("web/digits"))?;
    write_mean(&train, &root.join("web/digits"))?;
    Ok(())
}

/// The first training digits of each class, in the order of the full set, as gzipped IDX.
fn write_training_set(train: &Dataset, dir: &Path) -> Result<(), Box<dyn Error>> {
    let small = train.select(&train.first_of_each_class(TRAIN_PER_CLASS));
    fs::create_dir_all(dir)?;
    fs::write(
        dir.join("train-images-idx3-ubyte.gz"),
        gzip(&small.images_to_idx())?,
    )?;
    fs::write(
        dir.join("train-labels-idx1-ubyte.gz"),
        gzip(&small.labels_to_idx())?,
    )?;
    println!("{}: {} digits", dir.display(), small.len());
    Ok(())
}

/// The first test digits of each class, class after class, as gzipped IDX: the page reads bytes, not a picture, because
/// browsers that guard privacy alter what is read back from a canvas.
fn write_page_digits(test: &Dataset, dir: &Path) -> Result<(), Box<dyn Error>> {
    let mut indices = test.first_of_each_class(TEST_PER_CLASS);
    // Stable: within a class the order of the set stays.
    indices.sort_by_key(|&i| test.labels[i]);
    let digits = test.select(&indices);
    fs::create_dir_all(dir)?;
    fs::write(
        dir.join("test-digits-idx3-ubyte.gz"),
        gzip(&digits.images_to_idx())?,
    )?;
    let index = serde_json::json!({
        "labels": digits.labels,
        "test_indices": indices,
    });
    fs::write(dir.join("test-digits.json"), format!("{index}\n"))?;
    println!("{}: {} digits", dir.display(), digits.len());
    Ok(())
}

/// The mean of all training digits, scaled to -1..1, with seven decimals (a float32 holds no more there).
fn write_mean(train: &Dataset, dir: &Path) -> Result<(), Box<dyn Error>> {
    let mut sums = vec![0u64; train.image_len()];
    for i in 0..train.len() {
        for (sum, &byte) in sums.iter_mut().zip(train.pixels(i)) {
            *sum += u64::from(byte);
        }
    }
    let mean: Vec<f64> = sums
        .iter()
        .map(|&sum| sum as f64 / train.len() as f64 / 127.5 - 1.0)
        .map(|value| (value * 1e7).round() / 1e7)
        .collect();
    let json = serde_json::json!({
        "height": train.height,
        "width": train.width,
        "images": train.len(),
        "mean": mean,
    });
    fs::write(dir.join("train-mean.json"), format!("{json}\n"))?;
    println!("{}: mean of {} digits", dir.display(), train.len());
    Ok(())
}

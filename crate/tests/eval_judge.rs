//! The judge: it learns, it is kept, and it is not trusted when it was tampered with.

#![cfg(feature = "native")]

use std::cell::Cell;
use std::path::Path;
use walkback::data::Dataset;
use walkback::data::idx::Split;
use walkback::eval::cache::{Judge, JudgeError, obtain};
use walkback::eval::classifier::{ClassifierConfig, ClassifierError, FEATURES};
use walkback::eval::rate::Rate;

fn digits() -> Dataset {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/mnist-500");
    Dataset::from_dir(&folder, Split::Train).unwrap()
}

fn short() -> ClassifierConfig {
    ClassifierConfig {
        least_steps: 60,
        batch_size: 32,
        epochs: 1.0,
        ..ClassifierConfig::default()
    }
}

/// The judge, and how many steps of training it took.
fn judge(cache: &Path, data: &Dataset) -> (Judge, usize) {
    let steps = Cell::new(0);
    let judge = obtain(cache, data, &short(), |_, _| steps.set(steps.get() + 1)).unwrap();
    (judge, steps.get())
}

#[test]
fn a_judge_learns_digits_is_kept_and_a_damaged_one_is_trained_again() {
    let cache = tempfile::tempdir().unwrap();
    let all = digits();
    // Every fifth digit is held back.
    let (test, train): (Vec<usize>, Vec<usize>) = (0..all.len()).partition(|i| i % 5 == 0);
    let (train, test) = (all.select(&train), all.select(&test));

    let (first, steps) = judge(cache.path(), &train);
    assert_eq!((first.cached, steps), (false, 60));
    let read = first.classifier.read(&test, |_, _| ());
    assert_eq!(read.features.len(), 100 * FEATURES);
    let rate = Rate::of_labels(&read.labels, &test.labels);
    assert!(rate.share() > 0.7, "{} of 100, ten by chance", rate.hits);

    let (kept, steps) = judge(cache.path(), &train);
    assert_eq!((kept.cached, steps), (true, 0));
    assert_eq!(kept.folder, first.folder);
    assert_eq!(kept.classifier.read(&test, |_, _| ()), read);

    let weights = kept.folder.join("weights.bpk");
    let mut bytes = std::fs::read(&weights).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&weights, &bytes).unwrap();
    let (again, steps) = judge(cache.path(), &train);
    assert_eq!((again.cached, steps), (false, 60));
    // One config, one seed: the same judge.
    assert_eq!(again.classifier.read(&test, |_, _| ()), read);

    std::fs::write(kept.folder.join("classifier.json"), "{").unwrap();
    assert!(!judge(cache.path(), &train).0.cached);

    // Other images, another judge.
    let (other, _) = judge(cache.path(), &test);
    assert!(!other.cached && other.folder != first.folder);
}

#[test]
fn images_that_cannot_be_judged_are_refused_before_any_training() {
    let cache = tempfile::tempdir().unwrap();
    let data = digits();
    let refused = |data: &Dataset| {
        let never = |_, _| panic!("nothing is trained");
        match obtain(cache.path(), data, &short(), never).unwrap_err() {
            JudgeError::Classifier(error) => error,
            other => panic!("{other}"),
        }
    };
    let one_class = Dataset {
        labels: vec![3; data.len()],
        ..data.clone()
    };
    assert_eq!(refused(&one_class), ClassifierError::OneClass);
    let tiny = Dataset {
        images: data.images[..500 * 16].to_vec(),
        height: 4,
        width: 4,
        ..data
    };
    let size = ClassifierError::Size {
        height: 4,
        width: 4,
    };
    assert_eq!(refused(&tiny), size);
}

//! What the names of folders mean: classes and their labels, and sets kept for judging; a zip is read like a folder.

use super::{BARS, BLUE, RED, classes, found, noted, seen, square};
use std::fs;
use std::path::Path;
use walkback::data::idx::Split;
use walkback::data::images::{ImagesError, MIN_IMAGES, Wanted};
use walkback::data::{SourceError, open};
use walkback::train::preset::Preset;

#[test]
fn a_folder_for_each_class_gives_the_labels_their_names() {
    let dir = tempfile::tempdir().unwrap();
    classes(dir.path(), 16, &[("blue ones", BLUE), ("red", RED)]);
    fs::write(dir.path().join("red/notes.txt"), "not an image").unwrap();
    fs::write(dir.path().join(".DS_Store"), "nor this").unwrap();
    let set = found(dir.path());
    assert_eq!(set.names, ["blue ones", "red"]);
    assert_eq!(
        (
            set.data.len(),
            set.data.channels,
            set.data.height,
            set.data.width
        ),
        (32, 3, 16, 16)
    );
    let expected: Vec<u8> = [vec![0; 16], vec![1; 16]].concat();
    assert_eq!(set.data.labels, expected);
    // Planes of red, green and blue: the middle of the first image is blue, that of the last red.
    let middle = |index: usize| [0, 1, 2].map(|c| set.data.pixels(index)[c * 256 + 8 * 16 + 8]);
    assert_eq!((middle(0), middle(31)), (BLUE.0, RED.0));
    assert!(
        noted(&set, "notes.txt") && noted(&set, "32 images are few"),
        "{:?}",
        set.notes
    );
}

#[test]
fn folders_that_split_a_set_are_no_classes() {
    let both: &[(&str, image::Rgb<u8>)] = &[("blue", BLUE), ("red", RED)];
    for (train, kept) in [
        ("train", &["val", "test"][..]),
        ("Train", &["Validation"]),
        ("TRAIN", &["valid"]),
        ("train", &[]),
    ] {
        let dir = tempfile::tempdir().unwrap();
        classes(&dir.path().join(train), 16, both);
        for name in kept {
            classes(&dir.path().join(name), 16, &both[..1]);
        }
        let set = found(dir.path());
        assert_eq!(set.names, ["blue", "red"], "{train} {kept:?}");
        assert_eq!(set.data.len(), 32);
        for name in kept {
            assert!(noted(&set, name), "{:?}", set.notes);
        }
        // The last of these is what a model is judged by: `test` where there are several.
        let judged = open(dir.path(), Split::Test, &Wanted::default());
        assert_eq!(
            judged.is_ok_and(|set| set.data.len() == 16),
            !kept.is_empty()
        );
    }
    // A train among vehicles is a class.
    let dir = tempfile::tempdir().unwrap();
    classes(dir.path(), 16, &[("car", BLUE), ("train", RED)]);
    assert_eq!(found(dir.path()).names, ["car", "train"]);
}

#[test]
fn numbers_of_classes_keep_their_order() {
    let dir = tempfile::tempdir().unwrap();
    classes(dir.path(), 8, &[("10", RED), ("9", BLUE)]);
    assert_eq!(found(dir.path()).names, ["9", "10"]);
}

#[test]
fn one_folder_or_none_makes_no_classes() {
    let dir = tempfile::tempdir().unwrap();
    classes(dir.path(), 16, &[("only", RED)]);
    let inside = found(dir.path());
    assert!(inside.names.is_empty() && noted(&inside, "a single folder is not a class"));
    let set = found(&dir.path().join("only"));
    assert!(set.names.is_empty() && !noted(&set, "classes"));
    assert_eq!((&set.data.labels, &inside.data), (&vec![0; 16], &set.data));
    let unet = Preset::Images.unet([3, 16, 16], set.names.len());
    assert_eq!((unet.in_channels, unet.num_class_embeds), (3, None));
}

#[cfg(unix)]
#[test]
fn classes_whose_names_are_no_text_stay_apart() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let dir = tempfile::tempdir().unwrap();
    for (name, colour) in [(&b"caf\xe9"[..], RED), (b"caf\xe8", BLUE)] {
        let folder = dir.path().join(OsStr::from_bytes(name));
        fs::create_dir(&folder).unwrap();
        for i in 0..MIN_IMAGES {
            square(16, colour)
                .save(folder.join(format!("{i}.png")))
                .unwrap();
        }
    }
    let set = found(dir.path());
    assert_eq!(set.names, [r"caf\xe8", r"caf\xe9"]);
    assert_eq!((set.data.labels[0], set.data.labels[31]), (0, 1));
}

#[test]
fn a_zip_is_read_like_the_folder_in_it() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("shapes");
    for half in ["train", "test"] {
        classes(&folder.join(half), 16, &[("blue", BLUE), ("red", RED)]);
    }
    let archive = root.path().join("shapes.zip");
    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    for half in ["train", "test"] {
        for class in ["blue", "red"] {
            for i in 0..MIN_IMAGES {
                let name = format!("shapes/{half}/{class}/{i}.png");
                let bytes = fs::read(root.path().join(&name)).unwrap();
                files.push((name, bytes));
            }
        }
    }
    // What systems put beside, and a name that leads elsewhere.
    for name in [
        "__MACOSX/shapes/._0.png",
        "shapes/train/metadata.csv",
        "../escaped.png",
    ] {
        files.push((name.to_owned(), Vec::new()));
    }
    let entries: Vec<(&str, &[u8])> = files.iter().map(|(n, b)| (&n[..], &b[..])).collect();
    fs::write(&archive, crate::common::archive(&entries)).unwrap();
    for split in [Split::Train, Split::Test] {
        let wanted = Wanted::default();
        let zipped = open(&archive, split, &wanted).unwrap();
        assert_eq!(zipped, open(&folder, split, &wanted).unwrap());
    }
    assert!(!std::env::temp_dir().join("escaped.png").exists());
    let packed = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/images/deflated.zip");
    let set = found(&packed);
    assert_eq!((set.data.len(), seen(&set)), (16, BARS));
    let whole = fs::read(&archive).unwrap();
    fs::write(&archive, &whole[..whole.len() / 2]).unwrap();
    let error = open(&archive, Split::Train, &Wanted::default())
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("shapes.zip: the archive cannot be unpacked"),
        "{error}"
    );
}

#[test]
fn images_follow_a_network_that_is_there_already() {
    let dir = tempfile::tempdir().unwrap();
    classes(dir.path(), 16, &[("b", BLUE), ("c", RED)]);
    let wanted = |names: &[&str]| Wanted {
        size: Some([12, 20]),
        channels: Some(1),
        names: Some(names.iter().map(ToString::to_string).collect()),
        ..Wanted::default()
    };
    let set = open(dir.path(), Split::Train, &wanted(&["a", "b", "c"])).unwrap();
    assert_eq!(
        (set.data.channels, set.data.height, set.data.width),
        (1, 12, 20)
    );
    assert_eq!((set.data.labels[0], set.data.labels[31]), (1, 2));
    assert!(noted(&set, "colours are lost"));
    let set = open(dir.path(), Split::Train, &wanted(&[])).unwrap();
    assert!(set.names.is_empty() && noted(&set, "the network has no classes"));
    let error = open(dir.path(), Split::Train, &wanted(&["a", "b"])).unwrap_err();
    assert!(
        matches!(error, SourceError::Images(ImagesError::UnknownClass { .. })),
        "{error}"
    );
}

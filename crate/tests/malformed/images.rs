//! Folders of images.

use super::table::Table;
use image::{ImageFormat, Rgb, RgbImage};
use std::fs;
use std::path::Path;
use walkback::data::idx::Split;
use walkback::data::images::Wanted;
use walkback::data::open;

/// The bytes of a PNG of one colour.
fn picture(width: u32, height: u32) -> Vec<u8> {
    let image = RgbImage::from_pixel(width, height, Rgb([200, 30, 90]));
    let mut bytes = std::io::Cursor::new(Vec::new());
    image.write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner()
}

fn put(dir: &Path, name: &str, bytes: &[u8]) {
    let path = dir.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

/// Twenty images, in one folder or in two.
fn fill(dir: &Path, folders: &[&str]) {
    for i in 0..20 {
        let name = format!("{}/{i}.png", folders[i % folders.len()]);
        put(dir, name.trim_start_matches('/'), &picture(16, 16));
    }
}

/// A case: its name, what is in the folder, and the sentence.
type Case = (&'static str, fn(&Path), &'static str);

#[test]
fn every_wrong_folder_of_images_has_its_sentence() {
    let cases: [Case; 18] = [
        (
            "nothing",
            |_| (),
            "DIR: no image (PNG, JPEG, WebP, GIF, BMP, TIFF) in this folder. Give --data a folder of images, a folder with one folder of images for each class, or a folder of IDX files",
        ),
        (
            "images of another kind",
            |dir| {
                put(dir, "a.heic", b"RIFF");
                put(dir, "b.heic", b"RIFF");
            },
            "DIR: no image (PNG, JPEG, WebP, GIF, BMP, TIFF) in this folder (only 2 other files, such as a.heic). Give --data a folder of images, a folder with one folder of images for each class, or a folder of IDX files",
        ),
        (
            "one text",
            |dir| put(dir, "notes.txt", b"hello"),
            "DIR: no image (PNG, JPEG, WebP, GIF, BMP, TIFF) in this folder (only notes.txt, which is none of these). Give --data a folder of images, a folder with one folder of images for each class, or a folder of IDX files",
        ),
        (
            "three images",
            |dir| (0..3).for_each(|i| put(dir, &format!("{i}.png"), &picture(8, 8))),
            "DIR: 3 images; at least 16 are needed, and hundreds for a model that draws anything new",
        ),
        (
            "an image beside the classes",
            |dir| {
                fill(dir, &["cats", "dogs"]);
                put(dir, "mouse.png", &picture(8, 8));
            },
            "DIR: has images, such as mouse.png, beside folders, such as cats. Put every image into the folder of its class, or all images into one folder without subfolders",
        ),
        (
            "a class without images",
            |dir| {
                fill(dir, &["cats", "dogs"]);
                put(dir, "mice/readme.txt", b"soon");
            },
            "DIR/mice: each folder is a class, and this one has no images (only readme.txt, which is none of these). Add some, or remove it",
        ),
        (
            "a folder within a class",
            |dir| {
                fill(dir, &["cats", "dogs"]);
                put(dir, "cats/black/1.png", &picture(8, 8));
            },
            "DIR/cats/black: a folder inside the folder of a class would be ignored. Move its images one folder up, or remove it",
        ),
        (
            "IDX files and images",
            |dir| {
                fill(dir, &[""]);
                put(dir, "train-images-idx3-ubyte", &[0; 16]);
            },
            "DIR: has both IDX files and images, such as 0.png. Put the files to train on into a separate folder",
        ),
        (
            "an image cut short",
            |dir| {
                fill(dir, &[""]);
                let whole = picture(64, 64);
                put(dir, "21.png", &whole[..whole.len() / 2]);
            },
            "DIR/21.png: cannot be read as an image (unexpected end of file). Save it again as PNG or JPEG, remove it, or skip unreadable images with --skip-broken",
        ),
        (
            "a JPEG cut short",
            |dir| {
                fill(dir, &[""]);
                let mut whole = std::io::Cursor::new(Vec::new());
                let image = RgbImage::from_pixel(64, 64, Rgb([200, 30, 90]));
                image.write_to(&mut whole, ImageFormat::Jpeg).unwrap();
                let whole = whole.into_inner();
                put(dir, "21.jpg", &whole[..whole.len() - 40]);
            },
            "DIR/21.jpg: cannot be read as an image (unexpected end of file). Save it again as PNG or JPEG, remove it, or skip unreadable images with --skip-broken",
        ),
        (
            "texts under the names of images",
            |dir| {
                fill(dir, &["cats", "dogs"]);
                put(dir, "dogs/x.jpg", b"not an image at all");
                put(dir, "dogs/y.jpg", b"");
            },
            "2 files cannot be read as images:\n  DIR/dogs/x.jpg (The image format could not be determined)\n  DIR/dogs/y.jpg (The image format could not be determined). Save them again as PNG or JPEG, remove them, or skip unreadable images with --skip-broken",
        ),
        (
            "a header of a million pixels each way",
            |dir| {
                fill(dir, &[""]);
                let mut huge = Vec::new();
                let header = png::Encoder::new(&mut huge, 1 << 20, 1 << 20);
                drop(header.write_header().unwrap());
                put(dir, "huge.png", &huge);
            },
            "DIR/huge.png: cannot be read as an image (Image size exceeds limit). Save it again as PNG or JPEG, remove it, or skip unreadable images with --skip-broken",
        ),
        (
            "an image wider than any",
            |dir| {
                fill(dir, &[""]);
                put(dir, "wide.png", &picture(20_000, 1));
            },
            "DIR/wide.png: cannot be read as an image (Image size exceeds limit). Save it again as PNG or JPEG, remove it, or skip unreadable images with --skip-broken",
        ),
        (
            "more classes than labels",
            |dir| (0..257).for_each(|i| put(dir, &format!("{i}/0.png"), &picture(1, 1))),
            "DIR: images of 257 classes; at most 256 are supported",
        ),
        (
            "a folder beside the splits",
            |dir| {
                fill(dir, &["train"]);
                fs::create_dir(dir.join("test")).unwrap();
                fs::create_dir(dir.join("more")).unwrap();
            },
            "DIR/more: a folder beside train, test and the like. Move its images into one of these, or move it elsewhere",
        ),
        (
            "splits of which none is trained on",
            |dir| fill(dir, &["test", "val"]),
            "DIR: by their names, its folders hold images kept from training, and none is called train. Rename the folder of training images to train, or give that folder to --data",
        ),
        (
            "halves with an image beside them",
            |dir| {
                fill(dir, &["train", "test"]);
                put(dir, "stray.png", &picture(1, 1));
            },
            "DIR: has images, such as stray.png, beside folders, such as test. Put every image into the folder of its class, or all images into one folder without subfolders",
        ),
        (
            "a training half without images",
            |dir| {
                fill(dir, &["test"]);
                fs::create_dir(dir.join("train")).unwrap();
            },
            "DIR/train: no image (PNG, JPEG, WebP, GIF, BMP, TIFF) in this folder. Give --data a folder of images, a folder with one folder of images for each class, or a folder of IDX files",
        ),
    ];
    let mut table = Table::default();
    for (case, build, expected) in cases {
        let dir = tempfile::tempdir().unwrap();
        build(dir.path());
        let found = open(dir.path(), Split::Train, &Wanted::default()).map(|_| ());
        let name = dir.path().display().to_string();
        let found = found.map_err(|error| error.to_string().replace(&name, "DIR"));
        table.holds(case, found, expected);
    }

    let dir = tempfile::tempdir().unwrap();
    fill(dir.path(), &["cats", "dogs"]);
    let name = dir.path().display().to_string();
    let names = |names: &[&str]| Wanted {
        names: Some(names.iter().map(ToString::to_string).collect()),
        ..Wanted::default()
    };
    let mut holds = |case, dir: &Path, split, wanted: &Wanted, expected| {
        let found = open(dir, split, wanted).map(|_| ());
        let found = found.map_err(|error| error.to_string().replace(&name, "DIR"));
        table.holds(case, found, expected);
    };
    let any = Wanted::default();
    holds(
        "no test images",
        dir.path(),
        Split::Test,
        &any,
        "DIR: no images were kept from training, so there is nothing to judge a model by. Put some into a folder `test` and the others into a folder `train` beside it; train and judge with the folder that holds both",
    );
    holds(
        "another network's class",
        dir.path(),
        Split::Train,
        &names(&["cats", "mice"]),
        "DIR/dogs: the network has no class of this name; it has cats, mice. Rename the folder, or train a new network",
    );
    let thousand: Vec<String> = (0..1000).map(|k| k.to_string()).collect();
    let numbered = tempfile::tempdir().unwrap();
    fill(numbered.path(), &["3", "300"]);
    let thousand = Wanted {
        names: Some(thousand),
        ..Wanted::default()
    };
    let found = open(numbered.path(), Split::Train, &thousand).unwrap_err();
    assert!(
        found.to_string().contains("images of 1000 classes"),
        "{found}"
    );
    let many = ["a", "b", "c", "d", "e", "f", "g"];
    holds(
        "many others",
        dir.path(),
        Split::Train,
        &names(&many),
        "DIR/cats: the network has no class of this name; it has a, b, c, d, e and 2 more. Rename the folder, or train a new network",
    );
    let cats = dir.path().join("cats");
    holds(
        "a network with classes",
        &cats,
        Split::Train,
        &names(&["cats", "dogs"]),
        "DIR/cats: these images have no classes, but the network has cats, dogs. Put them into one folder for each class",
    );
    let large = Wanted {
        size: Some([8192, 8192]),
        ..Wanted::default()
    };
    holds(
        "more than memory",
        dir.path(),
        Split::Train,
        &large,
        "DIR: 20 images of 8192 x 8192 pixels fill more than 2 GiB. Give a smaller --size or fewer images",
    );
    for (size, expected) in [
        (
            0,
            "--size is 0; give a multiple of 4 from 8 to 256, such as 28, 32 or 64",
        ),
        (
            30,
            "--size is 30; give a multiple of 4 from 8 to 256, such as 28, 32 or 64",
        ),
        (
            4096,
            "--size is 4096; give a multiple of 4 from 8 to 256, such as 28, 32 or 64",
        ),
    ] {
        table.holds(
            &format!("--size {size}"),
            Wanted::square(size).map(|_| ()),
            expected,
        );
    }
    table.end(25);
}

//! A folder of someone's own images: what is found in it, what is done to it, and the way to a model.

#![cfg(feature = "native")]

mod common;

use image::codecs::jpeg::JpegEncoder;
use image::{GrayImage, ImageEncoder, Rgb, RgbImage, Rgba, RgbaImage};
use std::fs;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;
use walkback::data::idx::Split;
use walkback::data::images::{Background, Fit, ImagesError, MIN_IMAGES, Preparation, Wanted};
use walkback::data::{Dataset, ImageSet};
use walkback::data::{SourceError, open};
use walkback::folder;
use walkback::pipeline::Labels;
use walkback::train::preset::Preset;

const RED: Rgb<u8> = Rgb([220, 30, 30]);
const BLUE: Rgb<u8> = Rgb([30, 30, 220]);

/// A square of one colour in the middle of another.
fn square(side: u32, colour: Rgb<u8>) -> RgbImage {
    RgbImage::from_fn(side, side, |x, y| {
        let inside = (side / 4..side * 3 / 4).contains(&x) && (side / 4..side * 3 / 4).contains(&y);
        if inside { colour } else { Rgb([240, 230, 200]) }
    })
}

/// Sixteen PNG files of `side` pixels in each of the folders.
fn classes(dir: &Path, side: u32, folders: &[(&str, Rgb<u8>)]) {
    for (name, colour) in folders {
        fs::create_dir_all(dir.join(name)).unwrap();
        for i in 0..MIN_IMAGES {
            let path = dir.join(name).join(format!("{i}.png"));
            square(side, *colour).save(path).unwrap();
        }
    }
}

/// A folder of sixteen times one image, saved by `save`.
fn repeated(save: impl Fn(&Path)) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for i in 0..MIN_IMAGES {
        save(&dir.path().join(format!("{i}.png")));
    }
    dir
}

fn found(dir: &Path) -> ImageSet {
    open(dir, Split::Train, &Wanted::default()).unwrap()
}

fn told(set: &ImageSet, part: &str) -> bool {
    set.notes.iter().any(|note| note.contains(part))
}

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
        told(&set, "notes.txt") && told(&set, "32 images are few"),
        "{:?}",
        set.notes
    );
}

#[test]
fn folders_that_split_a_set_are_no_classes() {
    let both: &[(&str, Rgb<u8>)] = &[("blue", BLUE), ("red", RED)];
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
            assert!(told(&set, name), "{:?}", set.notes);
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
fn a_jpeg_that_is_cut_short_is_refused_at_every_length() {
    let mut whole = Vec::new();
    let encoder = JpegEncoder::new(&mut whole);
    square(48, RED).write_with_encoder(encoder).unwrap();
    let dir = repeated(|path| fs::write(path, &whole).unwrap());
    found(dir.path());
    for length in (100..whole.len()).step_by(7) {
        fs::write(dir.path().join("7.png"), &whole[..length]).unwrap();
        let error = open(dir.path(), Split::Train, &Wanted::default()).unwrap_err();
        assert!(
            error.to_string().contains("7.png: cannot be read"),
            "{length}"
        );
    }
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
    assert!(inside.names.is_empty() && told(&inside, "a single folder is not a class"));
    let set = found(&dir.path().join("only"));
    assert!(set.names.is_empty() && !told(&set, "classes"));
    assert_eq!((&set.data.labels, &inside.data), (&vec![0; 16], &set.data));
    let unet = Preset::Images.unet([3, 16, 16], set.names.len());
    assert_eq!((unet.in_channels, unet.num_class_embeds), (3, None));
}

#[test]
fn images_without_a_colour_are_grey_in_whatever_form_they_come() {
    let ramp = GrayImage::from_fn(20, 20, |x, y| image::Luma([(x * 6 + y * 6) as u8]));
    let coloured = image::DynamicImage::from(ramp.clone()).to_rgb8();
    for dir in [
        repeated(|path| ramp.save(path).unwrap()),
        repeated(|path| coloured.save(path).unwrap()),
        // A JPEG under the name of a PNG: what it is shows in its bytes.
        repeated(|path| {
            let file = fs::File::create(path).unwrap();
            coloured.write_with_encoder(JpegEncoder::new(file)).unwrap();
        }),
    ] {
        let set = found(dir.path());
        assert_eq!((set.data.channels, set.data.height), (1, 20));
        let value = i16::from(set.data.pixels(0)[5 * 20 + 10]);
        assert!((value - 90).abs() <= 4, "{value}");
    }
}

#[test]
fn sizes_that_differ_are_cut_to_the_middle_and_told() {
    // Three bars: of wide images the middle one is seen, of tall ones too.
    let bars = |width: u32, height: u32| {
        RgbImage::from_fn(width, height, |x, y| {
            let (along, side) = if width > height {
                (x, width)
            } else {
                (y, height)
            };
            if (side / 3..side * 2 / 3).contains(&along) {
                RED
            } else {
                BLUE
            }
        })
    };
    let dir = repeated(|path| bars(120, 40).save(path).unwrap());
    bars(50, 150).save(dir.path().join("tall.PNG")).unwrap();
    let set = found(dir.path());
    assert_eq!((set.data.height, set.data.width), (32, 32));
    for index in [0, 16] {
        for (plane, colour) in set.data.pixels(index).chunks_exact(32 * 32).zip(RED.0) {
            let near = |value: &u8| value.abs_diff(colour) <= 24;
            let share = plane.iter().filter(|value| near(value)).count();
            assert!(share > 900, "{share} of 1024");
        }
    }
    assert!(
        told(
            &set,
            "17 images of 40 x 120 to 150 x 50 pixels are cropped to their middle and resized to 32 x 32; --size N"
        ),
        "{:?}",
        set.notes
    );
    let asked = open(dir.path(), Split::Train, &Wanted::square(12).unwrap()).unwrap();
    assert_eq!((asked.data.height, asked.data.width), (12, 12));
}

#[test]
fn one_size_is_kept_or_rounded_up_to_what_a_network_takes() {
    for (from, to) in [(28, 28), (64, 64), (50, 52), (3, 8), (65, 32)] {
        let dir = repeated(|path| square(from, RED).save(path).unwrap());
        let set = found(dir.path());
        assert_eq!((set.data.height, set.data.width), (to, to), "{from}");
        assert_eq!(told(&set, "resized"), from == 65);
        assert_eq!(told(&set, "get a border"), from < 65 && from as usize != to);
        // Every preset makes a network for it.
        for preset in Preset::ALL {
            preset.unet([3, to, to], 2).check().unwrap();
        }
    }
}

#[test]
fn what_is_transparent_becomes_white_and_what_lies_on_its_side_is_turned() {
    let glass = RgbaImage::from_fn(16, 16, |x, _| {
        Rgba([255, 0, 0, if x < 8 { 0 } else { 255 }])
    });
    let dir = repeated(|path| glass.save(path).unwrap());
    let set = found(dir.path());
    let at = |x: usize| [0, 1, 2].map(|c| set.data.pixels(0)[c * 256 + x]);
    assert_eq!((at(0), at(15)), ([255; 3], [255, 0, 0]));
    assert!(told(
        &set,
        "16 images have transparent parts, which become white"
    ));

    // The camera's note that the image is to be turned by a quarter: an entry of its EXIF.
    let turn = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";
    let lying = RgbImage::from_fn(24, 16, |x, _| if x < 12 { RED } else { BLUE });
    let dir = repeated(|path| {
        let mut encoder = JpegEncoder::new_with_quality(fs::File::create(path).unwrap(), 100);
        encoder.set_exif_metadata(turn.to_vec()).unwrap();
        lying.write_with_encoder(encoder).unwrap();
    });
    let set = found(dir.path());
    assert_eq!((set.data.height, set.data.width), (24, 16));
    let red = &set.data.pixels(0)[..24 * 16];
    assert!(
        red[2 * 16 + 8] > 180 && red[20 * 16 + 8] < 80,
        "red above, blue below"
    );
}

/// An image of `tests/images`, which `make.py` there makes: four bars in the colours of [`BARS`], 24 x 16.
fn bars(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/images")
        .join(name);
    fs::read(path).unwrap()
}

const BARS: [[u8; 3]; 4] = [[220, 30, 30], [40, 200, 60], [30, 30, 220], [120, 120, 120]];

/// The colours in the middle of the four bars of the first image.
fn seen(set: &ImageSet) -> [[u8; 3]; 4] {
    let plane = set.data.height * set.data.width;
    [3, 9, 15, 21].map(|x| [0, 1, 2].map(|c| set.data.pixels(0)[c * plane + 8 * 24 + x]))
}

#[test]
fn every_kind_of_file_has_its_right_colours_whatever_its_name_ends_in() {
    for name in [
        "cmyk.jpg",
        "cmyk_progressive.jpg",
        "ycck.jpg",
        "lossless.webp",
        "lossy.webp",
        "image.bmp",
        "image.tiff",
        "two_frames.gif",
        "palette.png",
    ] {
        // Every file here is called .png.
        let set = found(repeated(|path| fs::write(path, bars(name)).unwrap()).path());
        for (colour, expected) in seen(&set).into_iter().zip(BARS) {
            let apart = |c: usize| colour[c].abs_diff(expected[c]);
            assert!(
                [0, 1, 2].map(apart).iter().all(|d| *d <= 4),
                "{name}: {colour:?}"
            );
        }
    }
    // By their own endings, in any case, they are found too.
    let dir = tempfile::tempdir().unwrap();
    for i in 0..MIN_IMAGES {
        let ending = ["WebP", "gif", "BMP", "tif"][i % 4];
        let name = ["lossless.webp", "two_frames.gif", "image.bmp", "image.tiff"][i % 4];
        fs::write(dir.path().join(format!("{i}.{ending}")), bars(name)).unwrap();
    }
    assert_eq!(found(dir.path()).data.len(), MIN_IMAGES);
}

#[test]
fn sixteen_bits_and_grey_with_alpha_become_bytes() {
    let deep = image::ImageBuffer::from_fn(16, 16, |x, _| image::Luma([x as u16 * 4096 + 128]));
    let set = found(repeated(|path| deep.save(path).unwrap()).path());
    let row: Vec<u8> = (0..16).map(|x| (x * 16) as u8).collect();
    assert!(
        set.data.pixels(0)[..16]
            .iter()
            .zip(&row)
            .all(|(a, b)| a.abs_diff(*b) <= 1)
    );
    assert_eq!(set.data.channels, 1);

    let veiled = image::ImageBuffer::from_fn(16, 16, |x, _| {
        image::LumaA([40_u8, if x < 8 { 0 } else { 255 }])
    });
    let dir = repeated(|path| veiled.save(path).unwrap());
    for (background, left) in [("white", 255), ("black", 0), ("#808080", 128)] {
        let background: Background = background.parse().unwrap();
        let wanted = with(Preparation {
            background,
            ..Preparation::default()
        });
        let set = open(dir.path(), Split::Train, &wanted).unwrap();
        assert_eq!((set.data.pixels(0)[0], set.data.pixels(0)[15]), (left, 40));
        assert!(
            told(&set, &format!("which become {background}")),
            "{:?}",
            set.notes
        );
    }
    for wrong in ["grey", "#12345", "#12345g", "ffffff", "#+12345"] {
        assert!(wrong.parse::<Background>().is_err(), "{wrong}");
    }
}

fn with(preparation: Preparation) -> Wanted {
    Wanted {
        preparation,
        ..Wanted::default()
    }
}

#[test]
fn an_image_smaller_than_the_network_keeps_its_pixels_within_a_border() {
    let dir = repeated(|path| square(22, RED).save(path).unwrap());
    let fitted = |fit| {
        let wanted = with(Preparation {
            background: Background([1, 2, 3]),
            fit,
            ..Preparation::default()
        });
        open(dir.path(), Split::Train, &wanted).unwrap()
    };
    let set = fitted(None);
    assert_eq!((set.data.height, set.data.width), (24, 24));
    assert!(told(
        &set,
        "16 images of 22 x 22 pixels get a border of #010203 to be 24 x 24"
    ));
    let at = |set: &ImageSet, x: usize, y: usize| {
        [0, 1, 2].map(|c| set.data.pixels(0)[c * 576 + y * 24 + x])
    };
    let original = square(22, RED);
    for (x, y) in [(0, 0), (5, 5), (11, 11), (21, 21)] {
        let pixel = original.get_pixel(x, y).0;
        assert_eq!(at(&set, x as usize + 1, y as usize + 1), pixel);
    }
    assert_eq!((at(&set, 0, 5), at(&set, 23, 23)), ([1, 2, 3], [1, 2, 3]));
    assert_eq!(set, fitted(Some(Fit::Pad)));

    // Cut or stretched it has no border, and a larger image that is padded is shrunk before.
    for fit in [Fit::Crop, Fit::Stretch] {
        assert_eq!(at(&fitted(Some(fit)), 0, 5), [240, 230, 200], "{fit}");
    }
    let dir = repeated(|path| RgbImage::from_pixel(128, 32, RED).save(path).unwrap());
    let wanted = with(Preparation {
        fit: Some(Fit::Pad),
        ..Preparation::default()
    });
    let set = open(dir.path(), Split::Train, &wanted).unwrap();
    let column: Vec<u8> = (0..32).map(|y| set.data.pixels(0)[y * 32 + 16]).collect();
    assert_eq!(
        column.iter().filter(|red| **red == 220).count(),
        8,
        "{column:?}"
    );
}

#[test]
fn files_that_cannot_be_read_are_all_named_and_left_out_where_that_is_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    classes(dir.path(), 16, &[("blue", BLUE), ("red", RED)]);
    let path = |name: &str| dir.path().join(name);
    fs::write(path("blue/3.png"), "no image").unwrap();
    fs::write(path("red/extra.jpg"), "").unwrap();
    fs::write(
        path("red/0.png"),
        &fs::read(path("red/1.png")).unwrap()[..60],
    )
    .unwrap();
    let error = open(dir.path(), Split::Train, &Wanted::default()).unwrap_err();
    let error = error.to_string();
    for name in [
        "3 files cannot be read",
        "blue/3.png (",
        "red/0.png (",
        "red/extra.jpg (",
        "--skip-broken",
    ] {
        assert!(error.contains(name), "{error}");
    }
    let wanted = with(Preparation {
        skip_broken: true,
        ..Preparation::default()
    });
    let set = open(dir.path(), Split::Train, &wanted).unwrap();
    let expected: Vec<u8> = [vec![0; 15], vec![1; 15]].concat();
    assert_eq!(set.data.labels, expected);
    // The labels still belong to their images.
    let red = |index: usize| set.data.pixels(index)[8 * 16 + 8];
    assert_eq!((red(0), red(14), red(15), red(29)), (30, 30, 220, 220));
    for name in ["blue/3.png", "red/0.png", "red/extra.jpg"] {
        assert!(told(&set, name), "{:?}", set.notes);
    }
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
    fs::write(&archive, common::archive(&entries)).unwrap();
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
    assert!(told(&set, "colours are lost"));
    let set = open(dir.path(), Split::Train, &wanted(&[])).unwrap();
    assert!(set.names.is_empty() && told(&set, "the network has no classes"));
    let error = open(dir.path(), Split::Train, &wanted(&["a", "b"])).unwrap_err();
    assert!(
        matches!(error, SourceError::Images(ImagesError::UnknownClass { .. })),
        "{error}"
    );
}

#[test]
fn an_idx_set_of_any_size_is_made_to_fit() {
    let dir = tempfile::tempdir().unwrap();
    let data = Dataset {
        images: vec![200; 3 * 27 * 27],
        labels: vec![0, 1, 2],
        height: 27,
        width: 27,
        channels: 1,
    };
    fs::write(
        dir.path().join("train-images-idx3-ubyte"),
        data.images_to_idx(),
    )
    .unwrap();
    fs::write(
        dir.path().join("train-labels-idx1-ubyte"),
        data.labels_to_idx(),
    )
    .unwrap();
    let set = found(dir.path());
    assert_eq!(
        (set.data.height, set.data.width, set.names.len()),
        (28, 28, 3)
    );
    assert!(told(&set, "3 images of 27 x 27 pixels"), "{:?}", set.notes);
    assert_eq!(set.data.images, vec![200; 3 * 28 * 28]);
}

/// What the binary prints; it has to succeed.
#[track_caller]
fn walkback(args: &[&str]) -> String {
    let output = command(args).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_walkback"));
    command.args(args);
    command
}

#[test]
fn from_a_folder_of_colour_images_to_a_model_that_draws_them() {
    let root = tempfile::tempdir().unwrap();
    let path = |name: &str| root.path().join(name).to_str().unwrap().to_owned();
    let (data, run, model, grid) = (path("data"), path("run"), path("model"), path("grid.png"));
    for half in ["train", "test"] {
        let folder = root.path().join("data").join(half);
        classes(&folder, 16, &[("blue", BLUE), ("red", RED)]);
    }
    let few = ["--batch-size", "4", "--warmup", "1", "--sample-every", "3"];
    let args = [
        "train", "--data", &data, "--out", &run, "--preset", "tiny", "--steps", "3",
    ];
    let text = walkback(&[&args[..], &few].concat());
    let line = "32 colour images of 16 x 16 pixels, 2 classes (blue, red)";
    assert!(text.contains(line), "{text}");
    let samples = image::open(root.path().join("run/samples/step-000003.png")).unwrap();
    assert!(samples.color().has_color());
    walkback(&["train", "--resume", "--out", &run, "--steps", "4"]);
    walkback(&["export", "--run", &run, "--out", &model]);

    let files = folder::read(Path::new(&model)).unwrap();
    let labels: Labels = serde_json::from_str(&files.labels.unwrap()).unwrap();
    assert_eq!(
        (labels.names.join(","), labels.null),
        ("blue,red".into(), Some(2))
    );
    let info = walkback(&["info", "--model", &model]);
    assert!(
        info.contains("16 x 16 x 3") && info.contains("2 (blue, red)"),
        "{info}"
    );
    let drawn = [
        "--label",
        "red",
        "--guidance",
        "2",
        "--steps",
        "2",
        "--sampler",
        "ddim",
    ];
    walkback(&[&["sample", "--model", &model, "--out", &grid][..], &drawn].concat());
    let grid = image::open(&grid).unwrap();
    assert!(grid.color().has_color() && grid.width() == grid.height());

    // Kept apart from training, the images in `test` can judge the model.
    let report = walkback(&[
        "eval", "--model", &model, "--data", &data, "--draws", "320", "--only", "bound",
    ]);
    assert!(report.contains("bits/dim"), "{report}");
    let output = command(&["eval", "--model", &model, "--data", &path("data/train")])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success() && text.contains("no images were kept from training"),
        "{text}"
    );
}

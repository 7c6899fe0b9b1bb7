//! Every kind of image file gives its right colours; a file that is damaged is named.

use super::{BARS, BLUE, RED, bars, classes, found, noted, repeated, seen, square, with};
use image::codecs::jpeg::JpegEncoder;
use image::{GrayImage, ImageEncoder, RgbImage, Rgba, RgbaImage};
use std::fs;
use walkback::data::idx::Split;
use walkback::data::images::{Background, MIN_IMAGES, Preparation, Wanted};
use walkback::data::open;

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
fn what_is_transparent_becomes_white_and_what_lies_on_its_side_is_turned() {
    let glass = RgbaImage::from_fn(16, 16, |x, _| {
        Rgba([255, 0, 0, if x < 8 { 0 } else { 255 }])
    });
    let dir = repeated(|path| glass.save(path).unwrap());
    let set = found(dir.path());
    let at = |x: usize| [0, 1, 2].map(|c| set.data.pixels(0)[c * 256 + x]);
    assert_eq!((at(0), at(15)), ([255; 3], [255, 0, 0]));
    assert!(noted(
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
            noted(&set, &format!("which become {background}")),
            "{:?}",
            set.notes
        );
    }
    for wrong in ["grey", "#12345", "#12345g", "ffffff", "#+12345"] {
        assert!(wrong.parse::<Background>().is_err(), "{wrong}");
    }
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
        assert!(noted(&set, name), "{:?}", set.notes);
    }
}

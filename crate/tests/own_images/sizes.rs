//! Images of any size are made to fit the network, and what was done to them is noted.

use super::{BLUE, RED, found, noted, repeated, square, with};
use image::RgbImage;
use std::fs;
use walkback::data::idx::Split;
use walkback::data::images::{Background, Fit, Preparation, Wanted};
use walkback::data::{Dataset, ImageSet, open};
use walkback::train::preset::Preset;

#[test]
fn sizes_that_differ_are_cropped_to_the_middle_and_noted() {
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
        noted(
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
        assert_eq!(noted(&set, "resized"), from == 65);
        assert_eq!(
            noted(&set, "get a border"),
            from < 65 && from as usize != to
        );
        // Every preset makes a network for it.
        for preset in Preset::ALL {
            preset.unet([3, to, to], 2).check().unwrap();
        }
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
    assert!(noted(
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
    assert!(noted(&set, "3 images of 27 x 27 pixels"), "{:?}", set.notes);
    assert_eq!(set.data.images, vec![200; 3 * 28 * 28]);
}

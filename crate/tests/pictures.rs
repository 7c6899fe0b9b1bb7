//! Grids and animations hold the values they were made from.

#![cfg(feature = "native")]

use std::io::Read;
use walkback::picture::{Animation, GridLayout, PictureError, Raster, grid, grid_png, to_byte};

fn layout(columns: usize, scale: usize, gap: usize) -> GridLayout {
    GridLayout {
        columns,
        scale,
        gap,
    }
}

fn decode_png(bytes: &[u8]) -> Raster {
    let mut reader = png::Decoder::new(std::io::Cursor::new(bytes))
        .read_info()
        .unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    Raster {
        width: info.width as usize,
        height: info.height as usize,
        channels: info.color_type.samples(),
        pixels,
    }
}

/// Each frame's delay and red, green and blue values.
fn decode_gif(bytes: &[u8]) -> Vec<(u16, Vec<[u8; 3]>)> {
    let mut options = gif::DecodeOptions::new();
    options.set_color_output(gif::ColorOutput::RGBA);
    let mut reader = options.read_info(bytes).unwrap();
    let mut frames = Vec::new();
    while let Some(frame) = reader.read_next_frame().unwrap() {
        let (pixels, _) = frame.buffer.as_chunks::<4>();
        frames.push((
            frame.delay,
            pixels.iter().map(|&[r, g, b, _]| [r, g, b]).collect(),
        ));
    }
    frames
}

#[test]
fn bytes_survive_the_way_to_x_and_back() {
    for byte in 0..=255u8 {
        assert_eq!(to_byte(f32::from(byte) / 127.5 - 1.0), byte);
    }
    assert_eq!(to_byte(-7.0), 0);
    assert_eq!(to_byte(1.01), 255);
}

#[test]
fn a_grid_lays_images_out_row_by_row() {
    // Three images of one pixel, in two columns: the fourth place is black.
    let raster = grid(&[-1.0, 0.0, 1.0], [3, 1, 1, 1], layout(2, 2, 1)).unwrap();
    assert_eq!((raster.width, raster.height), (5, 5));
    #[rustfmt::skip]
    let expected = [
        0,   0,   64, 128, 128,
        0,   0,   64, 128, 128,
        64,  64,  64, 64,  64,
        255, 255, 64, 0,   0,
        255, 255, 64, 0,   0,
    ];
    assert_eq!(raster.pixels, expected);
}

#[test]
fn colours_are_interleaved() {
    // One image of 1 x 2: red then blue, plane after plane.
    let planes = [1.0, -1.0, -1.0, -1.0, -1.0, 1.0];
    let raster = grid(&planes, [1, 3, 1, 2], layout(1, 1, 0)).unwrap();
    assert_eq!(raster.pixels, [255, 0, 0, 0, 0, 255]);
}

#[test]
fn a_png_decodes_to_the_same_pixels() {
    for channels in [1, 3] {
        let images: Vec<f32> = (0..5 * channels * 16)
            .map(|i| (i as f32 * 0.7).sin())
            .collect();
        let shape = [5, channels, 4, 4];
        let raster = grid(&images, shape, layout(3, 2, 2)).unwrap();
        let png = grid_png(&images, shape, layout(3, 2, 2)).unwrap();
        assert_eq!(decode_png(&png), raster);
    }
}

#[test]
fn the_page_s_digits_are_the_size_the_page_expects() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../web/digits/test-digits-idx3-ubyte.gz"
    );
    let file = std::fs::File::open(path).unwrap();
    let mut digits = Vec::new();
    flate2::read::GzDecoder::new(file)
        .read_to_end(&mut digits)
        .unwrap();
    // Unsigned bytes in three dimensions: 100 x 28 x 28.
    let header = [0, 0, 8, 3, 0, 0, 0, 100, 0, 0, 0, 28, 0, 0, 0, 28];
    assert_eq!(digits[..16], header);
    assert_eq!(digits.len(), 16 + 100 * 28 * 28);
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../web/digits/train-mean.json");
    let mean: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let mean: Vec<f64> = serde_json::from_value(mean["mean"].clone()).unwrap();
    assert_eq!(mean.len(), 784);
    // MNIST's mean pixel is 0.1307 on a scale of 0 to 1.
    let average = (mean.iter().sum::<f64>() / 784.0 + 1.0) / 2.0;
    assert!((average - 0.1307).abs() < 5e-5, "{average}");
}

#[test]
fn a_grey_animation_keeps_every_value() {
    let states: Vec<Vec<f32>> = (0..7)
        .map(|t| (0..256).map(|i| (i + t) as f32 / 140.0 - 1.0).collect())
        .collect();
    let rasters: Vec<Raster> = states
        .iter()
        .map(|x| grid(x, [1, 1, 16, 16], layout(1, 1, 0)).unwrap())
        .collect();
    let mut animation = Animation::new(&rasters[0], 5).unwrap();
    for raster in &rasters[1..] {
        animation.push(raster, 20).unwrap();
    }
    assert_eq!(animation.frames(), 7);
    let frames = decode_gif(&animation.finish().unwrap());
    assert_eq!(frames.len(), 7);
    for (index, ((delay, pixels), raster)) in frames.iter().zip(&rasters).enumerate() {
        assert_eq!(*delay, if index == 0 { 5 } else { 20 });
        let greys: Vec<[u8; 3]> = raster.pixels.iter().map(|&grey| [grey; 3]).collect();
        assert_eq!(*pixels, greys, "frame {index}");
    }
}

#[test]
fn a_colour_animation_comes_close() {
    let x: Vec<f32> = (0..3 * 64).map(|i| (i / 16) as f32 / 6.0 - 1.0).collect();
    let raster = grid(&x, [1, 3, 8, 8], layout(1, 1, 0)).unwrap();
    let frames = decode_gif(&Animation::new(&raster, 5).unwrap().finish().unwrap());
    let (pixels, _) = raster.pixels.as_chunks::<3>();
    for (found, expected) in frames[0].1.iter().zip(pixels) {
        for (a, b) in found.iter().zip(expected) {
            assert!(a.abs_diff(*b) <= 4, "{found:?} for {expected:?}");
        }
    }
}

#[test]
fn what_cannot_be_drawn_is_refused() {
    let one = layout(1, 1, 0);
    let refuse = |images: &[f32], shape, layout| grid(images, shape, layout).unwrap_err();
    for shape in [
        [1, 1, 1, 2],
        [1, 2, 1, 1],
        [0, 1, 1, 1],
        [1 << 40, 1 << 40, 1, 1],
    ] {
        let error = refuse(&[0.0, 0.0, 0.0], shape, one);
        assert!(
            matches!(error, PictureError::Shape { values: 3, .. }),
            "{error}"
        );
    }
    let error = refuse(&[0.0, f32::NAN], [2, 1, 1, 1], one);
    assert_eq!(
        error.to_string(),
        "value 1 of the images is NaN; it must be finite"
    );
    let error = refuse(&[0.0], [1, 1, 1, 1], layout(1, 70_000, 0));
    assert_eq!(
        error.to_string(),
        "a picture of 70000 x 70000 pixels is too large; use fewer images or a smaller scale"
    );
    let small = grid(&[0.0], [1, 1, 1, 1], one).unwrap();
    let large = grid(&[0.0, 0.0], [1, 1, 1, 2], one).unwrap();
    let error = Animation::new(&small, 5)
        .unwrap()
        .push(&large, 5)
        .unwrap_err();
    assert!(matches!(error, PictureError::Frame { index: 1 }), "{error}");
}

//! Reads an image file: upright, as its EXIF orientation says, and without transparency.

use std::io::{self, BufRead, ErrorKind, Seek};

use super::jpeg;
use super::prepare::Background;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageReader, ImageResult, Limits, Rgb, RgbImage};

/// The longest side of an image file, and the most memory that reading one may take.
const MAX_SIDE: u32 = 16_384;
const MAX_ALLOC: u64 = 256 << 20;

/// One image file, opened but not yet decoded.
fn decoder<'a>(
    file: impl BufRead + Seek + 'a,
) -> ImageResult<(impl ImageDecoder + 'a, Orientation)> {
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_ALLOC);
    let mut reader = ImageReader::new(file).with_guessed_format()?;
    reader.limits(limits);
    let mut decoder = reader.into_decoder()?;
    // Cameras write how they were held; a file that does not say so stands upright.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    Ok((decoder, orientation))
}

/// Height and width of the upright image, from its header.
pub(super) fn size(file: impl BufRead + Seek) -> ImageResult<[usize; 2]> {
    let (decoder, orientation) = decoder(file)?;
    let (width, height) = decoder.dimensions();
    let turned = matches!(
        orientation,
        Orientation::Rotate90
            | Orientation::Rotate270
            | Orientation::Rotate90FlipH
            | Orientation::Rotate270FlipH
    );
    let (width, height) = if turned {
        (height, width)
    } else {
        (width, height)
    };
    Ok([height as usize, width as usize])
}

/// The image as it is to be seen, in red, green and blue, and whether it had transparent parts, through which the
/// background is seen then.
///
/// # Errors
/// What the decoder refuses, and a JPEG without its end.
pub(super) fn read(
    mut file: impl BufRead + Seek,
    Background(background): Background,
) -> ImageResult<(RgbImage, bool)> {
    refuse_half_a_jpeg(&mut file)?;
    let (decoder, orientation) = decoder(file)?;
    let mut image = DynamicImage::from_decoder(decoder)?;
    image.apply_orientation(orientation);
    if !image.color().has_alpha() {
        return Ok((image.to_rgb8(), false));
    }
    let image = image.to_rgba8();
    let mut transparent = false;
    let mut opaque = RgbImage::new(image.width(), image.height());
    for (pixel, to) in image.pixels().zip(opaque.pixels_mut()) {
        let alpha = u32::from(pixel.0[3]);
        transparent |= alpha < 255;
        *to = Rgb([0, 1, 2].map(|c| {
            let (front, back) = (u32::from(pixel.0[c]), u32::from(background[c]));
            ((front * alpha + back * (255 - alpha) + 127) / 255) as u8
        }));
    }
    Ok((opaque, transparent))
}

fn refuse_half_a_jpeg(file: &mut (impl BufRead + Seek)) -> ImageResult<()> {
    let is_jpeg = jpeg::is_jpeg(file.fill_buf()?);
    if is_jpeg {
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        file.rewind()?;
        if !jpeg::is_whole(&bytes) {
            return Err(io::Error::new(ErrorKind::UnexpectedEof, "unexpected end of file").into());
        }
    }
    Ok(())
}

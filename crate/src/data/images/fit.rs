//! Converts images of any size to one size: cropped to the middle, padded or resized.

use super::prepare::{Background, Fit, Preparation};
use crate::data::Dataset;
use image::imageops::{FilterType, crop_imm, replace, resize};
use image::{DynamicImage, Rgb, RgbImage};

/// The longest side that is trained on by default, and what larger or mixed images become: what two cores
/// can train a network on in an afternoon.
const LARGEST: usize = 64;
const DEFAULT: usize = 32;
/// The U-Nets of the presets halve the sides twice.
const MULTIPLE: usize = 4;
/// The shortest side of a preset's network.
const SMALLEST: usize = 8;
/// Colours that lie this close together are grey: JPEG rounds.
const GREY_SPREAD: u8 = 4;

/// The common size `[height, width]` of images of these sizes: their own, rounded up to what a network takes, if it is one
/// and small enough.
pub(super) fn common_size(sizes: impl IntoIterator<Item = [usize; 2]>) -> [usize; 2] {
    let mut sizes = sizes.into_iter();
    let Some(first) = sizes.next() else {
        return [DEFAULT; 2];
    };
    let small = first.iter().all(|side| *side <= LARGEST);
    if small && sizes.all(|size| size == first) {
        first.map(|side| side.next_multiple_of(MULTIPLE).max(SMALLEST))
    } else {
        [DEFAULT; 2]
    }
}

/// An image at the size `[height, width]`, in the way that the preparation says.
pub(super) fn fit(image: RgbImage, size: [usize; 2], preparation: &Preparation) -> RgbImage {
    let own = [image.height() as usize, image.width() as usize];
    if own == size {
        return image;
    }
    match preparation.fit_of(own, size) {
        Fit::Pad => pad(&image, size, preparation.background),
        Fit::Crop => crop(&image, size),
        Fit::Stretch => {
            let [height, width] = size.map(|side| side as u32);
            resize(&image, width, height, FilterType::CatmullRom)
        }
    }
}

/// All of the image in the middle of a border, shrunk first if it is too large.
fn pad(image: &RgbImage, [height, width]: [usize; 2], background: Background) -> RgbImage {
    let (h, w) = (image.height() as usize, image.width() as usize);
    let shrunk = (h > height || w > width).then(|| {
        // The side that is the most too long decides; at least a pixel remains of the other.
        let (to_h, to_w) = if h * width > w * height {
            (height, (w * height / h).max(1))
        } else {
            ((h * width / w).max(1), width)
        };
        resize(image, to_w as u32, to_h as u32, FilterType::CatmullRom)
    });
    let image = shrunk.as_ref().unwrap_or(image);
    let (height, width) = (height as u32, width as u32);
    let mut padded = RgbImage::from_pixel(width, height, Rgb(background.0));
    let left = (width - image.width()) / 2;
    let top = (height - image.height()) / 2;
    replace(&mut padded, image, left.into(), top.into());
    padded
}

/// The largest part of the middle that has the shape of `[height, width]`, at that size.
fn crop(image: &RgbImage, [height, width]: [usize; 2]) -> RgbImage {
    let (h, w) = (image.height() as usize, image.width() as usize);
    // h / height and w / width, compared without fractions; at least a pixel remains.
    let (cut_h, cut_w) = if h * width > w * height {
        ((w * height / width).max(1), w)
    } else {
        (h, (h * width / height).max(1))
    };
    let (left, top) = ((w - cut_w) / 2, (h - cut_h) / 2);
    let cut = crop_imm(image, left as u32, top as u32, cut_w as u32, cut_h as u32);
    let (width, height) = (width as u32, height as u32);
    resize(&cut.to_image(), width, height, FilterType::CatmullRom)
}

/// Whether no pixel has a colour.
pub(super) fn is_grey(image: &RgbImage) -> bool {
    image.pixels().all(|pixel| {
        let [low, high] = [pixel.0.iter().min(), pixel.0.iter().max()];
        high.zip(low)
            .is_some_and(|(high, low)| high - low <= GREY_SPREAD)
    })
}

/// The pixels as `[channels, height, width]` with 1 or 3 channels; grey is the luminance of Rec. 709.
pub(super) fn planes(image: &RgbImage, channels: usize, out: &mut Vec<u8>) {
    if channels == 1 {
        out.extend(DynamicImage::from(image.clone()).to_luma8().into_raw());
    } else {
        for channel in 0..3 {
            out.extend(image.pixels().map(|pixel| pixel.0[channel]));
        }
    }
}

/// Image `index` of a set, in red, green and blue.
pub(super) fn picture(data: &Dataset, index: usize) -> RgbImage {
    let (pixels, plane) = (data.pixels(index), data.height * data.width);
    RgbImage::from_fn(data.width as u32, data.height as u32, |x, y| {
        let at = y as usize * data.width + x as usize;
        // A grey image has one plane, which stands for all three.
        Rgb([0, 1, 2].map(|channel| pixels[at + channel.min(data.channels - 1) * plane]))
    })
}

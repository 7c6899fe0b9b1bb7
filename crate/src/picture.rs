//! Images as files: grids of samples as PNG, a chain as an animated GIF.
//!
//! Values are x in -1..1, as the network sees them. The results are bytes; nothing is written to disk.

use std::borrow::Cow;

use thiserror::Error;

/// Grey of the gaps between the images of a grid.
const GAP_GREY: u8 = 64;
/// The longest side of a picture: GIF keeps sizes in 16 bits.
const MAX_SIDE: usize = 65_535;
/// The most bytes a picture may have before it is packed.
const MAX_BYTES: u64 = 1 << 28;

/// Why a picture cannot be made.
#[derive(Debug, Error)]
pub enum PictureError {
    /// The values are not what the shape promises, or the shape is not one of images.
    #[error(
        "{values} values do not fill images of shape {shape:?} (count, channels 1 or 3, height, width)"
    )]
    Shape {
        /// Number of values given.
        values: usize,
        /// The shape given.
        shape: [usize; 4],
    },
    /// A value is NaN or infinite.
    #[error("value {index} of the images is {value}; it must be finite")]
    NotFinite {
        /// Its index.
        index: usize,
        /// The value.
        value: f32,
    },
    /// The picture is empty or has a side above 65,535 pixels.
    #[error(
        "a picture of {width} x {height} pixels is too large; use fewer images or a smaller scale"
    )]
    Size {
        /// Its width.
        width: usize,
        /// Its height.
        height: usize,
    },
    /// A frame differs in size or colours from the first one.
    #[error("frame {index} of the animation differs in size or colours from the first one")]
    Frame {
        /// Its index, from 0.
        index: usize,
    },
    /// The PNG encoder refused.
    #[cfg(feature = "native")]
    #[error("the PNG cannot be encoded: {0}")]
    Png(#[from] png::EncodingError),
    /// The GIF encoder refused.
    #[error("the GIF cannot be encoded: {0}")]
    Gif(#[from] gif::EncodingError),
}

/// How the images of a batch are laid out: `columns` per row, each pixel `scale` x `scale` large, `gap` pixels between images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GridLayout {
    /// Images per row, at least 1.
    pub columns: usize,
    /// Nearest-neighbour magnification, at least 1.
    pub scale: usize,
    /// Grey pixels between neighbours (not around the whole).
    pub gap: usize,
}

impl GridLayout {
    /// `columns` per row, magnified `scale` times, with a gap of 2 pixels.
    pub fn new(columns: usize, scale: usize) -> Self {
        Self {
            columns: columns.max(1),
            scale: scale.max(1),
            gap: 2,
        }
    }
}

/// A picture: bytes, interleaved by pixel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Raster {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// 1 for grey, 3 for red, green and blue.
    pub channels: usize,
    /// `[height, width, channels]`.
    pub pixels: Vec<u8>,
}

/// A value of x as a byte: -1 becomes 0, 1 becomes 255; what lies outside is clamped.
pub fn to_byte(x: f32) -> u8 {
    ((x + 1.0) * 127.5).round().clamp(0.0, 255.0) as u8
}

/// Lays `images`, `[count, channels, height, width]` in -1..1, out as one picture, row by row.
pub fn grid(images: &[f32], shape: [usize; 4], layout: GridLayout) -> Result<Raster, PictureError> {
    let [count, channels, height, width] = shape;
    let expected = shape
        .iter()
        .try_fold(1usize, |product, &size| product.checked_mul(size));
    if expected != Some(images.len()) || images.is_empty() || !matches!(channels, 1 | 3) {
        return Err(PictureError::Shape {
            values: images.len(),
            shape,
        });
    }
    if let Some((index, &value)) = images.iter().enumerate().find(|(_, v)| !v.is_finite()) {
        return Err(PictureError::NotFinite { index, value });
    }
    let GridLayout {
        columns,
        scale,
        gap,
    } = layout;
    let columns = columns.clamp(1, count);
    let rows = count.div_ceil(columns);
    let side = |tiles: usize, size: usize| {
        (size.saturating_mul(scale).saturating_add(gap)).saturating_mul(tiles) - gap
    };
    let (out_width, out_height) = (side(columns, width), side(rows, height));
    if out_width.max(out_height) > MAX_SIDE
        || out_width.min(out_height) == 0
        // Three sides within the limits above may be more than 32 bits hold, which is what a browser counts with.
        || [out_width, out_height, channels].map(|side| side as u64).iter().product::<u64>() > MAX_BYTES
    {
        return Err(PictureError::Size {
            width: out_width,
            height: out_height,
        });
    }

    let mut pixels = vec![GAP_GREY; out_width * out_height * channels];
    for index in 0..rows * columns {
        let left = index % columns * (width * scale + gap);
        let top = index / columns * (height * scale + gap);
        for y in 0..height * scale {
            for x in 0..width * scale {
                for channel in 0..channels {
                    let plane = (index * channels + channel) * height * width;
                    // Places after the last image are black.
                    let byte = images
                        .get(plane + y / scale * width + x / scale)
                        .map_or(0, |&value| to_byte(value));
                    pixels[((top + y) * out_width + left + x) * channels + channel] = byte;
                }
            }
        }
    }
    Ok(Raster {
        width: out_width,
        height: out_height,
        channels,
        pixels,
    })
}

/// A grid of `images`, `[count, channels, height, width]` in -1..1, as the bytes of a PNG file.
#[cfg(feature = "native")]
pub fn grid_png(
    images: &[f32],
    shape: [usize; 4],
    layout: GridLayout,
) -> Result<Vec<u8>, PictureError> {
    grid(images, shape, layout)?.to_png()
}

// In a browser, the browser makes PNGs.
#[cfg(feature = "native")]
impl Raster {
    /// The picture as the bytes of a PNG file, 8 bits per channel, every value kept.
    pub fn to_png(&self) -> Result<Vec<u8>, PictureError> {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, self.width as u32, self.height as u32);
        encoder.set_color(if self.channels == 1 {
            png::ColorType::Grayscale
        } else {
            png::ColorType::Rgb
        });
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_compression(png::Compression::High);
        let mut writer = encoder.write_header()?;
        writer.write_image_data(&self.pixels)?;
        writer.finish()?;
        Ok(bytes)
    }
}

/// An animated GIF that repeats forever, made one frame at a time.
/// Grey pictures keep every value (a palette of 256 greys); colours are reduced to 256 per frame.
pub struct Animation {
    encoder: gif::Encoder<Vec<u8>>,
    size: (usize, usize, usize),
    frames: usize,
}

impl Animation {
    /// Starts with the first frame, shown for `centiseconds`.
    pub fn new(first: &Raster, centiseconds: u16) -> Result<Self, PictureError> {
        let too_large = |_| PictureError::Size {
            width: first.width,
            height: first.height,
        };
        let width = u16::try_from(first.width).map_err(too_large)?;
        let height = u16::try_from(first.height).map_err(too_large)?;
        let greys: Vec<u8> = (0..=255).flat_map(|grey| [grey; 3]).collect();
        let palette: &[u8] = if first.channels == 1 { &greys } else { &[] };
        let mut encoder = gif::Encoder::new(Vec::new(), width, height, palette)?;
        encoder.set_repeat(gif::Repeat::Infinite)?;
        let mut animation = Self {
            encoder,
            size: (first.width, first.height, first.channels),
            frames: 0,
        };
        animation.push(first, centiseconds)?;
        Ok(animation)
    }

    /// Adds a frame of the same size, shown for `centiseconds`.
    pub fn push(&mut self, raster: &Raster, centiseconds: u16) -> Result<(), PictureError> {
        if (raster.width, raster.height, raster.channels) != self.size {
            return Err(PictureError::Frame { index: self.frames });
        }
        // `new` has checked that the sides fit.
        let (width, height) = (raster.width as u16, raster.height as u16);
        let mut frame = if raster.channels == 1 {
            gif::Frame {
                width,
                height,
                buffer: Cow::Borrowed(&raster.pixels),
                ..gif::Frame::default()
            }
        } else {
            gif::Frame::from_rgb_speed(width, height, &raster.pixels, 10)
        };
        frame.delay = centiseconds;
        self.encoder.write_frame(&frame)?;
        self.frames += 1;
        Ok(())
    }

    /// Number of frames so far.
    pub fn frames(&self) -> usize {
        self.frames
    }

    /// The bytes of the GIF file.
    pub fn finish(self) -> Result<Vec<u8>, PictureError> {
        Ok(self.encoder.into_inner()?)
    }
}

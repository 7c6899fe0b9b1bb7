//! All samples on one sheet, class after class, those that were misread framed in red.

use crate::data::Dataset;
use crate::picture::{GridLayout, PictureError, Raster, grid};

/// The most samples in a row, and the most rows of one class.
const MAX_COLUMNS: usize = 25;
const MAX_ROWS: usize = 4;
const SCALE: usize = 2;
const FRAME: [u8; 3] = [230, 40, 40];

/// A sheet of `samples`, equally many of each of the `classes`, up to 100 of each in rows of their own; `read` is what each
/// was read as, and `None` frames nothing.
///
/// # Errors
/// Images without 1 or 3 channels, or no images.
pub fn sheet(
    samples: &Dataset,
    classes: usize,
    read: Option<&[usize]>,
) -> Result<Raster, PictureError> {
    let (mut values, mut misread) = (Vec::new(), Vec::new());
    let largest = samples.len().div_ceil(classes.max(1));
    let columns = largest.clamp(1, MAX_COLUMNS);
    for class in 0..classes.max(1) {
        let of_class = (0..samples.len()).filter(|i| usize::from(samples.labels[*i]) == class);
        let shown: Vec<usize> = of_class.take(columns * MAX_ROWS).collect();
        for &i in &shown {
            misread.push(read.is_some_and(|read| read[i] != class));
            values.extend(samples.image(i));
        }
        // Every class begins a row of its own.
        let blank = shown.len().next_multiple_of(columns) - shown.len();
        misread.resize(misread.len() + blank, false);
        values.resize(values.len() + blank * samples.image_len(), -1.0);
    }
    let shape = [
        misread.len(),
        samples.channels,
        samples.height,
        samples.width,
    ];
    let layout = GridLayout::new(columns, SCALE);
    let mut raster = coloured(grid(&values, shape, layout)?);
    let [height, width] = [samples.height, samples.width].map(|side| side * SCALE);
    let framed = misread.iter().enumerate().filter(|(_, misread)| **misread);
    for (index, _) in framed {
        let left = index % columns * (width + layout.gap);
        let top = index / columns * (height + layout.gap);
        for y in 0..height {
            for x in 0..width {
                if x.min(y) < 2 || x + 2 >= width || y + 2 >= height {
                    let pixel = ((top + y) * raster.width + left + x) * 3;
                    raster.pixels[pixel..pixel + 3].copy_from_slice(&FRAME);
                }
            }
        }
    }
    Ok(raster)
}

/// The same picture in red, green and blue.
fn coloured(raster: Raster) -> Raster {
    if raster.channels == 3 {
        return raster;
    }
    Raster {
        pixels: raster.pixels.iter().flat_map(|&grey| [grey; 3]).collect(),
        channels: 3,
        ..raster
    }
}

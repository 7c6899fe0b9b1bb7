//! A set of images in memory, wherever it was read from.

/// Images with one label each, as bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dataset {
    /// `[len, channels, height, width]`, row-major, 0 (background in MNIST) to 255.
    pub images: Vec<u8>,
    /// `[len]`, the class of each image.
    pub labels: Vec<u8>,
    /// Rows of one image.
    pub height: usize,
    /// Columns of one image.
    pub width: usize,
    /// Colour planes of one image: 1 for grey (and IDX files), 3 for red, green and blue.
    pub channels: usize,
}

impl Dataset {
    /// Number of images.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// True without images; a set that was read has at least one.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Values in one image: channels x height x width.
    pub fn image_len(&self) -> usize {
        self.channels * self.height * self.width
    }

    /// Number of classes: the largest label plus one.
    pub fn classes(&self) -> usize {
        self.labels
            .iter()
            .max()
            .map_or(0, |&label| usize::from(label) + 1)
    }

    /// The bytes of image `index`, `[channels, height, width]`. Panics if there is no such image.
    pub fn pixels(&self, index: usize) -> &[u8] {
        let n = self.image_len();
        &self.images[index * n..(index + 1) * n]
    }

    /// Image `index` as x_0: `[channels, height, width]` scaled from 0..255 to -1..1. Panics if there is no such image.
    pub fn image(&self, index: usize) -> Vec<f32> {
        self.pixels(index).iter().map(|&byte| scale(byte)).collect()
    }

    /// Writes image `index`, scaled to -1..1, over `out`. Panics unless `out` has `image_len` values and the image exists.
    pub fn image_into(&self, index: usize, out: &mut [f32]) {
        assert_eq!(out.len(), self.image_len(), "room for one image");
        for (value, &byte) in out.iter_mut().zip(self.pixels(index)) {
            *value = scale(byte);
        }
    }

    /// The mean of each channel over all images, in -1 to 1; of no images 0.
    pub fn channel_means(&self) -> Vec<f64> {
        let plane = (self.height * self.width).max(1);
        let mut sums = vec![0_u64; self.channels];
        for image in self.images.chunks_exact(self.image_len().max(1)) {
            for (sum, plane) in sums.iter_mut().zip(image.chunks_exact(plane)) {
                *sum += plane.iter().map(|&byte| u64::from(byte)).sum::<u64>();
            }
        }
        let count = (self.len() * plane).max(1) as f64;
        let mean = |sum| sum as f64 / count / 127.5 - 1.0;
        sums.into_iter().map(mean).collect()
    }

    /// Both sets, one after the other. Panics unless their images have one shape.
    pub fn extend(&mut self, other: &Self) {
        let shape = |data: &Self| [data.channels, data.height, data.width];
        assert_eq!(shape(self), shape(other), "images of one shape");
        self.images.extend_from_slice(&other.images);
        self.labels.extend_from_slice(&other.labels);
    }

    /// The images at `indices`, in that order. Panics if one does not exist.
    pub fn select(&self, indices: &[usize]) -> Self {
        Self {
            images: indices
                .iter()
                .flat_map(|&i| self.pixels(i))
                .copied()
                .collect(),
            labels: indices.iter().map(|&i| self.labels[i]).collect(),
            ..*self
        }
    }

    /// The first `per_class` images of each class, in the order of the set.
    pub fn first_of_each_class(&self, per_class: usize) -> Vec<usize> {
        let mut taken = [0usize; 256];
        (0..self.len())
            .filter(|&i| {
                let seen = &mut taken[usize::from(self.labels[i])];
                *seen += 1;
                *seen <= per_class
            })
            .collect()
    }
}

/// A byte as a value of x_0: 0 becomes -1, 255 becomes 1.
pub fn scale(byte: u8) -> f32 {
    f32::from(byte) / 127.5 - 1.0
}

/// A training set: the images, their classes, and how they were converted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageSet {
    /// Images of one size; without classes all labels are 0.
    pub data: Dataset,
    /// The classes by label; empty for a set without.
    pub names: Vec<String>,
    /// How the images were converted, in sentences for the user.
    pub notes: Vec<String>,
}

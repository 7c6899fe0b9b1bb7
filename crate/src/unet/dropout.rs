//! Dropout (Srivastava et al. 2014, section 4) without a generator: whether a number is dropped is computed from a seed, its
//! image, its layer and its place.
//!
//! Nothing depends on what was drawn before. So a GPU drops what the CPU does, a batch in pieces what the whole batch does,
//! and a step that is taken again what it did the first time.

use burn::nn::Dropout;

/// What a layer with dropout leaves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dropped {
    /// Which of the network's layers with dropout it is, in the order of the evaluation.
    pub layer: u32,
    /// A number whose hash is smaller stays.
    pub below: u32,
    /// What it is multiplied by: 1 / (1 - p).
    pub scale: f32,
}

impl Dropped {
    /// The layer of this number; `None` where it drops nothing.
    pub(super) fn new(layer: u32, dropout: &Dropout) -> Option<Self> {
        let stays = 1.0 - dropout.prob;
        (dropout.prob > 0.0).then_some(Self {
            layer,
            // A cast of what is too large for u32 gives the largest.
            below: (stays * 2.0_f64.powi(32)) as u32,
            scale: (1.0 / stays) as f32,
        })
    }

    /// What each number of `[n, c, h, w]` is multiplied by, 0 or the scale, with a key for each image. A number's place is
    /// that in `[h, w, c]`, which is how a GPU has it.
    pub(super) fn factors(self, keys: &[u32], [c, pixels]: [usize; 2]) -> Vec<f32> {
        let mut factors = Vec::with_capacity(keys.len() * c * pixels);
        for &key in keys {
            let key = hash(key.wrapping_add(self.layer));
            for channel in 0..c {
                factors.extend((0..pixels).map(|pixel| {
                    let place = (pixel * c + channel) as u32;
                    let stays = hash(hash(place) ^ key) < self.below;
                    if stays { self.scale } else { 0.0 }
                }));
            }
        }
        factors
    }
}

/// A key for each of `images` images of the step that has this seed.
pub fn keys(seed: u64, images: usize) -> Vec<u32> {
    let seed = hash((seed >> 32) as u32 ^ hash(seed as u32));
    (0..images as u32)
        .map(|image| hash(hash(image) ^ seed))
        .collect()
}

/// PCG as a hash of 32 bits (Jarzynski & Olano 2020, section 4.2).
fn hash(x: u32) -> u32 {
    let state = x.wrapping_mul(747_796_405).wrapping_add(2_891_336_453);
    let word = ((state >> ((state >> 28) + 4)) ^ state).wrapping_mul(277_803_737);
    (word >> 22) ^ word
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::nn::DropoutConfig;

    fn dropped(layer: u32, share: f64) -> Dropped {
        Dropped::new(layer, &DropoutConfig::new(share).init()).expect("it drops")
    }

    #[test]
    fn the_wanted_share_is_dropped_and_the_mean_stays() {
        assert_eq!(Dropped::new(0, &DropoutConfig::new(0.0).init()), None);
        for share in [1e-9, 0.1, 0.5, 0.9] {
            let factors = dropped(3, share).factors(&keys(7, 4), [32, 1024]);
            let count = factors.len() as f64;
            let zeros = factors.iter().filter(|&&factor| factor == 0.0).count() as f64;
            let deviation = (share * (1.0 - share) / count).sqrt();
            assert!(
                (zeros / count - share).abs() <= 4.0 * deviation,
                "{zeros} of {count} for {share}"
            );
            let stays = factors.iter().find(|&&factor| factor != 0.0);
            assert_eq!(stays, Some(&((1.0 / (1.0 - share)) as f32)));
        }
    }

    #[test]
    fn seeds_images_layers_and_places_are_independent_of_each_other() {
        let shape = [16, 256];
        let of = |seed, layer| dropped(layer, 0.5).factors(&keys(seed, 3), shape);
        let size = shape[0] * shape[1];
        let one = of(7, 0);
        // 4 standard deviations of how many of 4,096 pairs of coins agree.
        let independent = |a: &[f32], b: &[f32]| {
            let same = a.iter().zip(b).filter(|(a, b)| a == b).count() as f64;
            let apart = (same - a.len() as f64 / 2.0).abs();
            assert!(apart <= 2.0 * (a.len() as f64).sqrt(), "{same} agree");
        };
        independent(&one, &of(8, 0));
        independent(&one, &of(7 + (1 << 32), 0));
        independent(&one, &of(7, 1));
        independent(&one[..size], &one[size..2 * size]);
        for by in [1, 2, 16, 256] {
            independent(&one[..size - by], &one[by..size]);
        }
        assert_eq!(one, of(7, 0));
    }

    #[test]
    fn an_image_drops_the_same_in_a_larger_batch_and_its_channels_may_be_innermost() {
        assert_eq!(keys(5, 9)[..4], keys(5, 4));
        let [few, all] = [3, 1].map(|c| dropped(2, 0.4).factors(&keys(1, 1), [c, 24 / c]));
        let last = |at: usize| few[at % 3 * 8 + at / 3];
        assert!((0..24).map(last).eq(all));
    }
}

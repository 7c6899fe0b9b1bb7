//! One example, a little different each time: a few drawings are few, and a network would learn them by heart.

use crate::train::batches::unit;
use rand_mt::Mt64;
use serde::{Deserialize, Serialize};

/// How far an example may be changed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Variation {
    /// Shift along each axis, in pixels.
    pub shift: f64,
    /// Turn to either side, in degrees.
    pub turn: f64,
    /// Strokes thinner or thicker: 1 takes or adds up to one pixel at each edge, 0 leaves them.
    pub thickness: f64,
    /// Half of the examples are mirrored, left to right.
    pub mirror: bool,
}

impl Variation {
    /// None: every example is seen as it was given.
    pub const NONE: Self = Self {
        shift: 0.0,
        turn: 0.0,
        thickness: 0.0,
        mirror: false,
    };
}

impl Default for Variation {
    fn default() -> Self {
        Self {
            shift: 2.0,
            turn: 10.0,
            thickness: 0.5,
            mirror: false,
        }
    }
}

/// Writes a variation of `image` `[c, h, w]` over `out`; the pixels at the edges continue outwards.
pub(super) fn vary(
    image: &[f32],
    [_, h, w]: [usize; 3],
    by: Variation,
    rng: &mut Mt64,
    out: &mut [f32],
) {
    let mut either_way = |most: f64| most * (2.0 * unit(rng) - 1.0);
    let (dx, dy) = (either_way(by.shift), either_way(by.shift));
    let (sine, cosine) = either_way(by.turn).to_radians().sin_cos();
    let thickness = either_way(by.thickness);
    let mirrored = by.mirror && either_way(1.0) < 0.0;
    let centre = [(h as f64 - 1.0) / 2.0, (w as f64 - 1.0) / 2.0];
    let planes = image.chunks_exact(h * w);
    for (plane, out) in planes.zip(out.chunks_exact_mut(h * w)) {
        for y in 0..h {
            for x in 0..w {
                let (mut u, v) = (x as f64 - centre[1], y as f64 - centre[0]);
                if mirrored {
                    u = -u;
                }
                let (u, v) = (u - dx, v - dy);
                let column = cosine * u + sine * v + centre[1];
                let row = cosine * v - sine * u + centre[0];
                out[y * w + x] = between_pixels(plane, [h, w], row, column);
            }
        }
        thicken(out, [h, w], thickness);
    }
}

/// Bilinear interpolation.
fn between_pixels(plane: &[f32], [h, w]: [usize; 2], row: f64, column: f64) -> f32 {
    let inside = |at: f64, side: usize| at.clamp(0.0, side as f64 - 1.0);
    let (row, column) = (inside(row, h), inside(column, w));
    let (top, left) = (row as usize, column as usize);
    let (bottom, right) = ((top + 1).min(h - 1), (left + 1).min(w - 1));
    let (down, across) = ((row - top as f64) as f32, (column - left as f64) as f32);
    let line = |y: usize| {
        let (a, b) = (plane[y * w + left], plane[y * w + right]);
        a + (b - a) * across
    };
    let (a, b) = (line(top), line(bottom));
    a + (b - a) * down
}

/// Moves each pixel towards the largest (`by` > 0) or the smallest of itself and its four neighbours: what is light, as ink
/// is, grows or shrinks.
fn thicken(plane: &mut [f32], [h, w]: [usize; 2], by: f64) {
    if by == 0.0 {
        return;
    }
    let before = plane.to_vec();
    let (share, pick): (f32, fn(f32, f32) -> f32) = if by > 0.0 {
        (by as f32, f32::max)
    } else {
        (-by as f32, f32::min)
    };
    for y in 0..h {
        for x in 0..w {
            let at = |y: usize, x: usize| before[y.min(h - 1) * w + x.min(w - 1)];
            let around = [
                at(y.saturating_sub(1), x),
                at(y + 1, x),
                at(y, x.saturating_sub(1)),
                at(y, x + 1),
            ];
            let own = before[y * w + x];
            let most = around.into_iter().fold(own, pick);
            plane[y * w + x] = own + (most - own) * share.min(1.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A single light pixel.
    fn point([h, w]: [usize; 2], row: usize, column: usize) -> Vec<f32> {
        let mut image = vec![-1.0; h * w];
        image[row * w + column] = 1.0;
        image
    }

    fn varied(image: &[f32], by: Variation, seed: u64) -> Vec<f32> {
        let mut out = vec![0.0; image.len()];
        vary(image, [1, 9, 9], by, &mut Mt64::new(seed), &mut out);
        out
    }

    #[test]
    fn without_variation_an_example_stays_as_it_is() {
        let image = point([9, 9], 2, 6);
        assert_eq!(varied(&image, Variation::NONE, 1), image);
    }

    #[test]
    fn a_mirrored_example_has_its_left_at_the_right() {
        let by = Variation {
            mirror: true,
            ..Variation::NONE
        };
        let (image, mirrored) = (point([9, 9], 2, 6), point([9, 9], 2, 2));
        let seen: Vec<_> = (0..20).map(|seed| varied(&image, by, seed)).collect();
        assert!(seen.contains(&image) && seen.contains(&mirrored));
        assert!(seen.iter().all(|one| *one == image || *one == mirrored));
    }

    #[test]
    fn a_shift_moves_the_ink_and_keeps_it() {
        let by = Variation {
            shift: 2.0,
            ..Variation::NONE
        };
        let image = point([9, 9], 4, 4);
        for seed in 0..20 {
            let out = varied(&image, by, seed);
            let ink: Vec<f64> = out.iter().map(|&x| f64::from(x + 1.0) / 2.0).collect();
            let total: f64 = ink.iter().sum();
            assert!((total - 1.0).abs() < 1e-5, "{total}");
            let at = |k: usize| (k / 9, k % 9);
            let row: f64 = ink
                .iter()
                .enumerate()
                .map(|(k, ink)| ink * at(k).0 as f64)
                .sum();
            let column: f64 = ink
                .iter()
                .enumerate()
                .map(|(k, ink)| ink * at(k).1 as f64)
                .sum();
            assert!(
                (row - 4.0).abs() <= 2.0 && (column - 4.0).abs() <= 2.0,
                "{row} {column}"
            );
        }
    }

    #[test]
    fn thickness_makes_ink_more_or_less() {
        let by = Variation {
            thickness: 1.0,
            ..Variation::NONE
        };
        let mut image = vec![-1.0; 81];
        for y in 3..6 {
            image[y * 9 + 3..y * 9 + 6].fill(1.0);
        }
        let sum = |image: &[f32]| image.iter().sum::<f32>();
        let sums: Vec<f32> = (0..20).map(|seed| sum(&varied(&image, by, seed))).collect();
        assert!(sums.iter().any(|&s| s > sum(&image)) && sums.iter().any(|&s| s < sum(&image)));
    }
}

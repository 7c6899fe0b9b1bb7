//! The seeded normal stream: PyTorch's CPU generator, bit for bit up to the last digit of libm.
//!
//! One seed means one image, here and in Python: `NoiseStream::new(s).normal(n)` is
//! `torch.randn(n, generator=torch.Generator().manual_seed(s))`.
//!
//! Uniform numbers come from MT19937 (Matsumoto & Nishimura 1998), normal ones from the transform
//! of Box & Muller (1958), in the order and the precision in which PyTorch takes them.

use std::f64::consts::TAU;

use rand_mt::Mt;

/// How many values PyTorch fills at a time: 8 radii and 8 angles become 8 cosines and 8 sines.
const BLOCK: usize = 16;

/// A stream of standard normal values, determined by its seed.
#[derive(Debug, Clone)]
pub struct NoiseStream {
    bits: Mt,
    /// The second value of a pair whose first was the last of a short draw.
    spare: Option<f64>,
}

impl NoiseStream {
    /// The stream of `torch.Generator().manual_seed(seed)`; only `seed` mod 2^32 matters.
    pub fn new(seed: u64) -> Self {
        Self {
            // The low 32 bits are what PyTorch hands to init_genrand.
            bits: Mt::new(seed as u32),
            spare: None,
        }
    }

    /// The next draw of `n` values: `torch.randn(n)`.
    ///
    /// A draw is more than its values one by one: 16 and more come in blocks, fewer in pairs.
    pub fn normal(&mut self, n: usize) -> Vec<f32> {
        let mut values = vec![0.0; n];
        self.fill_normal(&mut values);
        values
    }

    /// The next draw, of `out.len()` values, into `out`.
    pub fn fill_normal(&mut self, out: &mut [f32]) {
        if out.len() < BLOCK {
            out.fill_with(|| self.one_of_a_pair() as f32);
            return;
        }
        out.fill_with(|| self.uniform_24());
        let (blocks, rest) = out.as_chunks_mut::<BLOCK>();
        blocks.iter_mut().for_each(box_muller);
        if !rest.is_empty() {
            // The last 16 values are drawn again, over the end of the last whole block.
            let mut block = [0.0; BLOCK];
            block.fill_with(|| self.uniform_24());
            box_muller(&mut block);
            let start = out.len() - BLOCK;
            out[start..].copy_from_slice(&block);
        }
    }

    /// A uniform value in [0, 1) of 24 random bits, as many as an f32 holds.
    fn uniform_24(&mut self) -> f32 {
        (self.bits.next_u32() & 0x00ff_ffff) as f32 * (-24_f32).exp2()
    }

    /// A uniform value in [0, 1) of 53 random bits, as many as an f64 holds; the high half first.
    fn uniform_53(&mut self) -> f64 {
        let high = u64::from(self.bits.next_u32());
        let low = u64::from(self.bits.next_u32());
        (((high << 32) | low) & ((1 << 53) - 1)) as f64 * (-53_f64).exp2()
    }

    /// r cos(2 pi u1), and next time r sin(2 pi u1), with r = sqrt(-2 ln(1 - u2)).
    fn one_of_a_pair(&mut self) -> f64 {
        if let Some(value) = self.spare.take() {
            return value;
        }
        let theta = TAU * self.uniform_53();
        let radius = (-2.0 * (-self.uniform_53()).ln_1p()).sqrt();
        self.spare = Some(radius * theta.sin());
        radius * theta.cos()
    }
}

/// Sixteen uniform values become sixteen normal ones: out[j] = r[j] cos th[j], out[j + 8] = r[j] sin th[j].
///
/// In single precision, as PyTorch does it: the rounding of the angle is part of the stream.
fn box_muller(block: &mut [f32; BLOCK]) {
    let (radii, angles) = block.split_at_mut(BLOCK / 2);
    for (first, second) in radii.iter_mut().zip(angles) {
        let radius = (-2.0 * (1.0 - *first).ln()).sqrt();
        let (sin, cos) = (std::f32::consts::TAU * *second).sin_cos();
        *first = radius * cos;
        *second = radius * sin;
    }
}

/// Spherical interpolation between two noises (Shoemake 1985): `share` 0 gives `from`, 1 gives `to`.
///
/// Between two normal samples a straight line leads through values that are too small; this keeps their length. Slices
/// of different lengths give the shorter one.
pub fn slerp(from: &[f32], to: &[f32], share: f64) -> Vec<f32> {
    let dot = |a: &[f32], b: &[f32]| -> f64 {
        let product = |(&a, &b): (&f32, &f32)| f64::from(a) * f64::from(b);
        a.iter().zip(b).map(product).sum()
    };
    let lengths = (dot(from, from) * dot(to, to)).sqrt();
    let angle = (dot(from, to) / lengths).clamp(-1.0, 1.0).acos();
    // Where the directions agree (or one has none), the straight line is the same, and safe.
    let (of_from, of_to) = if lengths > 0.0 && angle.sin() > 1e-6 {
        let sine = angle.sin();
        (
            ((1.0 - share) * angle).sin() / sine,
            (share * angle).sin() / sine,
        )
    } else {
        (1.0 - share, share)
    };
    let mix = |(&a, &b): (&f32, &f32)| (of_from * f64::from(a) + of_to * f64::from(b)) as f32;
    from.iter().zip(to).map(mix).collect()
}

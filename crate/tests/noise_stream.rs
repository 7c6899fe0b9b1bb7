//! The noise stream is PyTorch's, whatever the length of the draw.

use crate::common::{fixture, floats, largest_difference};
use safetensors::SafeTensors;
use walkback::noise::NoiseStream;

/// Largest difference to torch 2.15.0 that is accepted: the last digits of two libms.
const TOLERANCE: f32 = 5e-7;

fn torch(name: &str) -> Vec<f32> {
    let bytes = fixture("torch_noise.safetensors");
    floats(&SafeTensors::deserialize(&bytes).unwrap(), name).0
}

#[track_caller]
fn assert_equal(ours: &[f32], theirs: &[f32]) {
    let largest = largest_difference(ours, theirs);
    assert!(largest <= TOLERANCE, "largest difference {largest}");
}

#[test]
fn sixteen_values_are_one_block() {
    assert_equal(&NoiseStream::new(0).normal(16), &torch("seed0.n16"));
}

#[test]
fn a_second_draw_goes_on_where_the_first_ended() {
    let mut stream = NoiseStream::new(0);
    let twice = [stream.normal(784), stream.normal(784)].concat();
    assert_equal(&twice, &torch("seed0.n784_twice"));
}

#[test]
fn a_draw_that_is_no_multiple_of_16_ends_in_a_fresh_block() {
    let ours = NoiseStream::new(1_234_567_890).normal(1000);
    assert_equal(&ours, &torch("seed1234567890.n1000"));
}

#[test]
fn fewer_than_16_values_come_in_pairs_of_double_precision() {
    assert_equal(&NoiseStream::new(3).normal(5), &torch("seed3.n5"));
}

#[test]
fn half_a_pair_waits_for_the_next_short_draw() {
    let mut stream = NoiseStream::new(3);
    let draws = [5, 3, 16, 4].map(|n| stream.normal(n));
    assert_equal(&draws.concat(), &torch("seed3.n5_3_16_4"));
}

#[test]
fn only_the_low_32_bits_of_a_seed_matter() {
    let high = NoiseStream::new(7 + (1 << 32)).normal(32);
    assert_eq!(high, NoiseStream::new(7).normal(32));
    assert_ne!(high, NoiseStream::new(8).normal(32));
}

#[test]
fn filling_and_drawing_are_the_same() {
    let mut filled = vec![f32::NAN; 21];
    NoiseStream::new(5).fill_normal(&mut filled);
    assert_eq!(filled, NoiseStream::new(5).normal(21));
}

#[test]
fn the_values_are_standard_normal() {
    let values = NoiseStream::new(42).normal(1 << 18);
    let n = values.len() as f64;
    let moment = |power: i32| {
        values
            .iter()
            .map(|&v| f64::from(v).powi(power))
            .sum::<f64>()
            / n
    };
    // Four standard errors of each moment: sqrt(1/n), sqrt(2/n), sqrt(15/n), sqrt(96/n).
    let error = 4.0 / n.sqrt();
    assert!(moment(1).abs() < error);
    assert!((moment(2) - 1.0).abs() < error * 2_f64.sqrt());
    assert!(moment(3).abs() < error * 15_f64.sqrt());
    assert!((moment(4) - 3.0).abs() < error * 96_f64.sqrt());
}

#[test]
fn nothing_is_drawn_for_nothing() {
    let mut stream = NoiseStream::new(0);
    assert!(stream.normal(0).is_empty());
    assert_eq!(stream.normal(16), NoiseStream::new(0).normal(16));
}

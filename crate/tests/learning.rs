//! Learning from a few examples: a model gets a label more and keeps those it had.

#![cfg(feature = "native")]

use std::path::Path;
use std::rc::Rc;
use walkback::chain::{Chain, ChainOptions};
use walkback::data::Dataset;
use walkback::data::idx::Split;
use walkback::denoiser::Denoiser;
use walkback::folder::{self, ModelFolder};
use walkback::learn::{Beginning, LearnError, Learner, Rehearsal};
use walkback::noise::NoiseStream;
use walkback::pipeline::Pipeline;
use walkback::sampler::SamplerKind;
use walkback::schedule::Spacing;
use walkback::unet::weights::StoredAs;

const SIDE: usize = 28;
const SIZE: usize = SIDE * SIDE;

fn digits() -> ModelFolder {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../pretrained/mnist");
    folder::read(&path).unwrap()
}

/// Some real digits of each class.
fn real_digits() -> (Dataset, Vec<usize>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/mnist-500");
    let digits = Dataset::from_dir(&folder, Split::Train).unwrap();
    let chosen = digits.first_of_each_class(4);
    (digits, chosen)
}

/// A cross as a hand draws it: two strokes, with ends that `wobble` moves.
fn cross(wobble: [f64; 8]) -> Vec<f32> {
    let at = |x: f64, y: f64, k: usize| [x + wobble[k], y + wobble[k + 1]];
    let strokes = [
        [at(7.0, 7.0, 0), at(21.0, 21.0, 2)],
        [at(21.0, 7.0, 4), at(7.0, 21.0, 6)],
    ];
    let distance = |[x, y]: [f64; 2], [[ax, ay], [bx, by]]: [[f64; 2]; 2]| {
        let (dx, dy) = (bx - ax, by - ay);
        let along = (((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy)).clamp(0.0, 1.0);
        (x - ax - along * dx).hypot(y - ay - along * dy)
    };
    (0..SIZE)
        .map(|i| {
            let pixel = [(i % SIDE) as f64, (i / SIDE) as f64];
            let away = strokes.map(|stroke| distance(pixel, stroke));
            let ink = (1.6 - away[0].min(away[1])).clamp(0.0, 1.0);
            (2.0 * ink - 1.0) as f32
        })
        .collect()
}

/// Seven crosses; the last two are kept from learning.
fn crosses() -> Vec<Vec<f32>> {
    (0..7)
        .map(|i| {
            let value = |k: usize| 1.5 * ((i * 8 + k) as f64 * 12.9898).sin();
            cross(std::array::from_fn(value))
        })
        .collect()
}

/// The page's model, shown five crosses, with digits to rehearse.
fn learner() -> Learner {
    let mut learner = Learner::new(Beginning::from_model(digits()).unwrap(), 1).unwrap();
    learner.examples.show(crosses()[..5].concat());
    let (digits, chosen) = real_digits();
    learner.rehearsal = Rehearsal {
        images: chosen.iter().flat_map(|&i| digits.image(i)).collect(),
        labels: chosen
            .iter()
            .map(|&i| usize::from(digits.labels[i]))
            .collect(),
    };
    learner
}

/// Takes so many steps; the losses.
fn learn(learner: &mut Learner, steps: usize, learning_rate: f64) -> Vec<f64> {
    (0..steps)
        .map(|_| {
            let drawn = pollster::block_on(learner.draw()).unwrap();
            let report = pollster::block_on(learner.descend(&drawn, learning_rate));
            report.unwrap().loss
        })
        .collect()
}

/// The model as it is now.
fn model(learner: &Learner) -> Rc<Pipeline> {
    pollster::block_on(learner.pipeline()).unwrap()
}

/// Images that a model draws of a label.
fn walks(model: &Pipeline, label: usize, count: usize) -> Vec<Vec<f32>> {
    let options = ChainOptions {
        seed: 7,
        count,
        guidance_scale: 2.0,
        labels: Some(vec![label; count]),
        sampler: SamplerKind::Ddim,
        num_inference_steps: 10,
        spacing: Some(Spacing::Trailing),
        ..Default::default()
    };
    let mut chain = Chain::new(model.scheduler(), &model.spec(), options).unwrap();
    while !chain.is_done() {
        pollster::block_on(chain.step(model)).unwrap();
    }
    let images = chain.x_t().chunks_exact(SIZE);
    images.map(<[f32]>::to_vec).collect()
}

/// The least mean squared difference of an image to any of `others`, shifted by up to three pixels.
fn nearest(image: &[f32], others: &[Vec<f32>]) -> f64 {
    let side = 0..SIDE as isize;
    let mut least = f64::MAX;
    for other in others {
        for (dy, dx) in (-3..=3).flat_map(|dy| (-3..=3).map(move |dx| (dy, dx))) {
            let at = |i: usize| {
                let (x, y) = ((i % SIDE) as isize + dx, (i / SIDE) as isize + dy);
                let inside = side.contains(&x) && side.contains(&y);
                if inside {
                    other[y as usize * SIDE + x as usize]
                } else {
                    -1.0
                }
            };
            let squares = image.iter().enumerate();
            let sum: f64 = squares.map(|(i, x)| f64::from(x - at(i)).powi(2)).sum();
            least = least.min(sum / SIZE as f64);
        }
    }
    least
}

fn mean_nearest(images: &[Vec<f32>], others: &[Vec<f32>]) -> f64 {
    let sum: f64 = images.iter().map(|image| nearest(image, others)).sum();
    sum / images.len() as f64
}

/// eps-hat of the digits model for one input and label.
fn answer(model: &Pipeline, label: usize) -> Vec<f32> {
    let x_t = NoiseStream::new(3).normal(SIZE);
    let shape = [1, 1, SIDE, SIDE];
    pollster::block_on(model.predict(&x_t, shape, 500, Some(&[label]))).unwrap()
}

#[test]
fn the_label_of_the_examples_comes_after_the_null_label_which_keeps_its_number() {
    let learner = learner();
    assert_eq!(learner.label(), Some(11));
    let labels = learner.labels();
    assert_eq!(labels.null, Some(10));
    assert_eq!(labels.names[9..], ["9", "any", "yours"]);
    assert_eq!(labels.classes().last(), Some((11, "yours")));
    assert_eq!(labels.classes().count(), 11);
    let (now, before) = (model(&learner), digits());
    let before = before.pipeline(now.device()).unwrap();
    for label in [0, 7, 10] {
        assert_eq!(answer(&now, label), answer(&before, label), "{label}");
    }
    assert_ne!(answer(&now, 11), answer(&before, 10));
}

#[test]
fn a_model_that_has_learned_a_label_can_learn_another() {
    let learned = pollster::block_on(learner().folder()).unwrap();
    let again = Learner::new(Beginning::from_model(learned).unwrap(), 1).unwrap();
    assert_eq!(again.label(), Some(12));
    assert_eq!(again.labels().names[10..], ["any", "yours", "yours 2"]);
    assert_eq!(again.labels().null, Some(10));
}

#[test]
fn a_folder_of_what_was_learned_opens_and_has_the_golden_value_of_its_weights() {
    let learner = learner();
    let folder = pollster::block_on(learner.folder()).unwrap();
    let model = folder.pipeline(&burn::tensor::Device::flex()).unwrap();
    let golden = folder.golden.unwrap();
    let golden: walkback::pipeline::Golden = serde_json::from_str(&golden).unwrap();
    assert_eq!(golden.input, model.golden_input());
    assert_eq!(
        golden.eps,
        pollster::block_on(model.golden_output()).unwrap()
    );
}

/// Slow, but nothing shorter says that it learns.
#[test]
fn old_classes_survive_what_is_learned() {
    let mut learner = learner();
    let crosses = crosses();
    let (digits, chosen) = real_digits();
    let threes: Vec<Vec<f32>> = (chosen.iter())
        .filter(|&&i| digits.labels[i] == 3)
        .map(|&i| digits.image(i))
        .collect();
    let all: Vec<Vec<f32>> = chosen.iter().map(|&i| digits.image(i)).collect();
    let before = model(&learner);
    let nearer = |model: &Pipeline| {
        let drawn = walks(model, 11, 12);
        mean_nearest(&drawn, &all) - mean_nearest(&drawn, &crosses[5..])
    };
    let was = nearer(&before);
    learn(&mut learner, 150, 1e-3);
    let after = model(&learner);
    let is = nearer(&after);
    println!("nearer to crosses than to digits: before {was:.3}, after {is:.3}");
    assert!(was < 0.0 && is > 0.0, "before {was}, after {is}");

    let [was, is] = [&before, &after].map(|model| mean_nearest(&walks(model, 3, 8), &threes));
    println!("threes to real ones: before {was:.3}, after {is:.3}");
    assert!(is < was + 0.03, "before {was}, after {is}");
}

#[test]
fn a_learner_that_was_kept_takes_the_same_steps() {
    let mut learner = learner();
    learn(&mut learner, 3, 1e-3);
    let mut continued = Learner::continued(&pollster::block_on(learner.keep()).unwrap()).unwrap();
    assert_eq!(continued.step(), 3);
    assert_eq!(continued.label(), Some(11));
    let losses = learn(&mut learner, 3, 1e-3);
    assert_eq!(losses, learn(&mut continued, 3, 1e-3));
    let weights = |learner: &Learner| learner.unet().to_safetensors(StoredAs::F32).unwrap();
    assert!(weights(&learner) == weights(&continued));
    let [a, b] = [&learner, &continued].map(|learner| answer(&model(learner), 11));
    assert_eq!(a, b);
}

#[test]
fn bytes_that_are_no_learner_are_refused_with_a_sentence() {
    let kept = pollster::block_on(learner().keep()).unwrap();
    let half = &kept[..kept.len() / 2];
    for bytes in [&[][..], half] {
        let said = Learner::continued(bytes).err().unwrap().to_string();
        assert!(said.contains("forget it, and begin again"), "{said}");
    }
}

#[test]
fn undo_returns_to_the_last_good_state() {
    let mut learner = learner();
    let weights = |learner: &Learner| learner.unet().to_safetensors(StoredAs::F32).unwrap();
    let first = weights(&learner);
    learn(&mut learner, 25, 1e-3);
    let good = weights(&learner);
    learn(&mut learner, 2, 1e-3);
    assert_eq!(learner.undo(), 25);
    assert!(weights(&learner) == good);
    assert_eq!(learner.undo(), 0);
    assert!(weights(&learner) == first);
    assert_eq!(learner.undo(), 0);
}

#[test]
fn a_step_that_diverges_is_not_taken() {
    let mut learner = learner();
    learner.examples.show(vec![f32::NAN; SIZE]);
    let weights = |learner: &Learner| learner.unet().to_safetensors(StoredAs::F32).unwrap();
    let before = weights(&learner);
    let drawn = pollster::block_on(learner.draw()).unwrap();
    let refused = pollster::block_on(learner.descend(&drawn, 1e-3));
    assert!(matches!(refused, Err(LearnError::Diverged { step: 1, .. })));
    assert_eq!(learner.step(), 0);
    assert!(weights(&learner) == before);
}

#[test]
fn nothing_is_learned_from_nothing() {
    let learner = Learner::new(Beginning::from_nothing([1, 28, 28], 1).unwrap(), 1).unwrap();
    let drawn = pollster::block_on(learner.draw());
    assert!(matches!(drawn, Err(LearnError::NoExamples)));
}

#[test]
fn a_fresh_network_learns_what_it_is_shown() {
    let mut learner = Learner::new(Beginning::from_nothing([1, 28, 28], 1).unwrap(), 1).unwrap();
    learner.examples.show(crosses()[..5].concat());
    assert_eq!(learner.label(), None);
    let losses = learn(&mut learner, 60, 2e-3);
    let mean = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len() as f64;
    let (first, last) = (mean(&losses[..10]), mean(&losses[50..]));
    assert!(last < 0.5 * first, "{first} to {last}");
    let error = pollster::block_on(learner.error_at(900, false)).unwrap();
    assert!(error.is_some_and(|error| error < 0.5), "{error:?}");
    assert_eq!(
        pollster::block_on(learner.error_at(900, true)).unwrap(),
        None
    );
}

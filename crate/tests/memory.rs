//! A model that is gone leaves nothing behind, and what is done again and again takes no more memory.

use burn::tensor::Device;
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicIsize, Ordering};
use std::sync::{Arc, Mutex};
use walkback::chain::{Chain, ChainError, ChainOptions};
use walkback::data::Dataset;
use walkback::data::images::Preparation;
use walkback::pipeline::{Labels, Pipeline};
use walkback::schedule::SchedulerConfig;
use walkback::train::checkpoint::Progress;
use walkback::train::learning_rate::{End, LrDecay};
use walkback::train::loss::Loss;
use walkback::train::run_config::RunConfig;
use walkback::train::trainer::{FirstWeights, StepReport, TrainOptions, Watcher, train};
use walkback::unet::gpu::learner::{Learner, Lesson, Rates};
use walkback::unet::gpu::native::{Counts, Gpu};
use walkback::unet::{DownBlockType, UNet, UNetConfig, UpBlockType};

/// Counts what the whole process holds.
struct Counting;

static HELD: AtomicIsize = AtomicIsize::new(0);
/// The most that it held, since this was last set back.
static MOST: AtomicIsize = AtomicIsize::new(0);

/// Held by the test that counts.
static ALONE: Mutex<()> = Mutex::new(());

// SAFETY: every call goes on to the system's allocator as it came; the counter allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let size = layout.size() as isize;
        let held = HELD.fetch_add(size, Ordering::Relaxed) + size;
        MOST.fetch_max(held, Ordering::Relaxed);
        // SAFETY: the caller keeps to the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size() as isize, Ordering::Relaxed);
        // SAFETY: the caller keeps to the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What the process holds, in MiB.
fn held() -> isize {
    HELD.load(Ordering::Relaxed) >> 20
}

fn plain(width: usize) -> UNetConfig {
    UNetConfig {
        sample_size: [64, 64],
        in_channels: 1,
        out_channels: 1,
        block_out_channels: vec![width],
        down_block_types: vec![DownBlockType::DownBlock2D],
        up_block_types: vec![UpBlockType::UpBlock2D],
        layers_per_block: 1,
        norm_num_groups: Some(8),
        add_attention: false,
        ..UNetConfig::default()
    }
}

fn network(width: usize) -> UNet {
    UNet::new(&plain(width), &Device::flex()).unwrap()
}

fn evaluate(network: &UNet) {
    let x_t = vec![0.0; 8 * 64 * 64];
    let eps = network.predict(x_t, [8, 1, 64, 64], &[500.0; 8], None);
    assert_eq!(eps.len(), 8 * 64 * 64);
}

/// A network with all that an evaluation takes memory for: attention, filters and padding.
fn versatile() -> UNet {
    let config = UNetConfig {
        sample_size: [32, 32],
        in_channels: 3,
        out_channels: 6,
        block_out_channels: vec![32, 32, 32],
        down_block_types: vec![
            DownBlockType::AttnSkipDownBlock2D,
            DownBlockType::AttnDownBlock2D,
            DownBlockType::DownBlock2D,
        ],
        up_block_types: vec![
            UpBlockType::AttnUpBlock2D,
            UpBlockType::UpBlock2D,
            UpBlockType::UpBlock2D,
        ],
        layers_per_block: 1,
        norm_num_groups: Some(8),
        downsample_padding: 0,
        ..UNetConfig::default()
    };
    UNet::new(&config, &Device::flex()).unwrap()
}

#[test]
fn evaluations_hold_what_the_first_did() {
    let _alone = ALONE.lock().unwrap();
    let network = versatile();
    let evaluate = || {
        let x_t = vec![0.0; 8 * 3 * 32 * 32];
        let eps = network.predict(x_t, [8, 3, 32, 32], &[500.0; 8], None);
        assert_eq!(eps.len(), 8 * 6 * 32 * 32);
    };
    evaluate();
    evaluate();
    let before = held();
    for _ in 0..30 {
        evaluate();
    }
    let grown = held() - before;
    assert!(grown <= 1, "30 evaluations hold {grown} MiB more");
}

#[test]
fn the_buffers_of_an_evaluation_go_with_the_last_network() {
    let _alone = ALONE.lock().unwrap();
    // What the threads and libraries set up once is there after this.
    evaluate(&network(8));
    let before = held();
    let first = network(64);
    evaluate(&first);
    let second = first.clone();
    drop(first);
    let kept = held() - before;
    assert!(
        kept >= 8,
        "buffers are kept between evaluations: {kept} MiB"
    );
    evaluate(&second);
    drop(second);
    let left = held() - before;
    assert!(left <= 1, "{left} MiB are left");
}

/// The shape of a small network with every kind of launch.
fn with_attention() -> UNetConfig {
    UNetConfig {
        sample_size: [8, 8],
        block_out_channels: vec![8, 16],
        down_block_types: vec![DownBlockType::DownBlock2D, DownBlockType::AttnDownBlock2D],
        up_block_types: vec![UpBlockType::AttnUpBlock2D, UpBlockType::UpBlock2D],
        norm_num_groups: Some(4),
        ..plain(8)
    }
}

#[test]
fn a_step_of_training_on_a_gpu_is_two_submissions_and_creates_no_buffer() {
    const STEPS: u64 = 6;
    let _alone = ALONE.lock().unwrap();
    let gpu = Gpu::get().expect("a GPU, or a software driver for Vulkan");
    let config = UNetConfig {
        num_class_embeds: Some(3),
        dropout: 0.1,
        ..with_attention()
    };
    let unet = UNet::new(&config, &Device::flex()).unwrap();
    let wave = |by: f32| -> Vec<f32> { (0..4 * 64).map(|i| (i as f32 * by).sin()).collect() };
    let (x_0, eps) = (wave(0.7), wave(1.3));
    let lesson = Lesson {
        x_0: &x_0,
        eps: &eps,
        timesteps: &[0.0, 10.0, 500.0, 999.0],
        labels: &[0, 1, 2, 0],
        noising: &[[0.6, 0.8]; 4],
        target: &[[0.0, 1.0]; 4],
        weights: &[1.0; 4],
        bounds: &[],
        keys: &[1, 2, 3, 4],
    };
    // Whole, and in two pieces, the second of which is one submission more.
    for (images, most) in [(4, 2), (2, 3)] {
        let mut learner = Learner::new(&unet, images, gpu.client).expect("a learner");
        let mut time = 0;
        let mut steps = |count: u64| {
            for _ in 0..count {
                time += 1;
                let rates = Rates {
                    learning_rate: 1e-3,
                    weight_decay: 0.0,
                    max_grad_norm: 1.0,
                    time,
                    ema_decay: 0.9,
                };
                learner.step(lesson, rates)?;
            }
            learner.finish().map(drop)
        };
        // The first steps compile, record, and fill the pools.
        steps(4).expect("steps");
        let counts = gpu.count(STEPS, || steps(STEPS)).expect("steps");
        let Counts { submits, buffers } = counts.expect("numbers");
        assert!(submits >= STEPS, "{submits} submissions of {STEPS} steps");
        assert!(
            submits <= most * STEPS,
            "{submits} submissions of {STEPS} steps, {images} images at a time"
        );
        assert_eq!(buffers, 0, "new buffers");
    }
}

#[test]
fn what_a_file_replaces_takes_no_memory_before() {
    let _alone = ALONE.lock().unwrap();
    let config = plain(256);
    let before = HELD.load(Ordering::Relaxed);
    let blank = UNet::blank(&config, &Device::flex()).unwrap();
    let held = HELD.load(Ordering::Relaxed) - before;
    let all = (4 * config.parameter_count()) as isize;
    assert!(20 * held < all, "{held} of {all} bytes");
    drop(blank);
}

#[test]
fn weights_on_their_way_to_a_gpu_are_on_the_host_once() {
    let _alone = ALONE.lock().unwrap();
    let gpu = Gpu::get().expect("a GPU, or a software driver for Vulkan");
    let config = UNetConfig {
        sample_size: [8, 8],
        layers_per_block: 6,
        time_embedding_dim: Some(1024),
        ..plain(256)
    };
    let model = |config: &UNetConfig| {
        let (scheduler, device) = (SchedulerConfig::default(), Device::flex());
        let unet = UNet::new(config, &device).unwrap();
        Pipeline::new(unet, scheduler, Labels::default(), &device)
    };
    let take = |mut model: Pipeline| {
        let before = HELD.load(Ordering::Relaxed);
        MOST.store(before, Ordering::Relaxed);
        model.compute_on(gpu.client.clone()).unwrap();
        (MOST.load(Ordering::Relaxed) - before) >> 20
    };
    // What the driver sets up once is there after the first.
    take(model(&plain(16)));
    let weights = (4 * config.parameter_count()) as isize >> 20;
    let more = take(model(&config));
    assert!(5 * more < weights, "{more} MiB beside {weights} MiB");
}

#[test]
fn steps_of_a_walk_on_a_gpu_are_a_submission_each_and_one_more_where_they_are_shown() {
    const STEPS: usize = 6;
    let _alone = ALONE.lock().unwrap();
    let gpu = Gpu::get().expect("a GPU, or a software driver for Vulkan");
    let config = with_attention();
    let device = Device::flex();
    let unet = UNet::new(&config, &device).unwrap();
    let mut model = Pipeline::new(unet, SchedulerConfig::default(), Labels::default(), &device);
    model.compute_on(gpu.client.clone()).unwrap();
    let options = ChainOptions {
        count: 2,
        num_inference_steps: 50,
        ..ChainOptions::default()
    };
    let mut chain = Chain::new(model.scheduler(), &model.spec(), options).unwrap();
    let mut advance = |times: usize, steps: usize| -> Result<(), ChainError<_>> {
        for _ in 0..times {
            pollster::block_on(chain.advance(&model, steps))?;
        }
        Ok(())
    };
    // The first steps compile, record, and fill the pools.
    advance(4, 1).unwrap();
    advance(2, STEPS).unwrap();
    for (times, steps) in [(STEPS, 1), (1, STEPS)] {
        let counts = gpu.count(times as u64, || advance(times, steps)).unwrap();
        let Counts { submits, buffers } = counts.expect("numbers");
        // One more brings back what was asked for at once.
        let expected = (times * (steps + 1)) as u64;
        assert_eq!(submits, expected, "{times} times {steps} steps");
        assert_eq!(buffers, 0, "new buffers, {times} times {steps} steps");
    }
}

/// Nobody is there to stop a training.
struct Nobody;

impl Watcher for Nobody {
    fn started(&mut self, _: Progress, _: Option<End>) {}
    fn stepped(&mut self, _: &StepReport) -> bool {
        true
    }
    fn sample(&mut self, _: u64, _: &UNet, _: &RunConfig) {}
    fn saved(&mut self, _: u64) {}
}

#[test]
fn a_step_of_training_in_pieces_needs_less_memory() {
    let _alone = ALONE.lock().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let data = Arc::new(Dataset {
        images: vec![100; 16 * 64 * 64],
        labels: vec![0; 16],
        height: 64,
        width: 64,
        channels: 1,
    });
    // What a step needs beyond what is there before and after it, in MiB.
    let needed = |accumulate: usize| {
        let config = RunConfig {
            unet: plain(16),
            scheduler: SchedulerConfig::default(),
            labels: Labels::default(),
            loss: Loss::Simple,
            batch_size: 16,
            accumulate,
            learning_rate: 1e-3,
            warmup: 0,
            lr_decay: LrDecay::Constant,
            end: None,
            weight_decay: 0.0,
            max_grad_norm: 1.0,
            ema_decay: 0.9,
            label_dropout: 0.0,
            seed: 0,
            data: None,
            preparation: Preparation::default(),
        };
        let options = TrainOptions {
            run: folder.path().join(accumulate.to_string()),
            config,
            data: data.clone(),
            first_weights: FirstWeights::Fresh,
            steps: Some(1),
            time: None,
            checkpoint_every: 0,
            sample_every: 0,
        };
        MOST.store(0, Ordering::Relaxed);
        let before = held();
        train(&options, &Device::flex().autodiff(), &mut Nobody).unwrap();
        (MOST.load(Ordering::Relaxed) >> 20) - before
    };
    // What the threads and libraries set up once is there after the first.
    needed(2);
    let [whole, pieces] = [1, 4].map(needed);
    assert!(
        pieces * 2 < whole,
        "{pieces} MiB in four pieces, {whole} MiB in one"
    );
}

//! A model that is gone leaves nothing behind.

use burn::tensor::Device;
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::Mutex;
use std::sync::atomic::{AtomicIsize, Ordering};
use walkback::unet::{DownBlockType, UNet, UNetConfig, UpBlockType};

/// Counts what the whole process holds.
struct Counting;

static HELD: AtomicIsize = AtomicIsize::new(0);

/// Held by the test that counts.
static ALONE: Mutex<()> = Mutex::new(());

// SAFETY: every call goes on to the system's allocator as it came; the counter allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        HELD.fetch_add(layout.size() as isize, Ordering::Relaxed);
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

fn network(width: usize) -> UNet {
    let config = UNetConfig {
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
    };
    UNet::new(&config, &Device::flex()).unwrap()
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

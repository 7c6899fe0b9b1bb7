//! An evaluation in parts, for who waits for it.

use super::network;
use crate::unet::gpu::engine::Engine;
use crate::unet::gpu::native::Gpu;
use crate::unet::progress;
use std::cell::RefCell;
use std::rc::Rc;

#[test]
fn the_parts_are_the_whole_in_its_order() {
    let plan = network(|_| {}).launches().expect("a plan");
    let written = |launches: &[_]| -> Vec<usize> {
        let launches: &[super::plan::Launch] = launches;
        launches.iter().map(|launch| launch.writes().id).collect()
    };
    for count in [1, 4, 16, 1000] {
        let parts = plan.parts(count);
        assert!(parts.len() <= count, "{} of {count}", parts.len());
        let all: Vec<usize> = parts.iter().flat_map(|(_, part)| written(part)).collect();
        assert_eq!(all, written(&plan.launches));
        assert!(parts.is_sorted_by(|a, b| a.0 <= b.0));
        assert_eq!(parts.last().map(|(share, _)| *share), Some(1.0));
    }
}

#[test]
fn an_evaluation_after_a_long_one_says_its_share_and_has_the_same_bits() {
    let gpu = Gpu::get().expect("a GPU, or a software driver for Vulkan");
    let engine = Engine::new(&network(|_| {}), gpu.client.clone()).expect("an engine");
    let shares = Rc::new(RefCell::new(Vec::new()));
    let told = Rc::clone(&shares);
    progress::listen(move |share| told.borrow_mut().push(share));
    let x_t: Vec<f32> = (0..96).map(|i| (i as f32 * 0.7).sin()).collect();
    let evaluate = || pollster::block_on(engine.predict(&x_t, &[500.0], None)).expect("numbers");
    let whole = evaluate();
    assert!(shares.take().is_empty(), "nobody waited for the one before");
    engine.be_slow();
    assert_eq!(evaluate(), whole);
    let shares = shares.take();
    assert!(shares.len() >= 8, "{shares:?}");
    assert!(shares.is_sorted_by(|a, b| a < b), "{shares:?}");
    assert!(
        shares[0] < 0.3 && shares[shares.len() - 1] < 1.0,
        "{shares:?}"
    );
}

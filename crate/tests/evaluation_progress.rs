//! An evaluation on the CPU says how far it is.

use crate::common::fixture;
use burn::tensor::Device;
use std::cell::RefCell;
use std::rc::Rc;
use walkback::chain::Denoiser;
use walkback::pipeline::Pipeline;
use walkback::schedule::SchedulerConfig;
use walkback::unet::progress;

#[test]
fn an_evaluation_says_its_share_after_every_convolution_once_its_whole_is_known() {
    let text = |path: &str| String::from_utf8(fixture(path)).unwrap();
    let model = Pipeline::from_bytes(
        &text("files/safetensors/unet/config.json"),
        &SchedulerConfig::default().to_json(),
        None,
        &fixture("files/safetensors/unet/diffusion_pytorch_model.safetensors"),
        &Device::flex(),
    )
    .unwrap();
    let shares = Rc::new(RefCell::new(Vec::new()));
    let told = Rc::clone(&shares);
    progress::listen(move |share| told.borrow_mut().push(share));
    let evaluate = |count: usize| {
        let x_t = vec![0.5; count * 64];
        pollster::block_on(model.predict(&x_t, [count, 1, 8, 8], 500, None)).unwrap();
        shares.take()
    };
    let first = evaluate(1);
    assert!(first.len() > 10, "{first:?}");
    assert!(
        first.iter().all(|share| *share == 0.0),
        "of what is not known yet: {first:?}"
    );
    // Two images are evaluated together, which takes longer and is the same share.
    for count in [1, 2] {
        let shares = evaluate(count);
        assert!(shares.len() > 10, "{shares:?}");
        assert!(shares.is_sorted_by(|a, b| a < b), "{shares:?}");
        assert!(shares[0] < 0.2, "{shares:?}");
        assert_eq!(shares.last(), Some(&1.0));
    }
}

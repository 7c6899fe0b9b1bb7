//! A look inside the network shows the evaluation that `predict` makes.

use burn::tensor::Device;
use walkback::noise::NoiseStream;
use walkback::unet::look::Stage;
use walkback::unet::{UNet, UNetConfig};

fn network(name: &str) -> UNet {
    let device = Device::flex();
    let config =
        String::from_utf8(crate::common::fixture(&format!("{name}/unet/config.json"))).unwrap();
    let weights =
        crate::common::fixture(&format!("{name}/unet/diffusion_pytorch_model.safetensors"));
    UNet::new(&UNetConfig::from_json(&config).unwrap(), &device)
        .unwrap()
        .load_safetensors(&weights, &device)
        .unwrap()
}

#[test]
fn the_stages_follow_the_u_and_end_in_the_output() {
    let unet = network("plain");
    let config = unet.config().clone();
    let levels = config.block_out_channels.len();
    let [h, w] = config.sample_size;
    let shape = [1, config.in_channels, h, w];
    let x = NoiseStream::new(1).normal(shape.iter().product());
    let labels = config.num_class_embeds.map(|_| vec![0]);
    let look = unet.look(x.clone(), shape, &[400.0], labels.as_deref());

    let stages: Vec<Stage> = look.stages.iter().map(|seen| seen.stage).collect();
    let mut expected = vec![Stage::In];
    expected.extend((0..levels).map(Stage::Down));
    expected.push(Stage::Mid);
    expected.extend((0..levels).rev().map(Stage::Up));
    expected.push(Stage::Out);
    assert_eq!(stages, expected);

    let bottom = [h >> (levels - 1), w >> (levels - 1)];
    for seen in &look.stages {
        let [n, _, height, width] = seen.shape;
        assert_eq!(seen.values.len(), seen.shape.into_iter().product::<usize>());
        assert_eq!(n, 1);
        match seen.stage {
            Stage::In | Stage::Out => assert_eq!([height, width], [h, w]),
            Stage::Mid => assert_eq!([height, width], bottom),
            Stage::Down(level) => {
                let last = level + 1 == levels;
                let halvings = level + usize::from(!last);
                assert_eq!([height, width], [h >> halvings, w >> halvings]);
            }
            Stage::Up(level) => {
                let halvings = level.saturating_sub(1);
                assert_eq!([height, width], [h >> halvings, w >> halvings]);
            }
        }
    }
    let output = &look.stages.last().unwrap().values;
    let predicted = unet.predict(x, shape, &[400.0], labels.as_deref());
    assert_eq!(*output, predicted);

    let attention = look.attention.unwrap();
    let [n, heads, rows, columns] = attention.shape;
    assert_eq!(
        [n, rows, columns],
        [1, bottom[0] * bottom[1], bottom[0] * bottom[1]]
    );
    let values = attention.weights;
    assert_eq!(values.len(), heads * rows * columns);
    assert!(values.iter().all(|v| (0.0..=1.0).contains(v)));
    for row in values.chunks(columns) {
        assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-5);
    }
}

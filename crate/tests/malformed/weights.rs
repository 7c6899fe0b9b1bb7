//! Weights as safetensors, and the scheduler that they need.

use super::table::Table;
use super::unet::{load, model};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use std::collections::BTreeMap;
use walkback::folder::ModelFolder;

/// A tensor as it lies in a file.
#[derive(Clone)]
struct Stored {
    dtype: Dtype,
    shape: Vec<usize>,
    data: Vec<u8>,
}

type Tensors = BTreeMap<String, Stored>;

fn tensors(weights: &[u8]) -> Tensors {
    let file = SafeTensors::deserialize(weights).unwrap();
    let stored = |view: TensorView<'_>| Stored {
        dtype: view.dtype(),
        shape: view.shape().to_vec(),
        data: view.data().to_vec(),
    };
    file.iter()
        .map(|(name, view)| (name.to_owned(), stored(view)))
        .collect()
}

fn file(tensors: &Tensors) -> Vec<u8> {
    let views = tensors.iter().map(|(name, stored)| {
        let view = TensorView::new(stored.dtype, stored.shape.clone(), &stored.data).unwrap();
        (name.clone(), view)
    });
    safetensors::serialize(views, None).unwrap()
}

/// A case: its name, what is done to the tensors, and the sentence.
type Case = (&'static str, fn(&mut Tensors), &'static str);

const CONV: &str = "conv_in.weight";
const LINEAR: &str = "time_embedding.linear_1.weight";

fn change(tensors: &mut Tensors, name: &str, change: impl FnOnce(&mut Stored)) {
    change(tensors.get_mut(name).unwrap());
}

#[test]
fn weights_that_do_not_fit_have_their_sentence() {
    let plain = model("plain");
    let right = tensors(&plain.weights);
    let with = |weights: Vec<u8>| {
        load(&ModelFolder {
            weights,
            ..plain.clone()
        })
    };
    assert_eq!(with(file(&right)), Ok(()));
    let cases: [Case; 13] = [
        (
            "a tensor is missing",
            |tensors| drop(tensors.remove("conv_in.bias")),
            "the weights have no conv_in.bias; check that unet/config.json and the weights belong together",
        ),
        (
            "many are missing",
            |tensors| tensors.retain(|name, _| !name.starts_with("mid_block")),
            "the weights have no mid_block.attentions.0.group_norm.bias, mid_block.attentions.0.group_norm.weight, mid_block.attentions.0.to_k.bias and 27 more; check that unet/config.json and the weights belong together",
        ),
        (
            "one too many",
            |tensors| drop(tensors.insert("extra.weight".into(), tensors["conv_in.bias"].clone())),
            "the weights have extra.weight, which unet/config.json does not describe; check that they belong together",
        ),
        (
            "another name",
            |tensors| {
                let bias = tensors.remove("conv_in.bias").unwrap();
                tensors.insert("conv_on.bias".into(), bias);
            },
            "the weights have no conv_in.bias; check that unet/config.json and the weights belong together",
        ),
        (
            "old and new name at once",
            |tensors| {
                let name = "mid_block.attentions.0.to_q.bias";
                let query = tensors[name].clone();
                tensors.insert(name.replace("to_q", "query"), query);
            },
            "mid_block.attentions.0.to_q.bias is in the weights twice, under its old and its new name; remove one of them",
        ),
        (
            "a transposed matrix",
            |tensors| change(tensors, LINEAR, |linear| linear.shape.reverse()),
            "time_embedding.linear_1.weight has shape [16, 64] in the weights, but unet/config.json makes it [64, 16]",
        ),
        (
            "a transposed kernel",
            |tensors| change(tensors, CONV, |conv| conv.shape.swap(0, 1)),
            "conv_in.weight has shape [1, 16, 3, 3] in the weights, but unet/config.json makes it [16, 1, 3, 3]",
        ),
        (
            "a matrix as a vector",
            |tensors| {
                change(tensors, LINEAR, |linear| {
                    linear.shape = vec![linear.shape.iter().product()]
                })
            },
            "time_embedding.linear_1.weight has shape [1024] in the weights, but unet/config.json makes it [64, 16]",
        ),
        (
            "NaN",
            |tensors| {
                change(tensors, CONV, |conv| {
                    conv.data[..4].copy_from_slice(&f32::NAN.to_le_bytes())
                })
            },
            "conv_in.weight holds a value that is not a finite number; the weights are broken, or training has diverged",
        ),
        (
            "infinity",
            |tensors| {
                change(tensors, LINEAR, |linear| {
                    linear.data[8..12].copy_from_slice(&f32::NEG_INFINITY.to_le_bytes());
                });
            },
            "time_embedding.linear_1.weight holds a value that is not a finite number; the weights are broken, or training has diverged",
        ),
        (
            "whole numbers",
            |tensors| change(tensors, CONV, |conv| conv.dtype = Dtype::I32),
            "conv_in.weight is stored as I32; convert it to float32, float16 or bfloat16",
        ),
        (
            "values that only double precision holds",
            |tensors| {
                change(tensors, CONV, |conv| {
                    conv.dtype = Dtype::F64;
                    conv.data = 1e300_f64.to_le_bytes().repeat(conv.shape.iter().product());
                });
            },
            "conv_in.weight holds a value that is not a finite number; the weights are broken, or training has diverged",
        ),
        (
            "nothing",
            BTreeMap::clear,
            "unet/config.json asks for 280177 parameters, more than the weights' 16 bytes can hold; check that they belong together",
        ),
    ];
    let mut table = Table::default();
    for (case, change, expected) in cases {
        let mut tensors = right.clone();
        change(&mut tensors);
        table.holds(case, with(file(&tensors)), expected);
    }

    let bytes = file(&right);
    let header = u64::from_le_bytes(bytes[..8].try_into().unwrap());
    let lying = |length: u64| [&length.to_le_bytes()[..], &bytes[8..]].concat();
    for (case, bytes, expected) in [
        (
            "an empty file",
            Vec::new(),
            "unet/config.json asks for 280177 parameters, more than the weights' 0 bytes can hold; check that they belong together",
        ),
        (
            "half a file",
            bytes[..bytes.len() / 2].to_vec(),
            "the weights cannot be read: incomplete metadata, file not fully covered. They must be a whole safetensors file",
        ),
        (
            "eight bytes short",
            bytes[..bytes.len() - 8].to_vec(),
            "the weights cannot be read: incomplete metadata, file not fully covered. They must be a whole safetensors file",
        ),
        (
            "a header longer than the file",
            lying(1 << 40),
            "the weights cannot be read: header too large. They must be a whole safetensors file",
        ),
        (
            "a header of eleven letters",
            lying(11),
            "the weights cannot be read: invalid JSON in header: EOF while parsing a string at line 1 column 11. They must be a whole safetensors file",
        ),
        (
            "a header of nothing",
            lying(0),
            "the weights cannot be read: invalid JSON in header: EOF while parsing a value at line 1 column 0. They must be a whole safetensors file",
        ),
        (
            "something behind the end",
            [&bytes[..], &[0; 8]].concat(),
            "the weights cannot be read: incomplete metadata, file not fully covered. They must be a whole safetensors file",
        ),
        (
            "a web page",
            vec![b'<'; 600_000],
            "the weights cannot be read: header too large. They must be a whole safetensors file",
        ),
        (
            "a header that is no JSON",
            [
                &bytes[..8],
                &vec![b'x'; header as usize],
                &bytes[8 + header as usize..],
            ]
            .concat(),
            "the weights cannot be read: invalid JSON in header: expected value at line 1 column 1. They must be a whole safetensors file",
        ),
    ] {
        table.holds(case, with(bytes), expected);
    }
    table.end(22);
}

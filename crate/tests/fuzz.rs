//! Whatever a file holds, reading it ends in a value or in a sentence: no panic, no hang, and no more memory than the file
//! accounts for.
//!
//! Valid files are changed at random (bytes flipped, cut out, doubled; JSON values replaced and removed) and read again.
//! `cargo xtask test --long` reads many more of them.

#![cfg(feature = "native")]

use burn::tensor::Device;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::fs;
use std::path::Path;
use walkback::chain::{Chain, ChainOptions};
use walkback::pipeline::Pipeline;
use walkback::sampler::SamplerKind;
use walkback::schedule::{Schedule, SchedulerConfig};
use walkback::train::dataset::Dataset;
use walkback::train::idx::{Split, gzip};
use walkback::train::images::{self, Wanted};
use walkback::unet::weights::StoredAs;
use walkback::unet::{UNet, UNetConfig};

/// Counts what this thread holds, and remembers the most.
struct Counting;

thread_local! {
    static HELD: Cell<isize> = const { Cell::new(0) };
    static MOST: Cell<isize> = const { Cell::new(0) };
}

fn count(change: isize) {
    HELD.set(HELD.get() + change);
    MOST.set(MOST.get().max(HELD.get()));
}

// SAFETY: every call goes on to the system's allocator as it came; the counters allocate nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: the caller keeps to the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: the caller keeps to the contract of `alloc_zeroed`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: the caller keeps to the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size as isize - layout.size() as isize);
        // SAFETY: the caller keeps to the contract of `realloc`.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What `read` returns, and the most bytes that this thread held for it.
fn measured<T>(read: impl FnOnce() -> T) -> (T, usize) {
    let before = HELD.get();
    MOST.set(before);
    let value = read();
    (value, (MOST.get() - before).max(0) as usize)
}

/// What reading any small file may cost: buffers, and the tables of the longest chain that is accepted.
const ALLOWANCE: usize = 64 << 20;

/// Few cases where every change is tested, many where there is time.
fn cases(few: u32, many: u32) -> ProptestConfig {
    let long = std::env::var_os("WALKBACK_LONG").is_some();
    ProptestConfig {
        cases: if long { many } else { few },
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// A change to some bytes.
#[derive(Clone, Debug)]
enum Edit {
    Set(Index, u8),
    Flip(Index, u8),
    Truncate(Index),
    Remove(Index, usize),
    Double(Index, usize),
    /// A number at a multiple of four, as headers hold them.
    Number(Index, u32),
}

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let at = any::<Index>;
    let telling = prop_oneof![
        Just(0),
        Just(1),
        Just(u32::MAX),
        Just(i32::MAX as u32),
        any::<u32>()
    ];
    let edit = prop_oneof![
        (at(), any::<u8>()).prop_map(|(i, byte)| Edit::Set(i, byte)),
        (at(), 0..8_u8).prop_map(|(i, bit)| Edit::Flip(i, bit)),
        at().prop_map(Edit::Truncate),
        (at(), 1..64_usize).prop_map(|(i, n)| Edit::Remove(i, n)),
        (at(), 1..64_usize).prop_map(|(i, n)| Edit::Double(i, n)),
        (at(), telling).prop_map(|(i, number)| Edit::Number(i, number)),
    ];
    prop::collection::vec(edit, 1..4)
}

/// The bytes after the changes; `front` limits them to the first bytes, where headers are.
fn edited(valid: &[u8], edits: &[Edit], front: Option<usize>) -> Vec<u8> {
    let mut bytes = valid.to_vec();
    for edit in edits {
        let reach = front.unwrap_or(bytes.len()).min(bytes.len());
        if reach == 0 {
            break;
        }
        match edit {
            Edit::Set(i, byte) => bytes[i.index(reach)] = *byte,
            Edit::Flip(i, bit) => bytes[i.index(reach)] ^= 1 << bit,
            Edit::Truncate(i) => bytes.truncate(i.index(reach)),
            Edit::Remove(i, n) => {
                let at = i.index(reach);
                bytes.drain(at..(at + n).min(bytes.len()));
            }
            Edit::Double(i, n) => {
                let at = i.index(reach);
                let again = bytes[at..(at + n).min(bytes.len())].to_vec();
                bytes.splice(at..at, again);
            }
            Edit::Number(i, number) => {
                let at = i.index(reach) / 4 * 4;
                let end = (at + 4).min(bytes.len());
                bytes[at..end].copy_from_slice(&number.to_be_bytes()[..end - at]);
            }
        }
    }
    bytes
}

/// A value that a JSON file should not hold in most places.
fn hostile() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        prop::sample::select(vec![
            0_i64,
            1,
            -1,
            2,
            3,
            7,
            8,
            64,
            65_535,
            65_536,
            i64::MAX,
            i64::MIN
        ])
        .prop_map(Value::from),
        prop::sample::select(vec![0.5, -0.5, 1e-300, 1e300, 1.5e10, -1e-9]).prop_map(Value::from),
        Just(json!([])),
        Just(json!({})),
        Just(json!([0.1, 0.2])),
        Just(json!([4096, 4096, 4096])),
        "[a-zA-Z_]{0,12}".prop_map(Value::from),
        Just(json!("NaN")),
        Just(json!("-Infinity")),
    ]
}

/// A change to a JSON object: a key by its place, and its new value, or `None` to remove it.
type JsonEdit = (Index, Option<Value>);

fn json_edits() -> impl Strategy<Value = Vec<JsonEdit>> {
    let value = prop::option::weighted(0.8, hostile());
    prop::collection::vec((any::<Index>(), value), 0..4)
}

fn edited_json(valid: &str, edits: &[JsonEdit]) -> String {
    let mut object: Value = serde_json::from_str(valid).unwrap();
    for (place, value) in edits {
        let map = object.as_object_mut().unwrap();
        if map.is_empty() {
            break;
        }
        let key = map.keys().nth(place.index(map.len())).unwrap().clone();
        match value {
            Some(value) => map.insert(key, value.clone()),
            None => map.remove(&key),
        };
    }
    object.to_string()
}

/// A model small enough to be loaded a thousand times: its two configurations, labels and weights.
struct Files {
    unet: String,
    scheduler: String,
    labels: String,
    weights: Vec<u8>,
}

fn small_model() -> Files {
    let levels = |name: &str| vec![name.to_owned(), format!("Attn{name}")];
    let config = UNetConfig {
        sample_size: [8, 8],
        in_channels: 1,
        out_channels: 1,
        block_out_channels: vec![4, 8],
        down_block_types: levels("DownBlock2D"),
        up_block_types: levels("UpBlock2D").into_iter().rev().collect(),
        layers_per_block: 1,
        norm_num_groups: 4,
        attention_head_dim: Some(4),
        num_class_embeds: Some(3),
        ..UNetConfig::default()
    };
    config.check().unwrap();
    let unet = UNet::new(&config, &Device::flex()).unwrap();
    Files {
        unet: config.to_json(),
        scheduler: SchedulerConfig::default().to_json(),
        labels: json!({ "names": ["a", "b"], "null": 2 }).to_string(),
        weights: unet.to_safetensors(StoredAs::F16).unwrap(),
    }
}

/// Reads a model; if it can be read, it also has to make a step.
fn load(files: &Files) -> Result<(), String> {
    let (labels, device) = (Some(&files.labels[..]), Device::flex());
    let model = Pipeline::from_bytes(
        &files.unet,
        &files.scheduler,
        labels,
        &files.weights,
        &device,
    )
    .map_err(|e| e.to_string())?;
    let spec = model.spec();
    if spec.channels * spec.height * spec.width > 1024 {
        return Ok(());
    }
    let options = ChainOptions {
        sampler: SamplerKind::Ddim,
        num_inference_steps: 1,
        labels: spec.num_class_embeds.map(|_| vec![0]),
        ..ChainOptions::default()
    };
    let mut chain = Chain::new(model.scheduler(), &spec, options).map_err(|e| e.to_string())?;
    pollster::block_on(chain.step(&model))
        .map(|_| ())
        .map_err(|e| e.to_string())
}

/// A sentence says something, without what only a programmer would print.
fn is_a_sentence(text: &str) -> Result<(), TestCaseError> {
    prop_assert!(text.len() > 20, "{}", text);
    prop_assert!(!text.contains("panicked"), "{}", text);
    Ok(())
}

fn holds_for(files: &Files) -> Result<(), TestCaseError> {
    let (outcome, most) = measured(|| load(files));
    if let Err(sentence) = outcome {
        is_a_sentence(&sentence)?;
    }
    let given = files.weights.len() + files.unet.len() + files.scheduler.len();
    prop_assert!(
        most < ALLOWANCE + 16 * given,
        "{} bytes for {}",
        most,
        given
    );
    Ok(())
}

#[test]
fn a_header_that_lies_costs_no_memory() {
    // 1.6 GB promised, twelve bytes there.
    let dir = tempfile::tempdir().unwrap();
    let header = [0x803_u32, 100, 4096, 4096].map(u32::to_be_bytes).concat();
    let bytes = [header, vec![0; 12]].concat();
    fs::write(dir.path().join("train-images-idx3-ubyte"), bytes).unwrap();
    fs::write(
        dir.path().join("train-labels-idx1-ubyte"),
        [0, 0, 8, 1, 0, 0, 0, 1, 0],
    )
    .unwrap();
    let (outcome, most) = measured(|| Dataset::from_dir(dir.path(), Split::Train));
    let sentence = outcome.unwrap_err().to_string();
    assert!(
        sentence.contains("truncated: 12 of 1677721600 bytes") && most < 100_000,
        "{most}"
    );
}

#[test]
fn the_model_that_is_changed_is_right_before() {
    assert_eq!(load(&small_model()), Ok(()));
}

proptest! {
    #![proptest_config(cases(48, 4000))]

    #[test]
    fn configurations_of_any_content_load_or_are_refused(
        unet in json_edits(),
        scheduler in json_edits(),
        labels in json_edits(),
    ) {
        let files = small_model();
        holds_for(&Files {
            unet: edited_json(&files.unet, &unet),
            scheduler: edited_json(&files.scheduler, &scheduler),
            labels: edited_json(&files.labels, &labels),
            weights: files.weights,
        })?;
    }

    #[test]
    fn weights_of_any_content_load_or_are_refused(edits in edits(), in_header in any::<bool>()) {
        let files = small_model();
        let weights = edited(&files.weights, &edits, in_header.then_some(4000));
        holds_for(&Files { weights, ..files })?;
    }

    #[test]
    fn texts_that_are_hardly_json_are_refused(edits in edits(), which in 0..3_u8) {
        let mut files = small_model();
        let text = match which {
            0 => &mut files.unet,
            1 => &mut files.scheduler,
            _ => &mut files.labels,
        };
        *text = String::from_utf8_lossy(&edited(text.as_bytes(), &edits, None)).into_owned();
        holds_for(&files)?;
    }
}

proptest! {
    #![proptest_config(cases(128, 20_000))]

    #[test]
    fn noise_is_no_model(bytes in prop::collection::vec(any::<u8>(), 0..200), text in ".{0,80}") {
        let mut files = small_model();
        files.weights.clone_from(&bytes);
        let (outcome, most) = measured(|| load(&files));
        prop_assert!(outcome.is_err() && most < ALLOWANCE);
        prop_assert!(SchedulerConfig::from_json(&text).is_err());
        prop_assert!(UNetConfig::from_json(&text).is_err());
    }

    #[test]
    fn a_scheduler_of_any_content_is_read_or_refused(edits in json_edits(), keys in json_edits()) {
        // Keys of other schedulers, which the default leaves out.
        let more = r#"{ "trained_betas": [0.1], "solver_order": 2, "lambda_min_clipped": -5.1,
            "set_alpha_to_one": true, "final_sigmas_type": "zero", "use_karras_sigmas": false }"#;
        let mut text = edited_json(&SchedulerConfig::default().to_json(), &edits);
        let more = edited_json(more, &keys);
        text = format!("{},{}", text.trim_end_matches('}'), more.trim_start_matches('{'));
        let (outcome, most) = measured(|| {
            SchedulerConfig::from_json(&text).and_then(|config| Schedule::new(&config))
        });
        match outcome {
            Ok(schedule) => prop_assert!(schedule.alphas_cumprod.iter().all(|a| (0.0..1.0).contains(a))),
            Err(error) => is_a_sentence(&error.to_string())?,
        }
        prop_assert!(most < ALLOWANCE, "{} bytes", most);
    }

    #[test]
    fn idx_files_of_any_content_are_read_or_refused(edits in edits(), labels in edits(), packed in 0..3_u8) {
        let data = Dataset {
            images: (0..=255).collect(),
            labels: (0..4).collect(),
            height: 8,
            width: 8,
            channels: 1,
        };
        // Changed before it is packed, after, or without.
        let change = |valid: Vec<u8>, edits: &[Edit]| match packed {
            0 => edited(&valid, edits, Some(24)),
            1 => gzip(&edited(&valid, edits, Some(24))).unwrap(),
            _ => edited(&gzip(&valid).unwrap(), edits, None),
        };
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: &[u8]| fs::write(dir.path().join(name), bytes).unwrap();
        write("train-images-idx3-ubyte", &change(data.images_to_idx(), &edits));
        write("train-labels-idx1-ubyte", &change(data.labels_to_idx(), &labels));
        let (outcome, most) = measured(|| Dataset::from_dir(dir.path(), Split::Train));
        match outcome {
            Ok(data) => prop_assert_eq!(data.images.len(), data.len() * data.image_len()),
            Err(error) => is_a_sentence(&error.to_string())?,
        }
        prop_assert!(most < 1 << 20, "{} bytes", most);
    }
}

/// A PNG of a few colours and a JPEG, both 16 x 16.
fn pictures() -> [Vec<u8>; 2] {
    let picture =
        image::RgbImage::from_fn(16, 16, |x, y| image::Rgb([x as u8 * 16, y as u8 * 16, 90]));
    [image::ImageFormat::Png, image::ImageFormat::Jpeg].map(|format| {
        let mut bytes = std::io::Cursor::new(Vec::new());
        picture.write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    })
}

fn train_on(dir: &Path, broken: &[u8]) -> Result<Dataset, String> {
    let [png, _] = pictures();
    for i in 0..16 {
        fs::write(
            dir.join(format!("{i}.png")),
            if i == 5 { broken } else { &png },
        )
        .unwrap();
    }
    images::read(dir, Split::Train, &Wanted::default())
        .map(|set| set.data)
        .map_err(|e| e.to_string())
}

proptest! {
    #![proptest_config(cases(32, 4000))]

    #[test]
    fn image_files_of_any_content_are_read_or_refused(edits in edits(), kind in 0..2_usize, in_header in any::<bool>()) {
        let dir = tempfile::tempdir().unwrap();
        let broken = edited(&pictures()[kind], &edits, in_header.then_some(40));
        match train_on(dir.path(), &broken) {
            Ok(data) => {
                prop_assert_eq!(data.len(), 16);
                prop_assert_eq!(data.images.len(), data.len() * data.image_len());
            }
            Err(error) => {
                is_a_sentence(&error)?;
                prop_assert!(error.contains("5.png"), "{}", error);
            }
        }
    }
}

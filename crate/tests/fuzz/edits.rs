//! Changes to valid files.

use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};

/// A change to some bytes.
#[derive(Clone, Debug)]
pub enum Edit {
    Set(Index, u8),
    Flip(Index, u8),
    Truncate(Index),
    Remove(Index, usize),
    Double(Index, usize),
    /// A number at a multiple of four, as headers hold them.
    Number(Index, u32),
}

pub fn edits() -> impl Strategy<Value = Vec<Edit>> {
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
pub fn edited(valid: &[u8], edits: &[Edit], front: Option<usize>) -> Vec<u8> {
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
pub type JsonEdit = (Index, Option<Value>);

pub fn json_edits() -> impl Strategy<Value = Vec<JsonEdit>> {
    let value = prop::option::weighted(0.8, hostile());
    prop::collection::vec((any::<Index>(), value), 0..4)
}

pub fn edited_json(valid: &str, edits: &[JsonEdit]) -> String {
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

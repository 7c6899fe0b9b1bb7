//! PyTorch's own files: a zip archive with a pickle and a file for each storage, and before version 1.6 several pickles
//! one after another with the storages behind them.

use std::collections::HashMap;
use std::ops::Range;

use crate::archive;
use safetensors::tensor::Dtype;

use super::error::damaged;
use super::pickle::{Element, Id, Pickle, Value, View};
use super::{Tensor, WeightsFileError};

/// A pickle of the number that PyTorch began its files with, 0x1950a86a20f9469cfc6c.
const LEGACY: &[u8] = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";

/// The most bytes that the tensors of a file may have for each byte of it: some are in a file once and in a state dict
/// twice.
const MOST_REPEATED: usize = 4;

/// Whether a file is one of PyTorch's, or pretends to be.
pub(super) fn is_torch(file: &[u8]) -> bool {
    archive::is_archive(file) || file.starts_with(LEGACY)
}

/// The tensors of the state dict in a file, and which one it is, where there are several.
pub(super) fn read(file: &[u8]) -> Result<(Vec<Tensor>, Option<String>), WeightsFileError> {
    let (pickle, storages) = if archive::is_archive(file) {
        zipped(file)?
    } else {
        legacy(file)?
    };
    let (dict, note) = state_dict(&pickle)?;
    let mut room = file.len().saturating_mul(MOST_REPEATED);
    let mut tensors = Vec::new();
    for (name, id) in pickle.entries(dict).into_iter().flatten() {
        let Value::Tensor(view) = pickle.value(id) else {
            continue;
        };
        let storage = storages.get(&view.key);
        let storage = storage.and_then(|range| file.get(range.clone()));
        let Some(storage) = storage else {
            return Err(damaged(format!("the values of {name} are missing")));
        };
        tensors.push(tensor(name, view, storage, &mut room)?);
    }
    Ok((tensors, note))
}

/// Where each storage is in the file.
type Storages = HashMap<String, Range<usize>>;

/// `NAME/data.pkl`, `NAME/data/KEY` for each storage, `NAME/byteorder`.
fn zipped(file: &[u8]) -> Result<(Pickle, Storages), WeightsFileError> {
    let entries = archive::entries(file).map_err(damaged)?;
    if let Some(packed) = entries.iter().find(|entry| entry.method != archive::STORED) {
        return Err(damaged(format!(
            "{} in the archive is compressed",
            packed.name
        )));
    }
    let pickle = entries
        .iter()
        .find(|entry| entry.name.ends_with("/data.pkl"));
    let Some(pickle) = pickle else {
        return Err(damaged(
            "the archive has no data.pkl, so it is not PyTorch's",
        ));
    };
    let folder = pickle.name.trim_end_matches("data.pkl");
    let storages = entries
        .iter()
        .filter_map(|entry| {
            let rest = entry.name.strip_prefix(folder)?;
            if rest == "byteorder" && file[entry.range.clone()] != *b"little" {
                return Some(Err(damaged("its numbers are big-endian")));
            }
            Some(Ok((
                rest.strip_prefix("data/")?.to_owned(),
                entry.range.clone(),
            )))
        })
        .collect::<Result<_, _>>()?;
    Ok((Pickle::read(&file[pickle.range.clone()])?, storages))
}

/// Pickles of a number, a version, facts about the machine, the object and the keys of its storages; then each storage:
/// the number of its elements in eight bytes, and the elements.
fn legacy(file: &[u8]) -> Result<(Pickle, Storages), WeightsFileError> {
    let mut at = LEGACY.len();
    let mut next = || -> Result<Pickle, WeightsFileError> {
        let pickle = Pickle::read(&file[at..])?;
        at += pickle.end;
        Ok(pickle)
    };
    let (_version, machine, object, keys) = (next()?, next()?, next()?, next()?);
    let little = machine.entries(machine.root).into_iter().flatten();
    let big = little
        .filter(|(key, _)| *key == "little_endian")
        .any(|(_, id)| *machine.value(id) != Value::Int(1));
    if big {
        return Err(damaged("its numbers are big-endian"));
    }
    let elements = elements(&object);
    let Value::List(keys_in_order) = keys.value(keys.root) else {
        return Err(damaged("it has no list of storages"));
    };
    let mut storages = Storages::new();
    for key in keys_in_order {
        let Value::Text(key) = keys.value(*key) else {
            return Err(damaged("it has no list of storages"));
        };
        let Some(element) = elements.get(&key[..]) else {
            return Err(damaged("a storage in it belongs to nothing"));
        };
        let cut_short = || damaged("it is cut short");
        let head = file.get(at..at + 8).ok_or_else(cut_short)?;
        let count = head
            .iter()
            .rev()
            .fold(0_u64, |n, byte| n << 8 | u64::from(*byte));
        let bytes = usize::try_from(count)
            .ok()
            .and_then(|n| n.checked_mul(element.bytes()));
        let from = at + 8;
        let to = bytes
            .and_then(|bytes| from.checked_add(bytes))
            .filter(|to| *to <= file.len());
        let to = to.ok_or_else(cut_short)?;
        storages.insert(key.clone(), from..to);
        at = to;
    }
    Ok((object, storages))
}

/// What each storage of an object holds.
fn elements(object: &Pickle) -> HashMap<&str, Element> {
    let storages = object.values().iter().filter_map(|value| match value {
        Value::Storage { element, key, .. } => Some((&key[..], *element)),
        _ => None,
    });
    storages.collect()
}

/// The dict of tensors in a checkpoint: the object itself, or one of its entries; the averaged model's, if there is one.
fn state_dict(pickle: &Pickle) -> Result<(Id, Option<String>), WeightsFileError> {
    /// Names of the model's state dict in a file that also holds an optimizer's.
    const USUAL: [&str; 6] = [
        "state_dict",
        "model_state_dict",
        "unet",
        "model",
        "net",
        "params",
    ];
    let has_tensors = |id: Id| {
        let entries = pickle.entries(id).into_iter().flatten();
        entries
            .into_iter()
            .any(|(_, id)| matches!(pickle.value(id), Value::Tensor(_)))
    };
    if has_tensors(pickle.root) {
        return Ok((pickle.root, None));
    }
    let dicts: Vec<(&str, Id)> = pickle
        .entries(pickle.root)
        .into_iter()
        .flatten()
        .filter(|(_, id)| has_tensors(*id))
        .collect();
    let names: Vec<&str> = dicts.iter().map(|(name, _)| *name).collect();
    let averaged = dicts
        .iter()
        .find(|(name, _)| name.to_lowercase().contains("ema"));
    let usual = || {
        USUAL
            .iter()
            .find_map(|usual| dicts.iter().find(|(name, _)| name == usual))
    };
    match (averaged, &dicts[..]) {
        (Some((name, id)), [_, _, ..]) => Ok((
            *id,
            Some(format!(
                "The weights have several models ({}); using the averaged one, {name}",
                names.join(", ")
            )),
        )),
        (_, [(_, only)]) => Ok((*only, None)),
        (_, []) => Err(WeightsFileError::NoStateDict(
            "there are no tensors by name in it".into(),
        )),
        _ => match usual() {
            Some((name, id)) => Ok((
                *id,
                Some(format!(
                    "The weights have several models ({}); using {name}",
                    names.join(", ")
                )),
            )),
            None => Err(WeightsFileError::NoStateDict(format!(
                "it has {}; which of them is the model is unknown",
                names.join(", ")
            ))),
        },
    }
}

/// The values of a view in row-major order. It is held against its storage, and against the `room` that is left, before
/// anything is allocated for it.
fn tensor(
    name: &str,
    view: &View,
    storage: &[u8],
    room: &mut usize,
) -> Result<Tensor, WeightsFileError> {
    let beyond = || WeightsFileError::BeyondStorage(name.to_owned());
    let size = view.element.bytes();
    let elements = (storage.len() / size) as u64;
    if elements < view.length {
        return Err(beyond());
    }
    let count = view
        .shape
        .iter()
        .try_fold(1_u64, |n, side| n.checked_mul(*side));
    let count = count.ok_or_else(beyond)?;
    if view.offset > elements {
        return Err(beyond());
    }
    if count > 0 {
        let last = view
            .shape
            .iter()
            .zip(&view.strides)
            .try_fold(view.offset, |last, (side, stride)| {
                last.checked_add((side - 1).checked_mul(*stride)?)
            });
        if last.is_none_or(|last| last >= elements) {
            return Err(beyond());
        }
    }
    // An empty view may begin anywhere.
    if count == 0 && view.offset > elements {
        return Err(beyond());
    }
    let bytes = usize::try_from(count)
        .ok()
        .and_then(|n| n.checked_mul(size));
    let left = bytes.and_then(|bytes| room.checked_sub(bytes));
    *room = left.ok_or(WeightsFileError::TooLarge)?;

    let data = if is_in_order(view) {
        let from = view.offset as usize * size;
        let to = from + bytes.unwrap_or_default();
        storage.get(from..to).ok_or_else(beyond)?.to_vec()
    } else {
        gathered(view, count, storage)
    };
    let to_usize = |side: &u64| usize::try_from(*side).map_err(|_| beyond());
    Ok(Tensor {
        name: name.to_owned(),
        dtype: dtype(view.element),
        shape: view.shape.iter().map(to_usize).collect::<Result<_, _>>()?,
        data,
    })
}

/// Whether the elements lie in row-major order, one after another.
fn is_in_order(view: &View) -> bool {
    let mut expected = 1;
    view.shape
        .iter()
        .zip(&view.strides)
        .rev()
        .all(|(side, stride)| {
            let fits = *side == 1 || *stride == expected;
            expected *= side;
            fits
        })
}

/// The elements of a view that was held against its storage, in row-major order.
fn gathered(view: &View, count: u64, storage: &[u8]) -> Vec<u8> {
    let size = view.element.bytes();
    let mut data = Vec::with_capacity(count as usize * size);
    let mut index = vec![0_u64; view.shape.len()];
    for _ in 0..count {
        let steps = index
            .iter()
            .zip(&view.strides)
            .map(|(i, stride)| i * stride);
        let at = (view.offset + steps.sum::<u64>()) as usize * size;
        data.extend_from_slice(&storage[at..at + size]);
        // The next index, the last dimension first.
        for (i, side) in index.iter_mut().zip(&view.shape).rev() {
            *i += 1;
            if *i < *side {
                break;
            }
            *i = 0;
        }
    }
    data
}

fn dtype(element: Element) -> Dtype {
    match element {
        Element::F64 => Dtype::F64,
        Element::F32 => Dtype::F32,
        Element::F16 => Dtype::F16,
        Element::Bf16 => Dtype::BF16,
        Element::I64 => Dtype::I64,
        Element::I32 => Dtype::I32,
        Element::I16 => Dtype::I16,
        Element::I8 => Dtype::I8,
        Element::U8 => Dtype::U8,
        Element::Bool => Dtype::BOOL,
    }
}

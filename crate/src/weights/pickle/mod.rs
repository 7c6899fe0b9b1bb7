//! Reads the pickle of a state dict as plain values. It runs no code of the file and imports nothing.
//!
//! Python's pickle is a program for a stack machine (Lib/pickletools.py documents it): `machine.rs` carries out its
//! instructions. The instruction REDUCE calls whatever the program has named before. Here a name is one of
//! [`Global`], or the pickle is refused; `calls.rs` says what a call of each of them means.

mod calls;
mod machine;
mod names;

pub(super) use names::Element;

use super::WeightsFileError;
use super::error::damaged;
use machine::Machine;
use names::Global;

type Done<T = ()> = Result<T, WeightsFileError>;

fn broken<T>() -> Done<T> {
    Err(damaged("its pickle is damaged"))
}

/// Where a value is in the list of all values. A list without nesting cannot overflow the stack, whatever the file holds.
pub(super) type Id = u32;

/// A part of a storage, as PyTorch describes a tensor.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct View {
    /// Of the storage.
    pub(super) element: Element,
    pub(super) key: String,
    /// Elements of the whole storage.
    pub(super) length: u64,
    /// First element.
    pub(super) offset: u64,
    pub(super) shape: Vec<u64>,
    /// Elements from one index to the next, for each dimension.
    pub(super) strides: Vec<u64>,
}

/// The Python values that occur in a state dict.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    None,
    /// Also a bool: True is 1, False 0.
    Int(i64),
    Float,
    Text(String),
    Tuple(Vec<Id>),
    List(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    Global(Global),
    Storage {
        element: Element,
        key: String,
        length: u64,
    },
    Tensor(Box<View>),
}

/// The values of a pickle, and which of them is its result.
#[derive(Debug)]
pub(super) struct Pickle {
    values: Vec<Value>,
    pub(super) root: Id,
    /// Where in the file the pickle ends.
    pub(super) end: usize,
}

impl Pickle {
    /// Reads the pickle at the start of `program`; other bytes may follow it.
    ///
    /// # Errors
    /// A pickle that is damaged, and one that needs anything that a state dict does not.
    pub(super) fn read(program: &[u8]) -> Result<Self, WeightsFileError> {
        let mut machine = Machine::new(program);
        let root = machine.run()?;
        Ok(Self {
            root,
            end: machine.at,
            values: machine.values,
        })
    }

    pub(super) fn values(&self) -> &[Value] {
        &self.values
    }

    pub(super) fn value(&self, id: Id) -> &Value {
        &self.values[id as usize]
    }

    /// The text entries of a dict; `None` for anything else.
    pub(super) fn entries(&self, id: Id) -> Option<impl Iterator<Item = (&str, Id)>> {
        let Value::Dict(entries) = self.value(id) else {
            return None;
        };
        Some(
            entries
                .iter()
                .filter_map(|(key, value)| match self.value(*key) {
                    Value::Text(key) => Some((&key[..], *value)),
                    _ => None,
                }),
        )
    }
}

//! A machine for the pickles of state dicts. It builds values; it calls nothing and imports nothing.
//!
//! Python's pickle is a program for a stack machine (Lib/pickletools.py documents it), and the instruction REDUCE calls
//! whatever the program has named before. Here a name is one of [`Global`], or the pickle is refused by it, and a call of
//! one of these has a meaning that is written down below. Values lie in one list and refer to each other by their places,
//! so that no nesting is too deep for the stack, whatever the file says.

use super::WeightsFileError;
use super::error::damaged;

/// The most values that a pickle may make; a state dict of a thousand tensors has thirty thousand.
const MOST_VALUES: usize = 1 << 19;
/// A call has at most seven arguments, and a tensor as many dimensions.
const MOST_ARGUMENTS: usize = 8;
/// Storages are counted: their names are numbers.
const LONGEST_KEY: usize = 64;

/// What a pickle may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Global {
    OrderedDict,
    /// `torch._utils._rebuild_tensor` and `_rebuild_tensor_v2`.
    RebuildTensor,
    /// `torch._utils._rebuild_parameter` and `_rebuild_parameter_with_state`.
    RebuildParameter,
    /// `torch.Size`, a tuple.
    Size,
    /// `torch.FloatStorage` and the like.
    Storage(Element),
}

/// What a storage holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Element {
    F64,
    F32,
    F16,
    Bf16,
    I64,
    I32,
    I16,
    I8,
    U8,
    Bool,
}

impl Element {
    pub(super) fn bytes(self) -> usize {
        match self {
            Self::F64 | Self::I64 => 8,
            Self::F32 | Self::I32 => 4,
            Self::F16 | Self::Bf16 | Self::I16 => 2,
            Self::I8 | Self::U8 | Self::Bool => 1,
        }
    }
}

impl Global {
    /// The meaning of a name, if it is one that a state dict needs.
    fn named(module: &str, name: &str) -> Option<Self> {
        use Element::*;
        Some(match (module, name) {
            ("collections", "OrderedDict") => Self::OrderedDict,
            ("torch._utils", "_rebuild_tensor" | "_rebuild_tensor_v2") => Self::RebuildTensor,
            ("torch._utils", "_rebuild_parameter" | "_rebuild_parameter_with_state") => {
                Self::RebuildParameter
            }
            ("torch", "Size") => Self::Size,
            ("torch", "DoubleStorage") => Self::Storage(F64),
            ("torch", "FloatStorage") => Self::Storage(F32),
            ("torch", "HalfStorage") => Self::Storage(F16),
            ("torch", "BFloat16Storage") => Self::Storage(Bf16),
            ("torch", "LongStorage") => Self::Storage(I64),
            ("torch", "IntStorage") => Self::Storage(I32),
            ("torch", "ShortStorage") => Self::Storage(I16),
            ("torch", "CharStorage") => Self::Storage(I8),
            ("torch", "ByteStorage") => Self::Storage(U8),
            ("torch", "BoolStorage") => Self::Storage(Bool),
            _ => return None,
        })
    }
}

/// The place of a value.
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

/// A value of Python's, as far as a state dict needs them.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    None,
    /// True and False are 1 and 0.
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

/// The values that a pickle has made, and which of them it left.
#[derive(Debug)]
pub(super) struct Pickle {
    values: Vec<Value>,
    pub(super) root: Id,
    /// Where in the file it ended.
    pub(super) end: usize,
}

impl Pickle {
    /// Runs the program at the start of `program`.
    ///
    /// # Errors
    /// A program that is damaged, and one that needs anything that a state dict does not.
    pub(super) fn read(program: &[u8]) -> Result<Self, WeightsFileError> {
        let mut machine = Machine {
            program,
            at: 0,
            values: Vec::new(),
            stack: Vec::new(),
            marks: Vec::new(),
            memo: Vec::new(),
            copied: 0,
        };
        let root = loop {
            if let Some(root) = machine.step()? {
                break root;
            }
        };
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

struct Machine<'a> {
    program: &'a [u8],
    at: usize,
    values: Vec<Value>,
    stack: Vec<Id>,
    /// Heights of the stack.
    marks: Vec<usize>,
    memo: Vec<Id>,
    /// Items of lists that calls have copied.
    copied: usize,
}

type Done<T = ()> = Result<T, WeightsFileError>;

fn broken<T>() -> Done<T> {
    Err(damaged("its pickle is damaged"))
}

impl Machine<'_> {
    /// One instruction; the value left at the end, at the end.
    fn step(&mut self) -> Done<Option<Id>> {
        let operation = self.bytes(1)?[0];
        match operation {
            // PROTO, FRAME: nothing depends on them.
            0x80 => drop(self.bytes(1)?),
            0x95 => drop(self.bytes(8)?),
            b'.' => return self.pop().map(Some),
            b'N' => self.push(Value::None)?,
            0x88 => self.push(Value::Int(1))?,
            0x89 => self.push(Value::Int(0))?,
            b'J' => {
                let n = self.number(4)? as u32 as i32;
                self.push(Value::Int(n.into()))?;
            }
            b'K' => self.push_number(1)?,
            b'M' => self.push_number(2)?,
            0x8a => {
                let length = self.number(1)?;
                let int = self.long(length)?;
                self.push(Value::Int(int))?;
            }
            b'G' => {
                self.bytes(8)?;
                self.push(Value::Float)?;
            }
            b'X' => self.push_text(4)?,
            0x8c | b'U' => self.push_text(1)?,
            0x8d => self.push_text(8)?,
            b'T' => self.push_text(4)?,
            b'}' => self.push(Value::Dict(Vec::new()))?,
            b']' => self.push(Value::List(Vec::new()))?,
            b')' => self.push(Value::Tuple(Vec::new()))?,
            b'(' => self.marks.push(self.stack.len()),
            b't' => {
                let items = self.marked()?;
                self.push(Value::Tuple(items))?;
            }
            0x85..=0x87 => {
                let count = usize::from(operation - 0x84);
                let Some(first) = self.stack.len().checked_sub(count) else {
                    return broken();
                };
                let items = self.stack.split_off(first);
                self.push(Value::Tuple(items))?;
            }
            b'a' => {
                let item = self.pop()?;
                self.append(vec![item])?;
            }
            b'e' => {
                let items = self.marked()?;
                self.append(items)?;
            }
            b's' => {
                let (value, key) = (self.pop()?, self.pop()?);
                self.insert(vec![key, value])?;
            }
            b'u' => {
                let items = self.marked()?;
                self.insert(items)?;
            }
            b'q' => {
                let place = self.number(1)?;
                self.memorize(place)?;
            }
            b'r' => {
                let place = self.number(4)?;
                self.memorize(place)?;
            }
            0x94 => self.memorize(self.memo.len() as u64)?,
            b'h' => {
                let place = self.number(1)?;
                self.recall(place)?;
            }
            b'j' => {
                let place = self.number(4)?;
                self.recall(place)?;
            }
            b'0' => drop(self.pop()?),
            b'c' => {
                let (module, name) = (self.line()?, self.line()?);
                self.import(&module, &name)?;
            }
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                match (self.value(module).clone(), self.value(name).clone()) {
                    (Value::Text(module), Value::Text(name)) => self.import(&module, &name)?,
                    _ => return broken(),
                }
            }
            b'R' => self.reduce()?,
            b'b' => self.build()?,
            b'Q' => self.persistent()?,
            other => return Err(refused_instruction(other)),
        }
        Ok(None)
    }

    fn bytes(&mut self, count: usize) -> Done<&[u8]> {
        let end = self
            .at
            .checked_add(count)
            .filter(|end| *end <= self.program.len());
        let Some(end) = end else {
            return Err(damaged("its pickle is cut short"));
        };
        let bytes = &self.program[self.at..end];
        self.at = end;
        Ok(bytes)
    }

    /// A little-endian number without a sign.
    fn number(&mut self, count: usize) -> Done<u64> {
        let bytes = self.bytes(count)?;
        Ok(bytes
            .iter()
            .rev()
            .fold(0, |n, byte| n << 8 | u64::from(*byte)))
    }

    /// A little-endian number in two's complement, of at most eight bytes.
    fn long(&mut self, count: u64) -> Done<i64> {
        let Ok(count @ 0..=8) = usize::try_from(count) else {
            return broken();
        };
        let unused = 64 - 8 * count as u32;
        let n = self.number(count)? as i64;
        Ok(if count == 0 { 0 } else { n << unused >> unused })
    }

    fn line(&mut self) -> Done<String> {
        let rest = &self.program[self.at..];
        let Some(length) = rest.iter().take(1000).position(|byte| *byte == b'\n') else {
            return broken();
        };
        let line = String::from_utf8_lossy(&rest[..length]).into_owned();
        self.at += length + 1;
        Ok(line)
    }

    fn push(&mut self, value: Value) -> Done {
        if self.values.len() >= MOST_VALUES {
            return Err(damaged("its pickle has more values than any state dict"));
        }
        self.stack.push(self.values.len() as Id);
        self.values.push(value);
        Ok(())
    }

    fn push_number(&mut self, bytes: usize) -> Done {
        let n = self.number(bytes)?;
        self.push(Value::Int(n as i64))
    }

    fn push_text(&mut self, length_bytes: usize) -> Done {
        let length = self.number(length_bytes)?;
        let length = usize::try_from(length).or_else(|_| broken())?;
        let text = String::from_utf8_lossy(self.bytes(length)?).into_owned();
        self.push(Value::Text(text))
    }

    fn value(&self, id: Id) -> &Value {
        &self.values[id as usize]
    }

    fn pop(&mut self) -> Done<Id> {
        // What lies below a mark is not this instruction's.
        let floor = self.marks.last().copied().unwrap_or(0);
        if self.stack.len() <= floor {
            return broken();
        }
        self.stack.pop().map_or_else(broken, Ok)
    }

    /// What was pushed since the last mark.
    fn marked(&mut self) -> Done<Vec<Id>> {
        match self.marks.pop() {
            Some(mark) if mark <= self.stack.len() => Ok(self.stack.split_off(mark)),
            _ => broken(),
        }
    }

    fn top(&mut self) -> Done<&mut Value> {
        match self.stack.last() {
            Some(&id) => Ok(&mut self.values[id as usize]),
            None => broken(),
        }
    }

    fn append(&mut self, items: Vec<Id>) -> Done {
        match self.top()? {
            Value::List(list) => list.extend(items),
            _ => return broken(),
        }
        Ok(())
    }

    /// Keys and values in turn.
    fn insert(&mut self, items: Vec<Id>) -> Done {
        let (pairs, rest) = items.as_chunks::<2>();
        match self.top()? {
            Value::Dict(dict) if rest.is_empty() => {
                dict.extend(pairs.iter().map(|[key, value]| (*key, *value)));
            }
            _ => return broken(),
        }
        Ok(())
    }

    /// Keeps the value on top under a number. Python counts them up, and so must the program.
    fn memorize(&mut self, place: u64) -> Done {
        let Some(&id) = self.stack.last() else {
            return broken();
        };
        match usize::try_from(place) {
            Ok(place) if place < self.memo.len() => self.memo[place] = id,
            // Some writers leave numbers out.
            Ok(place) if place < self.memo.len() + 1024 && place < MOST_VALUES => {
                self.memo.resize(place + 1, id);
            }
            _ => return broken(),
        }
        Ok(())
    }

    fn recall(&mut self, place: u64) -> Done {
        let id = usize::try_from(place)
            .ok()
            .and_then(|place| self.memo.get(place));
        match id {
            // Every value on the stack was asked for by an instruction, so it is no longer than the program.
            Some(&id) => self.stack.push(id),
            None => return broken(),
        }
        Ok(())
    }

    fn import(&mut self, module: &str, name: &str) -> Done {
        match Global::named(module, name) {
            Some(global) => self.push(Value::Global(global)),
            None => Err(WeightsFileError::Refused(shown(module, name))),
        }
    }

    /// A call, of one of four things that only make values.
    fn reduce(&mut self) -> Done {
        let (arguments, callee) = (self.pop()?, self.pop()?);
        let Value::Global(callee) = *self.value(callee) else {
            return broken();
        };
        let arguments = self.arguments(arguments)?;
        let value = match (callee, &arguments[..]) {
            (Global::OrderedDict, []) => Value::Dict(Vec::new()),
            (Global::OrderedDict, [pairs]) => Value::Dict(self.pairs(*pairs)?),
            (Global::Size, [items]) => Value::Tuple(self.arguments(*items)?),
            (Global::RebuildParameter, [data, ..]) => match self.value(*data) {
                Value::Tensor(view) => Value::Tensor(view.clone()),
                _ => return broken(),
            },
            (Global::RebuildTensor, [storage, offset, shape, strides, ..]) => {
                Value::Tensor(Box::new(self.view(*storage, *offset, *shape, *strides)?))
            }
            _ => return broken(),
        };
        self.push(value)
    }

    /// The items of a short tuple or list.
    fn arguments(&self, id: Id) -> Done<Vec<Id>> {
        match self.value(id) {
            Value::Tuple(items) | Value::List(items) if items.len() <= MOST_ARGUMENTS => {
                Ok(items.clone())
            }
            _ => broken(),
        }
    }

    /// The entries of a dict that is made of a list of pairs.
    fn pairs(&mut self, id: Id) -> Done<Vec<(Id, Id)>> {
        let Value::List(list) = &self.values[id as usize] else {
            return broken();
        };
        self.copied += list.len();
        if self.copied > MOST_VALUES {
            return broken();
        }
        let pair = |id: &Id| match self.value(*id) {
            Value::Tuple(pair) | Value::List(pair) if pair.len() == 2 => Ok((pair[0], pair[1])),
            _ => broken(),
        };
        list.iter().map(pair).collect()
    }

    fn view(&self, storage: Id, offset: Id, shape: Id, strides: Id) -> Done<View> {
        let Value::Storage {
            element,
            ref key,
            length,
        } = *self.value(storage)
        else {
            return broken();
        };
        let (shape, strides) = (self.sides(shape)?, self.sides(strides)?);
        if shape.len() != strides.len() {
            return broken();
        }
        Ok(View {
            element,
            key: key.clone(),
            length,
            offset: self.size(offset)?,
            shape,
            strides,
        })
    }

    /// A number that is not negative.
    fn size(&self, id: Id) -> Done<u64> {
        match self.value(id) {
            Value::Int(n) => u64::try_from(*n).or_else(|_| broken()),
            _ => broken(),
        }
    }

    fn sides(&self, id: Id) -> Done<Vec<u64>> {
        let sides = self.arguments(id)?;
        sides.into_iter().map(|id| self.size(id)).collect()
    }

    /// Attributes of an object: those of a state dict, `_metadata`, say nothing about its values.
    fn build(&mut self) -> Done {
        self.pop()?;
        match self.top()? {
            Value::Dict(_) | Value::Tensor(_) => Ok(()),
            _ => broken(),
        }
    }

    /// A storage by its description, `("storage", class, key, device, elements)`.
    fn persistent(&mut self) -> Done {
        let id = self.pop()?;
        let parts = self.arguments(id)?;
        let [kind, class, key, _, length, rest @ ..] = &parts[..] else {
            return broken();
        };
        // Before the zip format, a storage could be a part of another.
        let is_whole = rest.iter().all(|id| *self.value(*id) == Value::None);
        match (self.value(*kind), self.value(*class), self.value(*key)) {
            (Value::Text(kind), Value::Global(Global::Storage(element)), Value::Text(key))
                if kind == "storage" && is_whole && key.len() <= LONGEST_KEY =>
            {
                let (element, key, length) = (*element, key.clone(), self.size(*length)?);
                self.push(Value::Storage {
                    element,
                    key,
                    length,
                })
            }
            _ => broken(),
        }
    }
}

/// What a pickle asked for, as far as it is fit to be printed.
fn shown(module: &str, name: &str) -> String {
    let text: String = format!("{module}.{name}").chars().take(80).collect();
    let printable = text.chars().all(|c| c.is_ascii_graphic());
    if printable { text } else { format!("{text:?}") }
}

/// An instruction that makes objects of classes, or that no writer of state dicts uses.
fn refused_instruction(operation: u8) -> WeightsFileError {
    let name = match operation {
        0x81 | 0x92 => "an object of a class (NEWOBJ)".to_owned(),
        b'i' | b'o' => "an object of a class (INST)".to_owned(),
        0x82..=0x84 => "an extension (EXT)".to_owned(),
        b'P' => "a persistent name (PERSID)".to_owned(),
        other => format!("the instruction {other:#04x} of a pickle"),
    };
    WeightsFileError::Refused(name)
}

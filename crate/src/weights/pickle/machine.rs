//! The stack machine: one instruction after another, without recursion, however deep the values are nested.

use super::{Done, Id, Value, broken};
use crate::weights::WeightsFileError;
use crate::weights::error::damaged;

/// The most values that a pickle may make; a state dict of a thousand tensors has thirty thousand.
pub(super) const MOST_VALUES: usize = 1 << 19;

/// A pickle that is being read. Values refer to each other by their index in `values`.
#[derive(Default)]
pub(super) struct Machine<'a> {
    program: &'a [u8],
    /// The next byte of `program`.
    pub(super) at: usize,
    pub(super) values: Vec<Value>,
    stack: Vec<Id>,
    /// Heights of the stack.
    marks: Vec<usize>,
    memo: Vec<Id>,
    /// Items of lists that calls have copied.
    pub(super) copied: usize,
}

impl<'a> Machine<'a> {
    pub(super) fn new(program: &'a [u8]) -> Self {
        Self {
            program,
            ..Self::default()
        }
    }

    /// Carries out all instructions and returns the value that they leave.
    pub(super) fn run(&mut self) -> Done<Id> {
        loop {
            if let Some(root) = self.step()? {
                return Ok(root);
            }
        }
    }

    /// Carries out one instruction; the last one returns the value that is left.
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
                let index = self.number(1)?;
                self.memorize(index)?;
            }
            b'r' => {
                let index = self.number(4)?;
                self.memorize(index)?;
            }
            0x94 => self.memorize(self.memo.len() as u64)?,
            b'h' => {
                let index = self.number(1)?;
                self.recall(index)?;
            }
            b'j' => {
                let index = self.number(4)?;
                self.recall(index)?;
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

    pub(super) fn push(&mut self, value: Value) -> Done {
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

    pub(super) fn value(&self, id: Id) -> &Value {
        &self.values[id as usize]
    }

    pub(super) fn pop(&mut self) -> Done<Id> {
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

    pub(super) fn top(&mut self) -> Done<&mut Value> {
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
    fn memorize(&mut self, index: u64) -> Done {
        let Some(&id) = self.stack.last() else {
            return broken();
        };
        match usize::try_from(index) {
            Ok(index) if index < self.memo.len() => self.memo[index] = id,
            // Some writers leave numbers out.
            Ok(index) if index < self.memo.len() + 1024 && index < MOST_VALUES => {
                self.memo.resize(index + 1, id);
            }
            _ => return broken(),
        }
        Ok(())
    }

    fn recall(&mut self, index: u64) -> Done {
        let id = usize::try_from(index)
            .ok()
            .and_then(|index| self.memo.get(index));
        match id {
            // Every value on the stack was asked for by an instruction, so it is no longer than the program.
            Some(&id) => self.stack.push(id),
            None => return broken(),
        }
        Ok(())
    }
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

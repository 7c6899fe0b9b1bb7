//! What a pickle's calls mean: each makes a value out of values, and nothing else happens.

use super::machine::{MOST_VALUES, Machine};
use super::names::printable;
use super::{Done, Global, Id, Value, View, broken};
use crate::weights::WeightsFileError;

/// A call has at most seven arguments, and a tensor as many dimensions.
const MOST_ARGUMENTS: usize = 8;
/// Storages are counted: their names are numbers.
const LONGEST_KEY: usize = 64;

impl Machine<'_> {
    /// Pushes what a name stands for.
    pub(super) fn import(&mut self, module: &str, name: &str) -> Done {
        match Global::named(module, name) {
            Some(global) => self.push(Value::Global(global)),
            None => Err(WeightsFileError::Refused(printable(module, name))),
        }
    }

    /// A call of one of the four names that make values.
    pub(super) fn reduce(&mut self) -> Done {
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
    pub(super) fn build(&mut self) -> Done {
        self.pop()?;
        match self.top()? {
            Value::Dict(_) | Value::Tensor(_) => Ok(()),
            _ => broken(),
        }
    }

    /// A storage by its description, `("storage", class, key, device, elements)`.
    pub(super) fn persistent(&mut self) -> Done {
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

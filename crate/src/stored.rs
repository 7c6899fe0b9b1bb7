//! A safetensors file, wherever its bytes are. They are asked for tensor by tensor, so that a file which the page holds is
//! never held a second time: the memory of wasm never shrinks.

use safetensors::SafeTensors;
use safetensors::tensor::{Metadata, SafeTensorError, TensorInfo};
use std::borrow::Cow;
use std::ops::Range;

/// Bytes of the number that a safetensors file begins with: how long its list of tensors is.
const LEN: usize = 8;

/// The bytes of a file.
pub trait Stored {
    /// How many there are.
    fn size(&self) -> usize;

    /// Some of them; the range lies within the file.
    fn part(&self, range: Range<usize>) -> Cow<'_, [u8]>;

    /// The first ones, at most `most`.
    fn head(&self, most: usize) -> Cow<'_, [u8]> {
        self.part(0..most.min(self.size()))
    }

    /// All of them.
    fn into_bytes(self) -> Vec<u8>
    where
        Self: Sized,
    {
        self.part(0..self.size()).into_owned()
    }
}

impl Stored for &[u8] {
    fn size(&self) -> usize {
        self.len()
    }

    fn part(&self, range: Range<usize>) -> Cow<'_, [u8]> {
        self[range].into()
    }
}

impl Stored for Vec<u8> {
    fn size(&self) -> usize {
        self.len()
    }

    fn part(&self, range: Range<usize>) -> Cow<'_, [u8]> {
        self[range].into()
    }

    fn into_bytes(self) -> Vec<u8> {
        self
    }
}

/// The list of tensors that a safetensors file begins with.
#[derive(Debug)]
pub(crate) struct Listed {
    tensors: Metadata,
    /// Where the first tensor begins.
    start: usize,
}

impl Listed {
    /// The list in `file`.
    ///
    /// # Errors
    /// It is none, or the file is shorter or longer than it says: the same errors as [`SafeTensors::deserialize`].
    pub(crate) fn of(file: &dyn Stored) -> Result<Self, SafeTensorError> {
        let len = file.head(LEN);
        let len = len
            .iter()
            .rev()
            .fold(0_u64, |len, byte| len << 8 | u64::from(*byte));
        let end = usize::try_from(len).ok().and_then(|n| n.checked_add(LEN));
        // Without the list, the library says what is wrong with its length.
        let end = end.filter(|end| *end <= file.size()).unwrap_or(LEN);
        let list = file.head(end);
        match SafeTensors::read_metadata(&list) {
            // The tensors are not in what it was given.
            Ok(_) | Err(SafeTensorError::MetadataIncompleteBuffer) => {}
            Err(error) => return Err(error),
        }
        let tensors: Metadata = serde_json::from_slice(&list[LEN..])
            .map_err(SafeTensorError::InvalidHeaderDeserialization)?;
        if end.checked_add(tensors.data_len()) != Some(file.size()) {
            return Err(SafeTensorError::MetadataIncompleteBuffer);
        }
        Ok(Self {
            tensors,
            start: end,
        })
    }

    /// The tensors by their names.
    pub(crate) fn tensors(&self) -> impl Iterator<Item = (String, &TensorInfo)> {
        self.tensors.tensors().into_iter()
    }

    /// The values of a tensor of `file`, as they are stored.
    pub(crate) fn values<'a>(&self, file: &'a dyn Stored, tensor: &TensorInfo) -> Cow<'a, [u8]> {
        let (from, to) = tensor.data_offsets;
        file.part(self.start + from..self.start + to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use safetensors::tensor::{Dtype, TensorView};
    use std::cell::RefCell;

    fn file() -> Vec<u8> {
        let bytes: Vec<u8> = (0..40).collect();
        let view = |range| TensorView::new(Dtype::F32, vec![5, 1], &bytes[range]).unwrap();
        let tensors = [("first", view(0..20)), ("second", view(20..40))];
        safetensors::serialize(tensors, None).unwrap()
    }

    /// Notes the length of every part that is asked for.
    struct Watched(Vec<u8>, RefCell<Vec<usize>>);

    impl Stored for Watched {
        fn size(&self) -> usize {
            self.0.len()
        }

        fn part(&self, range: Range<usize>) -> Cow<'_, [u8]> {
            self.1.borrow_mut().push(range.len());
            self.0.part(range)
        }
    }

    #[test]
    fn a_file_is_read_tensor_by_tensor() {
        let file = Watched(file(), RefCell::default());
        let list = Listed::of(&file).unwrap();
        let start = list.start;
        assert_eq!(*file.1.take(), [LEN, start]);
        let tensors: Vec<_> = list.tensors().collect();
        assert_eq!(tensors.len(), 2);
        for (name, tensor) in tensors {
            let from = if name == "first" { 0 } else { 20 };
            let expected: Vec<u8> = (from..from + 20).collect();
            assert_eq!(list.values(&file, tensor), expected, "{name}");
        }
        assert_eq!(*file.1.take(), [20, 20]);
    }

    #[test]
    fn damaged_files_are_refused_in_the_words_of_the_library() {
        let whole = file();
        let mut damaged: Vec<Vec<u8>> = (0..whole.len()).map(|n| whole[..n].to_vec()).collect();
        damaged.push([&whole[..], &[0]].concat());
        for at in 0..whole.len() {
            for byte in [0, b'1', b'"', 0xff] {
                let mut file = whole.clone();
                file[at] = byte;
                damaged.push(file);
            }
        }
        let mut refused = 0;
        for file in damaged {
            let expected = SafeTensors::deserialize(&file).map(|_| ());
            let found = Listed::of(&file).map(|_| ());
            let [found, expected] = [found, expected].map(|it| it.map_err(|e| e.to_string()));
            assert_eq!(found, expected, "{:?}", String::from_utf8_lossy(&file));
            refused += usize::from(expected.is_err());
        }
        assert!(refused > whole.len(), "{refused}");
    }
}

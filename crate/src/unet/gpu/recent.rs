//! The latest few of something that is dear to make and that only one user at a time may have.

use std::sync::{Mutex, PoisonError};

/// Values by key, the latest used last. The lock is held for as long as one of them is in use.
#[derive(Debug)]
pub(super) struct Recent<K, V> {
    most: usize,
    values: Mutex<Vec<(K, V)>>,
}

impl<K: PartialEq, V> Recent<K, V> {
    /// Keeps at most `most` values.
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            values: Mutex::new(Vec::new()),
        }
    }

    /// What `f` makes of the value of `key`, which is made first if it is not there. Nobody else has any of the values
    /// meanwhile; one whose use ended in a panic is forgotten.
    ///
    /// # Errors
    /// The value cannot be made.
    pub(super) fn with<T, E>(
        &self,
        key: K,
        make: impl FnOnce() -> Result<V, E>,
        f: impl FnOnce(&mut V) -> T,
    ) -> Result<T, E> {
        let mut values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        let mut value = match values.iter().position(|(of, _)| *of == key) {
            Some(at) => values.remove(at).1,
            None => make()?,
        };
        let result = f(&mut value);
        values.push((key, value));
        if values.len() > self.most {
            values.remove(0);
        }
        Ok(result)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    fn made(value: usize) -> Result<usize, Infallible> {
        Ok(value)
    }

    #[test]
    fn what_one_thread_writes_no_other_changes_before_it_is_read() {
        let recent = Recent::new(4);
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let recent = &recent;
                scope.spawn(move || {
                    for round in 0..200 {
                        let written = vec![thread * 1000 + round; 64];
                        let read = recent.with(
                            "the same key",
                            || Ok::<_, Infallible>(vec![0; 64]),
                            |memory| {
                                for (to, from) in memory.iter_mut().zip(&written) {
                                    *to = *from;
                                    std::thread::yield_now();
                                }
                                memory.clone()
                            },
                        );
                        assert_eq!(read, Ok(written));
                    }
                });
            }
        });
    }

    #[test]
    fn the_longest_unused_value_goes_first() {
        let recent = Recent::new(2);
        let get = |key, new| recent.with(key, || made(new), |value| *value);
        assert_eq!(get("a", 1), Ok(1));
        assert_eq!(get("b", 2), Ok(2));
        assert_eq!(get("a", 9), Ok(1));
        assert_eq!(get("c", 3), Ok(3));
        assert_eq!(get("a", 9), Ok(1));
        assert_eq!(get("b", 8), Ok(8));
    }
}

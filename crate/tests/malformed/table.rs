//! How a table is held: every case is looked at before any of them fails.

use std::fmt::Display;

/// The cases of a table whose sentence is not the one expected.
#[derive(Default)]
pub struct Table {
    wrong: Vec<String>,
    count: usize,
}

impl Table {
    /// Holds the sentence for one case to what is expected: in full, or up to `…`, after which the system or a library has
    /// the word.
    pub fn holds(&mut self, case: &str, found: Result<(), impl Display>, expected: &str) {
        self.count += 1;
        let found = match found {
            Ok(()) => "nothing: it was accepted".to_owned(),
            Err(error) => error.to_string(),
        };
        let same = match expected.strip_suffix('…') {
            Some(beginning) => found.starts_with(beginning),
            None => found == expected,
        };
        if !same {
            self.wrong
                .push(format!("{case}\n  says     {found}\n  expected {expected}"));
        }
    }

    /// Fails if any case was wrong, or if there are not as many as there should be at least.
    #[track_caller]
    pub fn end(self, least: usize) {
        assert!(self.wrong.is_empty(), "\n{}", self.wrong.join("\n"));
        assert!(self.count >= least, "{} of {least} cases", self.count);
    }
}

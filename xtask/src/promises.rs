//! Holds the documents to their word: the tests and the files that they name are there.

use std::fs;

use crate::project::root;

/// The pairs of file and test that the table rows of `text` name, in order: the code spans of a row's last cell, where a
/// span that ends like a source file begins the tests of that file.
fn named_tests(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for row in text.lines().filter(|line| line.starts_with('|')) {
        let cell = row.trim_end_matches(['|', ' ']).rsplit(" | ").next();
        let mut file = None;
        for span in cell.unwrap_or_default().split('`').skip(1).step_by(2) {
            match &file {
                _ if span.ends_with(".rs") || span.ends_with(".js") => file = Some(span.to_owned()),
                Some(file) => found.push((file.clone(), span.to_owned())),
                None => {}
            }
        }
    }
    found
}

/// Whether a source file has a test of that name.
fn has_test(source: &str, name: &str) -> bool {
    [
        format!("fn {name}("),
        format!("test(\"{name}\""),
        format!("test(`{name}`"),
    ]
    .iter()
    .any(|start| source.contains(start.as_str()))
}

#[test]
fn every_test_that_the_promises_name_exists() {
    let text = fs::read_to_string(root().join("docs/reliability.md")).expect("the promises");
    let tests = named_tests(&text);
    assert!(tests.len() > 20, "{} tests are named", tests.len());
    for (file, name) in tests {
        let source = fs::read_to_string(root().join(&file))
            .unwrap_or_else(|e| panic!("docs/reliability.md names {file}: {e}"));
        assert!(has_test(&source, &name), "{file} has no test \"{name}\"");
    }
}

#[test]
fn every_file_that_the_architecture_names_exists() {
    let text = fs::read_to_string(root().join("docs/architecture.md")).expect("the page");
    let rooms = ["crate/", "docs/", "pretrained/", "tests/", "web/", "xtask/"];
    let named = text.split('`').skip(1).step_by(2).filter(|span| {
        let is_pattern = span.contains("NAME") || span.contains('*') || span.contains("pkg/");
        rooms.iter().any(|room| span.starts_with(room)) && !is_pattern
    });
    let mut count = 0;
    for path in named {
        count += 1;
        let is_there = root().join(path).exists();
        assert!(is_there, "docs/architecture.md names {path}");
    }
    assert!(count > 30, "{count} files are named");
}

#[test]
fn rows_name_files_and_their_tests() {
    let text = "| A | B |\n| --- | --- |\n| `x` | `a.rs`: `one`, `two`; `b.test.js`: `it is` |\n";
    let named = named_tests(text);
    let expected = [("a.rs", "one"), ("a.rs", "two"), ("b.test.js", "it is")];
    assert_eq!(
        named,
        expected.map(|(file, test)| (file.to_owned(), test.to_owned()))
    );
    assert!(has_test("test(`b ${c}`, ", "b ${c}"));
    assert!(!has_test("fn once() {}", "on"));
}

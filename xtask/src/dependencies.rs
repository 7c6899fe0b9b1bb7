//! `docs/dependencies.md` has a line for every direct dependency, and none for one that is gone.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use crate::command::capture;
use crate::project::{PACKAGE, cargo, root};

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// The direct dependencies of a package of the workspace, of every kind and for every target, as cargo knows them.
fn crates(package: &str) -> BTreeSet<String> {
    let mut metadata = cargo();
    metadata.args(["metadata", "--no-deps", "--format-version", "1"]);
    let metadata: Value =
        serde_json::from_str(&capture(&mut metadata).expect("metadata")).expect("JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    let named = packages.iter().find(|found| found["name"] == package);
    let dependencies = named.expect("the package")["dependencies"].as_array();
    let name = |dependency: &Value| dependency["name"].as_str().expect("a name").to_owned();
    dependencies.expect("a list").iter().map(name).collect()
}

/// The keys of `dependencies` and `devDependencies` in a `package.json`.
fn packages(path: &str) -> BTreeSet<String> {
    let manifest: Value = serde_json::from_str(&read(path)).expect("JSON");
    ["dependencies", "devDependencies"]
        .iter()
        .filter_map(|kind| manifest[kind].as_object())
        .flat_map(|table| table.keys().cloned())
        .collect()
}

/// The names in the table below a heading, each of which needs a reason.
fn documented(text: &str, heading: &str) -> BTreeSet<String> {
    let heading = format!("\n## {heading}\n");
    let (_, below) = text.split_once(&heading).expect("the heading is there");
    let section = below.split("\n## ").next().unwrap_or_default();
    section
        .lines()
        .filter_map(|line| line.strip_prefix("| `"))
        .map(|row| {
            let (name, reason) = row.split_once("` | ").expect("a name and a reason");
            assert!(reason.trim_end_matches(" |").len() > 5, "why {name}?");
            name.to_owned()
        })
        .collect()
}

#[test]
fn every_direct_dependency_has_its_reason_and_no_other_is_named() {
    let text = read("docs/dependencies.md");
    for (heading, direct) in [
        ("crate", crates(PACKAGE)),
        ("xtask", crates("xtask")),
        ("npm", packages("package.json")),
        ("bench", packages("bench/package.json")),
        ("datasets", packages("datasets/package.json")),
    ] {
        assert!(!direct.is_empty(), "{heading}");
        assert_eq!(documented(&text, heading), direct, "{heading}");
    }
}

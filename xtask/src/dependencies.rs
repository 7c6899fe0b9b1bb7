//! `docs/dependencies.md` has a line for every direct dependency, and none for one that is gone.

use std::collections::BTreeSet;
use std::fs;

use crate::project::root;

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// The keys of every table of dependencies in a `Cargo.toml`.
fn crates(manifest: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut inside = false;
    for line in manifest.lines() {
        if let Some(table) = line.strip_prefix('[') {
            inside = table.trim_end().ends_with("dependencies]");
        } else if let Some((name, _)) = line.split_once('=').filter(|_| inside) {
            // `name.workspace = true` and what continues a list over several lines.
            let name = name.trim().split('.').next().unwrap_or_default();
            if !name.is_empty() && !name.starts_with(['#', '"', '{']) {
                names.insert(name.to_owned());
            }
        }
    }
    names
}

/// The keys of `dependencies` and `devDependencies` in a `package.json`.
fn packages(manifest: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut inside = false;
    for line in manifest.lines().map(str::trim) {
        let Some((key, value)) = line.split_once("\": ") else {
            inside &= !line.starts_with('}');
            continue;
        };
        let key = key.trim_start_matches('"');
        if value == "{" {
            inside = matches!(key, "dependencies" | "devDependencies");
        } else if inside {
            names.insert(key.to_owned());
        }
    }
    names
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
        ("crate", crates(&read("crate/Cargo.toml"))),
        ("xtask", crates(&read("xtask/Cargo.toml"))),
        ("npm", packages(&read("package.json"))),
        ("bench", packages(&read("bench/package.json"))),
    ] {
        assert!(!direct.is_empty(), "{heading}");
        assert_eq!(documented(&text, heading), direct, "{heading}");
    }
}

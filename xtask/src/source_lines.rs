//! `web/vendor/source-lines.js`: where the page's links into the source lead.
//!
//! The page names an item, as `crate/src/diffusion.rs#add_noise`; its line is looked up whenever the page is built, so that
//! no edit of the Rust leaves a link behind, and a link to what is not there stops the build. A page that a workflow
//! publishes names the repository and the commit that it is built from, where those lines stay what they are.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::project::root;

/// Every link begins like this.
const PREFIX: &str = "crate/src/";

/// Writes the table for the page as it is now.
pub(crate) fn provide() -> Result<()> {
    let root = root();
    let mut pages = vec![root.join("index.html")];
    scripts(&root.join("web"), &mut pages)?;
    let mut lines = BTreeMap::new();
    for page in pages {
        let text = read(&page)?;
        for link in links(&text) {
            let line = line_of(root, link)
                .with_context(|| format!("{} links to {link}", page.display()))?;
            lines.insert(link.to_owned(), line);
        }
    }
    let table: String = lines
        .iter()
        .filter_map(|(link, line)| line.map(|line| format!("  \"{link}\": {line},\n")))
        .collect();
    let lines = format!(
        "/** @type {{Record<string, number | undefined>}} */\nexport const sourceLines = {{\n{table}}};\n"
    );
    let script = lines + &published(|name| env::var(name).ok());
    let folder = root.join("web/vendor");
    fs::create_dir_all(&folder)
        .with_context(|| format!("could not create {}", folder.display()))?;
    let path = folder.join("source-lines.js");
    if fs::read_to_string(&path).is_ok_and(|old| old == script) {
        return Ok(());
    }
    fs::write(&path, script).with_context(|| format!("could not write {}", path.display()))
}

/// The repository and the commit as GitHub's workflows tell them; elsewhere nobody knows where a commit can be read.
fn published(variable: impl Fn(&str) -> Option<String>) -> String {
    let repository = variable("GITHUB_SERVER_URL")
        .zip(variable("GITHUB_REPOSITORY"))
        .map_or("null".to_owned(), |(server, name)| {
            format!("\"{server}/{name}\"")
        });
    let commit = variable("GITHUB_SHA").unwrap_or("main".to_owned());
    format!(
        "/** @type {{string | null}} */\nexport const repository = {repository};\nexport const commit = \"{commit}\";\n"
    )
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("could not read {}", path.display()))
}

/// All scripts of the page that are written by hand.
fn scripts(folder: &Path, found: &mut Vec<std::path::PathBuf>) -> Result<()> {
    let entries = fs::read_dir(folder)
        .with_context(|| format!("could not read the folder {}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() && name != "pkg" && name != "vendor" {
            scripts(&path, found)?;
        } else if name.ends_with(".js") {
            found.push(path);
        }
    }
    Ok(())
}

/// What in `text` names a Rust file, with its item if it names one.
fn links(text: &str) -> Vec<&str> {
    let is_path = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '_' | '.' | '-' | '#');
    text.match_indices(PREFIX)
        .map(|(start, _)| {
            let rest = &text[start..];
            let end = rest.find(|c| !is_path(c)).unwrap_or(rest.len());
            &rest[..end]
        })
        .filter(|link| link.ends_with(".rs") || link.contains(".rs#"))
        .collect()
}

/// The line, from 1, on which the item of `link` is declared; `None` for a whole file.
fn line_of(root: &Path, link: &str) -> Result<Option<usize>> {
    let (file, item) = match link.split_once('#') {
        Some((file, item)) => (file, Some(item)),
        None => (link, None),
    };
    let text = read(&root.join(file))?;
    let Some(item) = item else {
        return Ok(None);
    };
    let declares = |line: &str| {
        let words: Vec<&str> = line
            .split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
            .filter(|word| !word.is_empty())
            .collect();
        words.windows(2).any(|pair| {
            matches!(pair[0], "fn" | "struct" | "enum" | "trait" | "const") && pair[1] == item
        })
    };
    match text
        .lines()
        .position(|line| !line.trim_start().starts_with("//") && declares(line))
    {
        Some(index) => Ok(Some(index + 1)),
        None => bail!("{file} declares no `{item}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_found_in_attributes_and_strings() {
        let text = r#"<a data-source="crate/src/noise.rs">noise</a> sourceLink("crate/src/diffusion.rs#add_noise", "eq. 4") crate/src/web/ is a folder"#;
        let expected = ["crate/src/noise.rs", "crate/src/diffusion.rs#add_noise"];
        assert_eq!(links(text), expected);
    }

    #[test]
    fn an_item_is_found_where_it_is_declared_and_not_where_it_is_used() {
        let folder = tempfile::tempdir().expect("a folder");
        let source = "// fn step is below\nuse other::step;\npub struct Walk;\nimpl Walk {\n    pub fn step(&self) { self.stepping() }\n    fn stepping(&self) {}\n}\n";
        fs::write(folder.path().join("walk.rs"), source).expect("a file");
        let line = |link| line_of(folder.path(), link);
        assert_eq!(line("walk.rs#step").expect("an item"), Some(5));
        assert_eq!(line("walk.rs#Walk").expect("an item"), Some(3));
        assert_eq!(line("walk.rs").expect("a file"), None);
        assert!(line("walk.rs#steps").is_err());
        assert!(line("gone.rs").is_err());
    }

    #[test]
    fn a_workflow_names_the_commit_and_nobody_else_does() {
        let of_a_fork = |name: &str| match name {
            "GITHUB_SERVER_URL" => Some("https://github.com".to_owned()),
            "GITHUB_REPOSITORY" => Some("someone/walkback".to_owned()),
            "GITHUB_SHA" => Some("0123abc".to_owned()),
            _ => None,
        };
        let script = published(of_a_fork);
        assert!(script.contains("repository = \"https://github.com/someone/walkback\";"));
        assert!(script.contains("commit = \"0123abc\";"));
        let script = published(|_| None);
        assert!(script.contains("repository = null;") && script.contains("commit = \"main\";"));
    }

    #[test]
    fn every_link_of_the_page_leads_somewhere() {
        provide().expect("links that lead somewhere");
    }
}

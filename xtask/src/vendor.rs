//! `web/vendor/`: what the page needs and the repository does not hold: the libraries that it plots and unzips with, copied
//! from the npm packages, and the lines that its links into the source lead to.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::project::root;
use crate::{node, source_lines};

const VENDOR: &str = "web/vendor";

/// A text of a package, made what the page needs.
type Change = fn(String) -> String;

/// A library: where npm puts it; of each file its name there, its name here, and what is changed.
struct Library {
    package: &'static str,
    files: &'static [(&'static str, &'static str, Change)],
}

/// uPlot writes numbers in the browser's language, and throws where that is not one: WebKit says "C" in a system without
/// a locale. The page is in English.
const IN_ENGLISH: &str = r#"const navigator={language:"en"};"#;

const LIBRARIES: [Library; 2] = [
    Library {
        package: "node_modules/uplot",
        files: &[
            // The minified build is a script that names a global; a third of the size of the module that uPlot ships.
            ("dist/uPlot.iife.min.js", "uPlot.js", |script| {
                format!("{IN_ENGLISH}\n{script}\nexport default uPlot;\n")
            }),
            ("dist/uPlot.d.ts", "uPlot.d.ts", |types| {
                types
                    .replace("export = uPlot;", "export default uPlot;")
                    .replace("export as namespace uPlot;", "")
            }),
            ("dist/uPlot.min.css", "uPlot.css", unchanged),
            ("LICENSE", "uPlot-LICENSE", unchanged),
        ],
    },
    Library {
        package: "node_modules/fflate",
        files: &[
            ("esm/browser.js", "fflate.js", unchanged),
            ("esm/browser.d.ts", "fflate.d.ts", unchanged),
            ("LICENSE", "fflate-LICENSE", unchanged),
        ],
    },
];

fn unchanged(text: String) -> String {
    text
}

/// Fills `web/vendor/` unless it holds the installed versions already; installs the packages first if need be.
pub(crate) fn provide() -> Result<()> {
    source_lines::provide()?;
    node::install()?;
    LIBRARIES
        .iter()
        .try_for_each(|library| copy(library, root(), &root().join(VENDOR)))
}

/// Writes the files of a library that is installed below `root`.
fn copy(library: &Library, root: &Path, vendor: &Path) -> Result<()> {
    fs::create_dir_all(vendor).with_context(|| format!("could not create {}", vendor.display()))?;
    for (from, to, change) in library.files {
        let path = root.join(library.package).join(from);
        let text = fs::read_to_string(&path)
            .with_context(|| format!("could not read {}", path.display()))?;
        let text = change(text);
        let path = vendor.join(to);
        // Left alone where nothing changes, so that a browser need not fetch it again.
        if fs::read_to_string(&path).is_ok_and(|old| old == text) {
            continue;
        }
        fs::write(&path, text).with_context(|| format!("could not write {}", path.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_becomes_a_module_with_its_types() {
        let folder = tempfile::tempdir().expect("a folder");
        let [library, _] = &LIBRARIES;
        let package = folder.path().join(library.package);
        fs::create_dir_all(package.join("dist")).expect("a folder");
        for (name, text) in [
            ("dist/uPlot.iife.min.js", "var uPlot=1;"),
            (
                "dist/uPlot.d.ts",
                "declare class uPlot {}\nexport = uPlot;\nexport as namespace uPlot;\n",
            ),
            ("dist/uPlot.min.css", ".uplot{}"),
            ("LICENSE", "MIT"),
        ] {
            fs::write(package.join(name), text).expect("a file");
        }
        let vendor = folder.path().join("vendor");
        copy(library, folder.path(), &vendor).expect("a copy");
        let read = |name: &str| fs::read_to_string(vendor.join(name)).expect("a file");
        assert_eq!(
            read("uPlot.js"),
            format!("{IN_ENGLISH}\nvar uPlot=1;\nexport default uPlot;\n")
        );
        assert_eq!(
            read("uPlot.d.ts").trim(),
            "declare class uPlot {}\nexport default uPlot;"
        );
        assert_eq!(read("uPlot.css"), ".uplot{}");
        assert_eq!(read("uPlot-LICENSE"), "MIT");
    }

    #[test]
    fn a_package_that_is_not_there_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let [library, _] = &LIBRARIES;
        let reason = copy(library, folder.path(), &folder.path().join("vendor"))
            .expect_err("nothing to copy");
        assert!(reason.to_string().contains("uPlot.iife.min.js"), "{reason}");
    }
}

//! `web/vendor/`: what the page needs and the repository does not hold: the library that it plots with, copied from the npm
//! packages, and the lines that its links into the source lead to.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::project::root;
use crate::{node, source_lines};

/// Where npm puts the library, and where the page looks for it.
const PACKAGE: &str = "node_modules/uplot";
const VENDOR: &str = "web/vendor";

/// Fills `web/vendor/` unless it holds the installed version already; installs the packages first if need be.
pub(crate) fn provide() -> Result<()> {
    source_lines::provide()?;
    node::install()?;
    copy(&root().join(PACKAGE), &root().join(VENDOR))
}

/// Writes the library as an ES module with its types, its styles and its licence.
fn copy(package: &Path, vendor: &Path) -> Result<()> {
    let read = |name: &str| {
        let path = package.join(name);
        fs::read_to_string(&path).with_context(|| format!("could not read {}", path.display()))
    };
    fs::create_dir_all(vendor).with_context(|| format!("could not create {}", vendor.display()))?;
    // The minified build is a script that names a global; a third of the size of the module that uPlot ships.
    let script = read("dist/uPlot.iife.min.js")?;
    let types = read("dist/uPlot.d.ts")?
        .replace("export = uPlot;", "export default uPlot;")
        .replace("export as namespace uPlot;", "");
    for (name, text) in [
        ("uPlot.js", format!("{script}\nexport default uPlot;\n")),
        ("uPlot.d.ts", types),
        ("uPlot.css", read("dist/uPlot.min.css")?),
        ("uPlot-LICENSE", read("LICENSE")?),
    ] {
        let path = vendor.join(name);
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
    use crate::scratch::Scratch;

    #[test]
    fn the_script_becomes_a_module_with_its_types() {
        let folder = Scratch::new();
        let (package, vendor) = (folder.path().join("uplot"), folder.path().join("vendor"));
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
        copy(&package, &vendor).expect("a copy");
        let read = |name: &str| fs::read_to_string(vendor.join(name)).expect("a file");
        assert_eq!(read("uPlot.js"), "var uPlot=1;\nexport default uPlot;\n");
        assert_eq!(
            read("uPlot.d.ts").trim(),
            "declare class uPlot {}\nexport default uPlot;"
        );
        assert_eq!(read("uPlot.css"), ".uplot{}");
        assert_eq!(read("uPlot-LICENSE"), "MIT");
    }

    #[test]
    fn a_package_that_is_not_there_is_named() {
        let folder = Scratch::new();
        let reason = copy(&folder.path().join("uplot"), &folder.path().join("vendor"))
            .expect_err("nothing to copy");
        assert!(reason.to_string().contains("uPlot.iife.min.js"), "{reason}");
    }
}

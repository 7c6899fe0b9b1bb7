//! The driver that the tests of the GPU need on Linux: a real one, or Mesa's, which computes on the CPU.

use std::env;
use std::io;
use std::path::Path;

use anyhow::{Result, bail};

use crate::browser::{Installation, can_install};

/// Debian's packages of the driver that needs no GPU, and of what finds drivers.
const PACKAGES: &[&str] = &["mesa-vulkan-drivers", "libvulkan1"];
/// Where drivers are listed.
const LISTS: &[&str] = &["/usr/share/vulkan/icd.d", "/etc/vulkan/icd.d"];
/// The variables that name drivers instead.
const VARIABLES: &[&str] = &["VK_DRIVER_FILES", "VK_ICD_FILENAMES"];

/// Whether the tests have a driver here: on other systems the system brings one.
fn is_present() -> bool {
    let is_named = VARIABLES
        .iter()
        .any(|name| env::var_os(name).is_some_and(|files| !files.is_empty()));
    !cfg!(target_os = "linux") || is_named || LISTS.iter().any(|list| has_files(Path::new(list)))
}

fn has_files(list: &Path) -> bool {
    list.read_dir()
        .is_ok_and(|mut drivers| drivers.next().is_some())
}

/// Prints what [`ensure`] would install now.
pub(crate) fn announce_installation() -> Result<()> {
    if is_present() || !can_install() {
        return Ok(());
    }
    Installation::of("a Vulkan driver", PACKAGES).announce(&mut io::stdout())
}

/// Installs a driver where there is none, as root on Debian.
///
/// # Errors
/// There is none, and it cannot be installed.
pub(crate) fn ensure() -> Result<()> {
    if !is_present() && can_install() {
        Installation::of("a Vulkan driver", PACKAGES).run(&mut io::stdout())?;
    }
    if !is_present() {
        bail!(
            "no Vulkan driver was found: install one (Debian's is {}), or name one in {}",
            PACKAGES[0],
            VARIABLES[0]
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_without_drivers_lists_none() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!has_files(folder.path()));
        assert!(!has_files(&folder.path().join("missing")));
        std::fs::write(folder.path().join("lvp_icd.json"), "{}").unwrap();
        assert!(has_files(folder.path()));
    }
}

//! Where the project is, and its cargo.

use std::env;
use std::path::Path;
use std::process::Command;

/// The package that the page and the command line are built from.
pub(crate) const PACKAGE: &str = "walkback";

/// The root of the repository.
pub(crate) fn root() -> &'static Path {
    let member = Path::new(env!("CARGO_MANIFEST_DIR"));
    member.parent().unwrap_or(member)
}

/// The cargo that runs this program, in the root of the repository.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    // What cargo says of xtask to xtask. Build scripts of dependencies look at it, and would run again whenever cargo was
    // called by itself in between.
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargo_hears_nothing_of_the_package_that_called_it() {
        assert!(
            env::var_os("CARGO_PKG_NAME").is_some(),
            "cargo says it to tests too"
        );
        let command = cargo();
        let removed = |name: &str| {
            command
                .get_envs()
                .any(|(key, value)| key == name && value.is_none())
        };
        assert!(removed("CARGO_PKG_NAME") && removed("CARGO_MANIFEST_DIR"));
    }
}

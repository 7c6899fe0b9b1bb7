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
    command
}

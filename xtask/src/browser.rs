//! Finds the Chromium that the browser tests run in.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, bail};

use crate::command;

/// What Chromium and its relatives are called on `PATH`, in order of preference.
const NAMES: &[&str] = &[
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "msedge",
];

/// Where they are installed without being on `PATH`: a variable of the environment, and the path below it.
const PLACES: &[(&str, &str)] = &[
    ("", "/Applications/Chromium.app/Contents/MacOS/Chromium"),
    (
        "",
        "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    ),
    ("HOME", "Applications/Chromium.app/Contents/MacOS/Chromium"),
    (
        "HOME",
        "Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    ),
    ("ProgramFiles", r"Google\Chrome\Application\chrome.exe"),
    ("ProgramFiles(x86)", r"Google\Chrome\Application\chrome.exe"),
    ("LocalAppData", r"Google\Chrome\Application\chrome.exe"),
    ("LocalAppData", r"Chromium\Application\chrome.exe"),
    (
        "ProgramFiles(x86)",
        r"Microsoft\Edge\Application\msedge.exe",
    ),
];

/// The browser: `$CHROME`, else one in the usual places, else (on Debian, as root) a newly installed one.
pub(crate) fn find() -> Result<PathBuf> {
    if let Some(named) = env::var_os("CHROME").filter(|value| !value.is_empty()) {
        let path = PathBuf::from(&named);
        if path.is_file() {
            return Ok(path);
        }
        match named.to_str().and_then(|name| command::find(&[name])) {
            Some(path) => return Ok(path),
            None => bail!(
                "CHROME is set to {}, which is not a program",
                path.display()
            ),
        }
    }
    if let Some(path) = installed() {
        return Ok(path);
    }
    if is_debian() && is_root() {
        install()?;
        if let Some(path) = installed() {
            return Ok(path);
        }
    }
    bail!("no Chromium or Chrome was found: install one, or set CHROME to the path of one")
}

fn installed() -> Option<PathBuf> {
    command::find(NAMES).or_else(|| {
        PLACES
            .iter()
            .filter_map(|(variable, path)| match *variable {
                "" => Some(PathBuf::from(path)),
                _ => env::var_os(variable).map(|folder| PathBuf::from(folder).join(path)),
            })
            .find(|path| path.is_file())
    })
}

fn install() -> Result<()> {
    println!("    no browser found, installing Debian's chromium");
    let apt_get = || {
        let mut command = Command::new("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive");
        command
    };
    command::run(apt_get().args(["update", "-qq"]))?;
    command::run(apt_get().args([
        "install",
        "-y",
        "-qq",
        "--no-install-recommends",
        "chromium",
    ]))
}

fn is_debian() -> bool {
    fs::read_to_string("/etc/os-release").is_ok_and(|text| {
        text.lines()
            .any(|line| line.starts_with("ID") && line.contains("debian"))
    })
}

fn is_root() -> bool {
    command::capture(Command::new("id").arg("-u")).is_ok_and(|id| id == "0")
}

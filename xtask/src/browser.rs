//! Finds the browsers that the page is tested in: a Chromium, without which there are no browser tests, and a Firefox.

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

/// The same of Firefox.
const FIREFOX_NAMES: &[&str] = &["firefox", "firefox-esr"];
const FIREFOX_PLACES: &[(&str, &str)] = &[
    ("", "/Applications/Firefox.app/Contents/MacOS/firefox"),
    ("ProgramFiles", r"Mozilla Firefox\firefox.exe"),
];

/// The browser: `$CHROME`, else one in the usual places, else (on Debian, as root) a newly installed one.
pub(crate) fn find() -> Result<PathBuf> {
    let installed = || installed(NAMES, PLACES);
    if let Some(path) = named("CHROME")?.or_else(installed) {
        return Ok(path);
    }
    if can_install() {
        install("chromium")?;
        if let Some(path) = installed() {
            return Ok(path);
        }
    }
    bail!("no Chromium or Chrome was found: install one, or set CHROME to the path of one")
}

/// A Firefox, found or installed in the same way; the tests that want it are skipped where there is none.
pub(crate) fn find_firefox() -> Result<Option<PathBuf>> {
    let installed = || installed(FIREFOX_NAMES, FIREFOX_PLACES);
    if let Some(path) = named("FIREFOX")?.or_else(installed) {
        return Ok(Some(path));
    }
    // Not having it is no failure, so neither is not getting it.
    Ok((can_install() && install("firefox-esr").is_ok())
        .then(installed)
        .flatten())
}

/// The program that a variable of the environment names, if it is set.
fn named(variable: &str) -> Result<Option<PathBuf>> {
    let Some(named) = env::var_os(variable).filter(|value| !value.is_empty()) else {
        return Ok(None);
    };
    let path = PathBuf::from(&named);
    if path.is_file() {
        return Ok(Some(path));
    }
    match named.to_str().and_then(|name| command::find(&[name])) {
        Some(path) => Ok(Some(path)),
        None => bail!(
            "{variable} is set to {}, which is not a program",
            path.display()
        ),
    }
}

fn installed(names: &[&str], places: &[(&str, &str)]) -> Option<PathBuf> {
    command::find(names).or_else(|| {
        places
            .iter()
            .filter_map(|(variable, path)| match *variable {
                "" => Some(PathBuf::from(path)),
                _ => env::var_os(variable).map(|folder| PathBuf::from(folder).join(path)),
            })
            .find(|path| path.is_file())
    })
}

fn can_install() -> bool {
    is_debian() && is_root()
}

fn install(package: &str) -> Result<()> {
    println!("    no such browser found, installing Debian's {package}");
    let apt_get = || {
        let mut command = Command::new("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive");
        command
    };
    command::run(apt_get().args(["update", "-qq"]))?;
    command::run(apt_get().args(["install", "-y", "-qq", "--no-install-recommends", package]))
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

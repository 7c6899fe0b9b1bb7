//! Finds the browsers that the page is tested in, and installs missing ones where that is possible.

use std::env;
use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, bail};

use crate::command;

/// A browser, and how it is found.
#[derive(Debug)]
pub(crate) struct Browser {
    /// What it is called in a sentence.
    pub(crate) name: &'static str,
    /// The variable of the environment that names its program, for us and for the tests.
    pub(crate) variable: &'static str,
    /// Whether there are no browser tests without it; the tests of any other are skipped where it is missing.
    is_required: bool,
    /// The packages that bring it on Debian.
    packages: &'static [&'static str],
    /// What its program is called on `PATH`, in order of preference.
    programs: &'static [&'static str],
    /// Where it is installed without being on `PATH`: a variable of the environment, and the path below it.
    locations: &'static [(&'static str, &'static str)],
}

/// Chromium and its relatives.
pub(crate) const CHROMIUM: Browser = Browser {
    name: "Chromium",
    variable: "CHROME",
    is_required: true,
    packages: &["chromium"],
    programs: &[
        "chromium",
        "chromium-browser",
        "google-chrome",
        "google-chrome-stable",
        "chrome",
        "msedge",
    ],
    locations: &[
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
    ],
};

const FIREFOX: Browser = Browser {
    name: "Firefox",
    variable: "FIREFOX",
    is_required: false,
    packages: &["firefox-esr"],
    programs: &["firefox", "firefox-esr"],
    locations: &[
        ("", "/Applications/Firefox.app/Contents/MacOS/firefox"),
        ("ProgramFiles", r"Mozilla Firefox\firefox.exe"),
    ],
};

/// WebKitGTK, through the program that drives it; the display that it is shown on is Xvfb's.
const WEBKIT: Browser = Browser {
    name: "WebKit",
    variable: "WEBKIT",
    is_required: false,
    packages: &["webkit2gtk-driver", "xvfb"],
    programs: &["WebKitWebDriver"],
    locations: &[],
};

/// The browsers of `cargo xtask test`. A new one is a row here, and tests that read its variable.
pub(crate) const ALL: &[Browser] = &[CHROMIUM, FIREFOX, WEBKIT];

impl Browser {
    /// Its program: the one that its variable names, else one in the usual locations, else (on Debian, as root) a newly
    /// installed one. `None` if it is missing and not required.
    ///
    /// # Errors
    /// If its variable names no program, or a required browser is missing and cannot be installed.
    pub(crate) fn find(&self) -> Result<Option<PathBuf>> {
        if let Some(path) = self.present()? {
            return Ok(Some(path));
        }
        if can_install() {
            match self.installation().run(&mut io::stdout()) {
                Err(reason) if self.is_required => return Err(reason),
                Err(reason) => println!("    {} was not installed: {reason:#}", self.name),
                Ok(()) => {}
            }
            if let Some(path) = self.installed() {
                return Ok(Some(path));
            }
        }
        if self.is_required {
            bail!(
                "no {} was found: install one, or set {} to its path",
                self.name,
                self.variable
            );
        }
        Ok(None)
    }

    /// Its program, if it is here already.
    fn present(&self) -> Result<Option<PathBuf>> {
        Ok(named(self.variable)?.or_else(|| self.installed()))
    }

    fn installed(&self) -> Option<PathBuf> {
        command::find(self.programs).or_else(|| {
            self.locations
                .iter()
                .filter_map(|(variable, path)| match *variable {
                    "" => Some(PathBuf::from(path)),
                    _ => env::var_os(variable).map(|folder| PathBuf::from(folder).join(path)),
                })
                .find(|path| path.is_file())
        })
    }

    /// What installs it, for root on Debian.
    fn installation(&self) -> Installation {
        Installation::of(self.name, self.packages)
    }
}

/// Commands that change the system, and what they do in a sentence.
pub(crate) struct Installation {
    sentence: String,
    commands: Vec<Command>,
}

impl Installation {
    /// What installs Debian's `packages`, which bring `name`.
    pub(crate) fn of(name: &str, packages: &[&str]) -> Self {
        let apt_get = |arguments: &[&str]| {
            let mut command = Command::new("apt-get");
            command
                .env("DEBIAN_FRONTEND", "noninteractive")
                .args(arguments);
            command
        };
        let mut install = apt_get(&["install", "-y", "-qq", "--no-install-recommends"]);
        install.args(packages);
        Self {
            sentence: format!(
                "{name} was not found. As root, Debian's packages will be installed: {}",
                packages.join(", ")
            ),
            commands: vec![apt_get(&["update", "-qq"]), install],
        }
    }

    /// Prints the sentence and the command lines.
    pub(crate) fn announce(&self, out: &mut impl Write) -> Result<()> {
        writeln!(out, "    {}", self.sentence)?;
        for command in &self.commands {
            writeln!(out, "      {}", command::shown(command))?;
        }
        Ok(out.flush()?)
    }

    /// Runs the commands; all of them are printed before the first one starts.
    pub(crate) fn run(mut self, out: &mut impl Write) -> Result<()> {
        self.announce(out)?;
        self.commands.iter_mut().try_for_each(command::run)
    }
}

/// Prints what [`Browser::find`] would install now, so that one can stop it before anything else has run.
pub(crate) fn announce_installations() -> Result<()> {
    if !can_install() {
        return Ok(());
    }
    for browser in ALL {
        if browser.present()?.is_none() {
            browser.installation().announce(&mut io::stdout())?;
        }
    }
    Ok(())
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

pub(crate) fn can_install() -> bool {
    is_debian() && is_root()
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

#[cfg(test)]
mod tests {
    use super::*;

    /// What was printed by the time that a failing first command ended the installation.
    fn printed(installation: Installation) -> String {
        let mut out = Vec::new();
        installation
            .run(&mut out)
            .expect_err("the first command fails");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn an_installation_prints_every_command_before_it_runs_the_first() {
        let mut failing = Command::new("rustc");
        failing
            .arg("--no-such-option")
            .stderr(std::process::Stdio::null());
        let mut never_run = Command::new("no-such-program-anywhere");
        never_run.arg("as root");
        let said = printed(Installation {
            sentence: "Two programs will be installed:".to_owned(),
            commands: vec![failing, never_run],
        });
        assert_eq!(
            said,
            "    Two programs will be installed:\n      rustc --no-such-option\n      no-such-program-anywhere \"as root\"\n"
        );
    }

    #[test]
    fn each_browser_has_a_variable_of_its_own() {
        let mut variables: Vec<_> = ALL.iter().map(|browser| browser.variable).collect();
        variables.sort_unstable();
        variables.dedup();
        assert_eq!(variables.len(), ALL.len());
    }
}

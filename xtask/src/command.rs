//! Runs other programs and, when one fails, says which it was and how it ended.

use std::env;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// Runs `command` to its end with this program's own output streams. Fails unless it exits with 0.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command
        .stdin(Stdio::null())
        .status()
        .with_context(|| format!("could not start `{}`", shown(command)))?;
    if !status.success() {
        bail!("`{}` failed ({status})", shown(command));
    }
    Ok(())
}

/// Runs `command` like [`run`]. If it fails, the error repeats what was printed from the last line on that ends with `mark`,
/// without that line: what a long run says at its end is not lost above what follows it.
pub(crate) fn run_and_repeat(command: &mut Command, mark: &str) -> Result<()> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("could not start `{}`", shown(command)))?;
    let mut kept: Option<Vec<String>> = None;
    if let Some(output) = child.stdout.take() {
        for line in BufReader::new(output).split(b'\n') {
            let line = line.context("what it prints could not be read")?;
            let line = String::from_utf8_lossy(&line).into_owned();
            println!("{line}");
            if line.ends_with(mark) {
                kept = Some(Vec::new());
            } else if let Some(kept) = &mut kept {
                kept.push(line);
            }
        }
    }
    let status = child.wait().context("it could not be waited for")?;
    match kept {
        _ if status.success() => Ok(()),
        Some(kept) => bail!("{}\n{}", status, kept.join("\n").trim_end()),
        None => bail!("`{}` failed ({status})", shown(command)),
    }
}

/// Runs `command` to its end and returns what it printed, without the white space around it.
pub(crate) fn capture(command: &mut Command) -> Result<String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("could not start `{}`", shown(command)))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!(
            "`{}` failed ({}): {}",
            shown(command),
            output.status,
            said.trim()
        );
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The first of `names` that is an executable file in a folder of `PATH`.
pub(crate) fn find(names: &[&str]) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    let folders: Vec<PathBuf> = env::split_paths(&path).collect();
    names.iter().find_map(|name| {
        let file = format!("{name}{}", env::consts::EXE_SUFFIX);
        folders
            .iter()
            .map(|folder| folder.join(&file))
            .find(|candidate| candidate.is_file())
    })
}

/// The command line as a person would type it.
pub(crate) fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program());
    std::iter::once(program.file_name().unwrap_or(program.as_os_str()))
        .chain(command.get_args())
        .map(quoted)
        .collect::<Vec<_>>()
        .join(" ")
}

fn quoted(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    if word.is_empty() || word.contains(char::is_whitespace) {
        format!("\"{word}\"")
    } else {
        word.into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_names_the_command_line() {
        let error = run(Command::new("rustc")
            .arg("an argument with spaces")
            .stderr(Stdio::null()));
        let said = error.expect_err("rustc refuses it").to_string();
        assert!(
            said.starts_with("`rustc \"an argument with spaces\"` failed"),
            "{said}"
        );
    }

    #[test]
    fn a_failure_repeats_what_was_said_after_the_mark() {
        let script = "console.log('passed\\nfailing tests:\\none\\ntwo'); process.exitCode = 3";
        let error = run_and_repeat(Command::new("node").args(["-e", script]), "failing tests:");
        let said = error.expect_err("it exits with 3").to_string();
        assert!(said.ends_with("3\none\ntwo"), "{said}");
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let error = run(&mut Command::new("no-such-program-anywhere"));
        let said = error.expect_err("there is no such program").to_string();
        assert_eq!(said, "could not start `no-such-program-anywhere`");
    }

    #[test]
    fn output_comes_back_trimmed() {
        let said = capture(Command::new("rustc").arg("--version")).expect("rustc runs");
        assert!(
            said.starts_with("rustc ") && !said.ends_with('\n'),
            "{said:?}"
        );
    }

    #[test]
    fn programs_are_found_on_the_path() {
        assert!(find(&["no-such-program-anywhere"]).is_none());
        assert!(find(&["no-such-program-anywhere", "rustc"]).is_some());
    }
}

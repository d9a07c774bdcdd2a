//! `--runs`: the run is what differs for no known reason (where memory lies, how code is aligned), so each is a process.

use std::{
    env, fs,
    path::Path,
    process::{Command, Stdio},
};

use super::BenchArgs;
use crate::error::CliError;

/// Runs the command `runs` times, each writing a recording of its own.
pub fn run(args: &BenchArgs, runs: u32) -> Result<(), CliError> {
    let folder = args.recording.as_deref().unwrap_or_else(|| Path::new("."));
    let unwritable = |error: &dyn std::fmt::Display| {
        CliError::usage(
            &format!("cannot write into {}", folder.display()),
            &error.to_string(),
            "name a folder of yours",
        )
    };
    fs::create_dir_all(folder).map_err(|error| unwritable(&error))?;
    let own = env::current_exe().map_err(|error| CliError::input("cannot find this program", &error))?;
    let width = runs.to_string().len();
    for number in 1..=runs {
        let file = folder.join(format!("bench-{number:0width$}.hlog"));
        if file.exists() {
            return Err(CliError::usage(
                &format!("{} is there already", file.display()),
                "recordings are not overwritten",
                "name an empty folder",
            ));
        }
        eprintln!("exitpath: run {number} of {runs}");
        let status = Command::new(&own)
            .args(arguments(env::args_os().skip(1)))
            .arg("--recording")
            .arg(&file)
            .stdin(Stdio::null())
            .status()
            .map_err(|error| CliError::input("cannot start a run", &error))?;
        if !status.success() {
            let code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(crate::error::USAGE);
            return Err(CliError::told(code, &format!("run {number} of {runs} failed ({status})")));
        }
    }
    Ok(())
}

/// The options of one run: all but `--runs` and `-o`.
fn arguments(words: impl Iterator<Item = std::ffi::OsString>) -> Vec<std::ffi::OsString> {
    let mut kept = Vec::new();
    let mut skip = false;
    for word in words {
        if std::mem::take(&mut skip) {
            continue;
        }
        let text = word.to_string_lossy();
        if matches!(&*text, "--runs" | "-o" | "--recording") {
            skip = true;
        } else if !["--runs=", "--recording=", "-o"].iter().any(|option| text.starts_with(option)) {
            kept.push(word);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_told_all_but_the_runs() {
        let words =
            ["bench", "null", "--runs", "3", "-o", "d", "--calls", "7", "--runs=3", "-od", "--rounds=2"];
        let kept = arguments(words.iter().map(Into::into));
        assert_eq!(kept, ["bench", "null", "--calls", "7", "--rounds=2"]);
    }
}

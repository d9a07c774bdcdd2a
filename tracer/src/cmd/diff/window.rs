//! `RING@-2h..-1h`: a path, and which part of its time.

use std::path::{Path, PathBuf};

use super::files::is_pattern;
use crate::{
    cmd::{
        inputs::time::span,
        when::{When, parse_when},
    },
    error::CliError,
    ring::Window,
};

/// A path without its window, and the window; `None` where it has none. What exists under the whole name is that, and a
/// name that holds `@` itself is told by what exists before it.
pub fn split(argument: &Path, now: f64) -> Result<(PathBuf, Option<Window>), CliError> {
    let whole = || Ok((argument.to_owned(), None));
    let Some(text) = argument.to_str().filter(|_| !argument.exists()) else { return whole() };
    let parts = text.match_indices('@').map(|(at, _)| (Path::new(&text[..at]), &text[at + 1..]));
    let windowed = parts.filter(|(path, words)| words.contains("..") && (path.exists() || is_pattern(path)));
    let mut read = windowed.map(|(path, words)| Ok((path.to_owned(), Some(parse(text, words, now)?))));
    match read.next() {
        None => whole(),
        Some(Err(error)) => read.find(Result::is_ok).unwrap_or(Err(error)),
        Some(first) => first,
    }
}

/// `-2h..-1h`; without an end it goes to the end.
fn parse(text: &str, words: &str, now: f64) -> Result<Window, CliError> {
    let what = format!("cannot read {text}");
    let end = |word: &str| -> Result<Option<When>, CliError> {
        if word.is_empty() {
            return Ok(None);
        }
        parse_when(word).map(Some).map_err(|remedy| {
            let why = format!("{word:?} is no time");
            CliError::usage(&what, &why, &format!("{remedy}: RING@-2h..-1h, RING@-1h.."))
        })
    };
    let (from, to) = words.split_once("..").unwrap_or((words, ""));
    span(&what, end(from)?, end(to)?, now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_stands_behind_a_path_that_exists() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for name in ["ring", "ring@", "odd@-2h.."] {
            std::fs::create_dir(path(name)).unwrap();
        }
        let window = |from, to| Some(Window { from, to });
        for (typed, name, wanted) in [
            ("ring", "ring", None),
            ("ring@-2h..-1h", "ring", window(Some(2_800.0), Some(6_400.0))),
            ("ring@..-1h", "ring", window(None, Some(6_400.0))),
            ("ring@-1h..", "ring", window(Some(6_400.0), None)),
            ("ring@..", "ring", window(None, None)),
            ("ring@@17..@30", "ring", window(Some(17.0), Some(30.0))),
            ("ring@@-1h..", "ring@", window(Some(6_400.0), None)),
            ("odd@-2h..", "odd@-2h..", None),
            ("odd@-2h..@-1h..now", "odd@-2h..", window(Some(6_400.0), Some(10_000.0))),
            ("*@-1h..", "*", window(Some(6_400.0), None)),
            ("nothing@-1h..", "nothing@-1h..", None),
        ] {
            assert_eq!(split(&path(typed), 10_000.0), Ok((path(name), wanted)), "{typed}");
        }
        for (typed, why) in [
            ("ring@yesterday..", "is no time; write a time before now"),
            ("ring@-1h..-2h", "the span ends before it begins; swap its ends"),
        ] {
            let error = split(&path(typed), 10_000.0).unwrap_err().to_string();
            assert!(error.contains(why) && error.contains(typed), "{error}");
        }
    }
}

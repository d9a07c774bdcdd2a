//! The configuration file: TOML, whose keys are the options without their dashes.
//!
//! Each key is handed to the parser of the command line, so a key takes what its flag takes.

use std::{fs, ops::Range, path::Path};

use clap::{Args as _, Command, FromArgMatches as _};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::DaemonArgs;
use crate::error::CliError;

/// Options that the file itself cannot hold.
const NOT_HERE: [&str; 3] = ["config", "check-config", "help"];

/// Reads a file.
pub(super) fn read(path: &Path) -> Result<DaemonArgs, CliError> {
    let name = path.display().to_string();
    let text = fs::read_to_string(path).map_err(|error| {
        CliError::usage(&format!("cannot read {name}"), &error.to_string(), "give a file that can be read")
    })?;
    parse(&text).map_err(|(line, why)| {
        CliError::usage(
            &format!("cannot use {name}"),
            &format!("line {line}: {why}"),
            "mend it, and see --check-config",
        )
    })
}

/// The options in a text, or the line that is wrong and why.
fn parse(text: &str) -> Result<DaemonArgs, (usize, String)> {
    let line = |span: Range<usize>| text[..span.start.min(text.len())].matches('\n').count() + 1;
    let table = DeTable::parse(text).map_err(|error| {
        (line(error.span().unwrap_or_default()), error.message().lines().collect::<Vec<_>>().join(" "))
    })?;
    let command = DaemonArgs::augment_args(Command::new("config").no_binary_name(true));
    let known: Vec<&str> = command
        .get_arguments()
        .filter_map(clap::Arg::get_long)
        .filter(|long| !NOT_HERE.contains(long))
        .collect();
    let mut entries: Vec<_> = table.get_ref().iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    let mut words = Vec::new();
    for (key, value) in entries {
        let at = line(key.span());
        if !known.contains(&&**key.get_ref()) {
            return Err((at, unknown(key.get_ref(), &known)));
        }
        let word = format!("--{}={}", key.get_ref(), typed(value).map_err(|why| (at, why))?);
        command.clone().try_get_matches_from([&word]).map_err(|error| (at, one_line(&error)))?;
        words.push(word);
    }
    let matches = command.try_get_matches_from(words).map_err(|error| (1, one_line(&error)))?;
    DaemonArgs::from_arg_matches(&matches).map_err(|error| (1, one_line(&error)))
}

/// A value as it would be typed.
fn typed(value: &Spanned<DeValue>) -> Result<String, String> {
    Ok(match value.get_ref() {
        DeValue::String(text) => text.to_string(),
        DeValue::Integer(number) => number.to_string(),
        DeValue::Float(number) => number.to_string(),
        DeValue::Boolean(yes) => yes.to_string(),
        DeValue::Array(values) => values.iter().map(typed).collect::<Result<Vec<_>, _>>()?.join(","),
        DeValue::Datetime(_) | DeValue::Table(_) => {
            return Err("options are texts, numbers, true or false, and lists of these".to_owned());
        }
    })
}

fn unknown(key: &str, known: &[&str]) -> String {
    let nearest =
        known.iter().max_by(|a, b| strsim::jaro_winkler(key, a).total_cmp(&strsim::jaro_winkler(key, b)));
    let near = nearest.filter(|near| strsim::jaro_winkler(key, near) > 0.7);
    let hint = near.map_or_else(
        || "`exitpath daemon --help` lists all".to_owned(),
        |near| format!("did you mean `{near}`?"),
    );
    format!("there is no option `{}`; {hint}", key.escape_debug())
}

/// What clap says of a value, without its advice for the command line.
fn one_line(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let first = text.lines().next().unwrap_or_default();
    first.strip_prefix("error: ").unwrap_or(first).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_options() {
        let args = parse("interval = 5\nring = \"none\"\nlisten = [\"127.0.0.1:1\", \"[::1]:2\"]\nclassic-histograms = false\n\
                          abi = [\"i386\"]\nsyscalls = \"!%file\"\nmax-overhead = \"0.5%\"\ncounts-only = true # yes\n")
        .unwrap();
        assert_eq!(args.interval, Some(5.0));
        assert_eq!(args.listen.as_deref(), Some("127.0.0.1:1,[::1]:2"));
        assert_eq!((args.classic_histograms, args.counts_only), (Some(false), Some(true)));
        assert_eq!((args.max_overhead, args.abi.len()), (Some(0.005), 1));
        assert!(args.syscalls.is_some());
    }

    /// What is commented out is what may be written: all of it parses, and no option is left out.
    #[test]
    fn the_packaged_file_shows_every_option() {
        let file = include_str!("../../../../contrib/exitpath.toml");
        let options =
            file.lines().filter_map(|line| line.strip_prefix('#').filter(|rest| !rest.starts_with(' ')));
        let text = options.collect::<Vec<_>>().join("\n");
        parse(&text).unwrap();
        let command = DaemonArgs::augment_args(Command::new("config"));
        for long in command.get_arguments().filter_map(clap::Arg::get_long) {
            let shown = text.lines().any(|line| line.split(' ').next() == Some(long));
            assert_eq!(shown, !NOT_HERE.contains(&long), "{long}");
        }
        assert!(parse(file).is_ok_and(|args| args.interval.is_none()));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        for (text, line, says) in [
            ("\nringsize = 1", 2, "there is no option `ringsize`; did you mean `ring-size`?"),
            ("ring_size = 1", 1, "did you mean `ring-size`?"),
            ("config = \"x\"", 1, "there is no option `config`"),
            ("zzz = 1", 1, "`exitpath daemon --help` lists all"),
            ("interval = 10\n\ninterval = 11", 3, "duplicate key"),
            ("interval = \"soon\"", 1, "'soon'"),
            ("interval = 1979-05-27", 1, "options are texts"),
            ("[http]\nlisten = \"\"", 1, "there is no option `http`"),
            ("a = \n", 1, ""),
        ] {
            let (at, why) = parse(text).unwrap_err();
            assert!(at == line && why.contains(says), "{text:?}: line {at}: {why}");
            assert_eq!(why.lines().count().max(1), 1, "{why}");
        }
    }
}

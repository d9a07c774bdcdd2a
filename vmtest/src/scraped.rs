//! A daemon of exitpath, asked through its socket of the file system: a guest needs no network for it, and nobody a port.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

/// The body of an answer that is a success, as text.
pub fn get(socket: &Path, path: &str) -> Result<String> {
    String::from_utf8(get_as(socket, path, "*/*", Duration::from_secs(30))?).context("it is no text")
}

/// The body of an answer that is a success, in the format that `accept` prefers; no part of it may take longer than
/// `limit`.
pub fn get_as(socket: &Path, path: &str, accept: &str, limit: Duration) -> Result<Vec<u8>> {
    const END: &[u8] = b"\r\n\r\n";
    let mut stream = UnixStream::connect(socket).context("it does not listen")?;
    stream.set_read_timeout(Some(limit))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: test\r\nAccept: {accept}\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).context("it does not answer")?;
    let head = answer.windows(END.len()).position(|four| four == END).context("the answer has no head")?;
    let line = answer.split(|&byte| byte == b'\r').next().unwrap_or_default();
    ensure!(line.starts_with(b"HTTP/1.1 200"), "{path}: {}", String::from_utf8_lossy(line));
    answer.drain(..head + END.len());
    Ok(answer)
}

/// Values by name and labels, as a scraper has them.
#[derive(Clone, Debug, Default)]
pub struct Scrape(BTreeMap<String, f64>);

impl Scrape {
    /// Of an exposition in Prometheus's text format.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let values = lines.filter_map(|line| line.rsplit_once(' '));
        Self(values.filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?))).collect())
    }

    /// Asks for one.
    pub fn of(socket: &Path) -> Result<Self> {
        Ok(Self::parse(&get(socket, "/metrics")?))
    }

    /// All label sets of a metric that contain `with`, added up.
    #[must_use]
    pub fn sum(&self, name: &str, with: &str) -> f64 {
        let named = |full: &str| full.split('{').next() == Some(name) && full.contains(with);
        self.0.iter().filter(|(full, _)| named(full)).map(|(_, value)| value).sum()
    }

    /// The counters and buckets that are lower than they were, or gone.
    #[must_use]
    pub fn fallen<'a>(&self, before: &'a Self) -> Vec<&'a str> {
        let counts = |name: &str| {
            let name = name.split('{').next().unwrap_or_default();
            ["_total", "_bucket", "_count", "_sum"].iter().any(|end| name.ends_with(end))
        };
        let lower = |name: &str, value: f64| self.0.get(name).is_none_or(|&now| now < value);
        before
            .0
            .iter()
            .filter(|(name, value)| counts(name) && lower(name, **value))
            .map(|(name, _)| &**name)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Scrape;

    #[test]
    fn counters_are_added_up_and_may_not_fall() {
        let before =
            Scrape::parse("# HELP a_total x\na_total{b=\"1\"} 2\na_total{b=\"2\"} 3.5\na 7\na_totals 9\n");
        assert!(
            (before.sum("a_total", "") - 5.5).abs() < 1e-9
                && (before.sum("a_total", "\"2\"") - 3.5).abs() < 1e-9
        );
        let after = Scrape::parse("a_total{b=\"1\"} 3\na_total{b=\"2\"} 3\na 1\n");
        assert_eq!(after.fallen(&before), ["a_total{b=\"2\"}"]);
        assert_eq!(before.fallen(&after), ["a_total{b=\"1\"}"]);
    }
}

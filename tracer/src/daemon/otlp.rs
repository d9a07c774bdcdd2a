//! OTLP: the same metrics as for Prometheus, pushed to an OpenTelemetry collector. Off by default.

mod buckets;
mod message;
mod push;

use std::{
    net::{SocketAddr, ToSocketAddrs as _},
    time::Duration,
};

pub use message::request;
pub use push::{Counts, run};

/// Where and how often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Otlp {
    /// As it was typed.
    pub url: String,
    /// Host and port, for the request's head.
    pub authority: String,
    /// `/v1/metrics`, where nothing else was said.
    pub path: String,
    /// The collector, looked up once: later the files that a look-up needs are out of reach.
    pub address: SocketAddr,
    /// How often.
    pub interval: Duration,
}

impl Otlp {
    /// Reads a URL and looks its host up, or says what is wrong.
    pub fn new(url: &str, interval: Duration) -> Result<Self, String> {
        let rest = url
            .strip_prefix("http://")
            .ok_or("write http://HOST:PORT/PATH: for TLS, let a collector on this machine forward it")?;
        let (authority, path) = rest.split_once('/').map_or((rest, ""), |(host, path)| (host, path));
        let path = format!("/{}", if path.is_empty() { "v1/metrics" } else { path });
        let valid = path.bytes().chain(authority.bytes()).all(|byte| byte.is_ascii_graphic());
        let wrong = |why: String| format!("{authority:?} is no HOST:PORT that can be found ({why})");
        if !valid {
            return Err(wrong("odd characters".to_owned()));
        }
        let named = if authority.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok()) {
            authority.to_owned()
        } else {
            format!("{authority}:4318")
        };
        let mut found = named.to_socket_addrs().map_err(|error| wrong(error.to_string()))?;
        let address = found.next().ok_or_else(|| wrong("no address".to_owned()))?;
        Ok(Self { url: url.to_owned(), authority: authority.to_owned(), path, address, interval })
    }
}

#[cfg(test)]
mod tests {
    use super::Otlp;
    use std::time::Duration;

    #[test]
    fn urls_are_of_collectors() {
        let new = |url: &str| Otlp::new(url, Duration::from_mins(1));
        let one = new("http://127.0.0.1").unwrap();
        assert_eq!((one.address.port(), &*one.path), (4318, "/v1/metrics"));
        let one = new("http://[::1]:99/custom").unwrap();
        assert_eq!((one.address.port(), &*one.path, &*one.authority), (99, "/custom", "[::1]:99"));
        for url in [
            "",
            "https://127.0.0.1",
            "127.0.0.1:4318",
            "http://",
            "http://127.0.0.1:x",
            "http://127.0.0.1/a b",
        ] {
            assert!(new(url).is_err(), "{url}");
        }
    }
}

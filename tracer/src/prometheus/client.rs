//! The HTTP side: one query, one answer, within a time.

use std::{sync::Arc, time::Duration};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use ureq::{
    Agent, Error,
    tls::{Certificate, RootCerts, TlsConfig},
};

use super::answer::{Answer, AnswerError, Series};

/// An answer is read up to this size: a host's histograms of an hour are some MB.
const MOST_BYTES: u64 = 256 << 20;

/// How the server is reached.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// Its address, with the path it is served under, if any: `http://prometheus:9090`.
    pub url: String,
    /// What it wants to see: a bearer token, or `user:password`, which no token looks like (RFC 6750 section 2.1).
    pub token: Option<String>,
    /// For one query, from connecting to the last byte.
    pub timeout: Duration,
}

/// A server that is asked.
#[derive(Debug)]
pub struct Client {
    agent: Agent,
    access: Access,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// No connection, no name, no certificate that holds, too slow.
    #[error("{0}")]
    Unreachable(String),
    /// It wants to know who asks.
    #[error("it answers {0}: it wants a token that is good (--token-file), or does not let this one query")]
    Denied(u16),
    /// Not the status of an answer.
    #[error("it answers with status {0}: is this the address of a Prometheus server, with its path?")]
    Status(u16),
    /// An answer that is none.
    #[error(transparent)]
    Answer(#[from] AnswerError),
}

impl Client {
    /// Of a server; nothing is connected yet.
    #[must_use]
    pub fn new(access: Access) -> Self {
        let config = Agent::config_builder()
            .timeout_global(Some(access.timeout))
            .http_status_as_error(false)
            .max_redirects(2)
            .user_agent(concat!("exitpath/", env!("CARGO_PKG_VERSION")));
        let config = if access.url.starts_with("https:") { config.tls_config(tls()) } else { config };
        Self { agent: config.build().into(), access }
    }

    /// Its address.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.access.url
    }

    /// What holds at a time, in seconds since the epoch.
    pub fn at(&self, query: &str, at: f64) -> Result<Vec<Series>, ServerError> {
        self.ask("query", &[("query", query), ("time", &at.to_string())])
    }

    /// What holds at `first`, and every `step` seconds up to `last`.
    pub fn over(&self, query: &str, first: f64, last: f64, step: f64) -> Result<Vec<Series>, ServerError> {
        let [first, last, step] = [first, last, step].map(|number| number.to_string());
        self.ask("query_range", &[("query", query), ("start", &first), ("end", &last), ("step", &step)])
    }

    fn ask(&self, what: &str, form: &[(&str, &str)]) -> Result<Vec<Series>, ServerError> {
        let url = format!("{}/api/v1/{what}", self.access.url.trim_end_matches('/'));
        let mut request = self.agent.post(&url);
        if let Some(token) = &self.access.token {
            let shown = if token.contains(':') {
                format!("Basic {}", BASE64_STANDARD.encode(token))
            } else {
                format!("Bearer {token}")
            };
            request = request.header("Authorization", shown);
        }
        let mut answer = request.send_form(form.iter().copied()).map_err(|error| self.unreachable(&error))?;
        let status = answer.status().as_u16();
        if matches!(status, 401 | 403) {
            return Err(ServerError::Denied(status));
        }
        let body = answer.body_mut().with_config().limit(MOST_BYTES).read_to_vec();
        let body = body.map_err(|error| self.unreachable(&error))?;
        match Answer::parse(&body) {
            // A refusal has a status of its own, and says more than it.
            Err(AnswerError::Foreign(_)) if status != 200 => Err(ServerError::Status(status)),
            parsed => Ok(parsed?),
        }
    }

    fn unreachable(&self, error: &Error) -> ServerError {
        ServerError::Unreachable(match error {
            Error::Timeout(_) => format!("no answer within {} s", self.access.timeout.as_secs_f64()),
            Error::BodyExceedsLimit(_) => {
                "its answer is larger than 256 MiB: give a shorter --range".to_owned()
            }
            error => error.to_string(),
        })
    }
}

/// The system's own roots: a fleet's server often has a certificate of the house.
fn tls() -> TlsConfig {
    let found = rustls_native_certs::load_native_certs().certs;
    let roots: Vec<_> = found.iter().map(|one| Certificate::from_der(one).to_owned()).collect();
    TlsConfig::builder()
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .root_certs(RootCerts::new_with_certs(&roots))
        .build()
}

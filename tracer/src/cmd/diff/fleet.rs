//! Both sides from a Prometheus server.

use std::{fs, path::PathBuf, time::Duration};

use clap::Args;
use indicatif::ProgressBar;

use super::{Read, words};
use crate::{
    cmd::when::{When, parse_when},
    diff::Run,
    error::CliError,
    prometheus::{Access, Client, FleetError, Span, find, run},
};

/// Hosts instead of recordings.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Fleet")]
pub struct FleetArgs {
    /// Take both sides from this Prometheus server: each host is a run (docs/FLEET.md)
    #[arg(long, value_name = "URL", conflicts_with_all = ["base", "new"], requires = "base_hosts")]
    pub prometheus: Option<String>,
    /// The base's hosts, by labels of `exitpath_kernel_info`: 'job="web", release="6.1.0"'
    #[arg(long = "base", value_name = "SELECTOR", requires = "prometheus")]
    pub base_hosts: Option<String>,
    /// The new side's hosts
    #[arg(long = "new", value_name = "SELECTOR", requires = "prometheus")]
    pub new_hosts: Option<String>,
    /// How much time is compared
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = words::span, requires = "prometheus")]
    pub range: f64,
    /// When it ends: -1d, 2026-11-25T08:49:05Z
    #[arg(long, value_name = "WHEN", default_value = "now", value_parser = parse_when, allow_hyphen_values = true, requires = "prometheus")]
    pub at: When,
    /// When it ends for the base, if not at --at: before and after on the same hosts
    #[arg(long, value_name = "WHEN", value_parser = parse_when, allow_hyphen_values = true, requires = "prometheus")]
    pub base_at: Option<When>,
    /// The label whose values are the hosts
    #[arg(long, value_name = "LABEL", default_value = "instance", value_parser = words::label, requires = "prometheus")]
    pub host_label: String,
    /// Show the server what is in this file: a bearer token, or user:password
    #[arg(long, value_name = "FILE", requires = "prometheus")]
    pub token_file: Option<PathBuf>,
    /// Time for the answer to one query
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = words::span, requires = "prometheus")]
    pub timeout: f64,
}

impl FleetArgs {
    /// Both sides; the new one is empty where it is not asked for.
    pub fn read(&self, url: &str, bar: &ProgressBar, now: f64) -> Result<(Read, Read), CliError> {
        let access = Access {
            url: address(url)?,
            token: self.token()?,
            timeout: Duration::from_secs_f64(self.timeout),
        };
        let client = Client::new(access);
        let side = |selector: &Option<String>, at: When| -> Result<Read, CliError> {
            let Some(selector) = selector else { return Ok((String::new(), Vec::new())) };
            // The server keeps times in ms.
            let span = Span { end: (at.seconds(now) * 1e3).round() / 1e3, length: self.range };
            let runs = self.side(&client, selector, span, bar);
            let what = format!("cannot compare hosts of {}", client.url());
            Ok((selector.clone(), runs.map_err(|error| CliError::input(&what, &error))?))
        };
        Ok((side(&self.base_hosts, self.base_at.unwrap_or(self.at))?, side(&self.new_hosts, self.at)?))
    }

    fn side(
        &self,
        client: &Client,
        selector: &str,
        span: Span,
        bar: &ProgressBar,
    ) -> Result<Vec<Run>, FleetError> {
        let hosts = find(client, selector, &self.host_label, span)?;
        bar.set_message("asking the server");
        bar.set_length(bar.position() + hosts.len() as u64);
        let asked = hosts.iter().map(|host| {
            bar.inc(1);
            run(client, host, span)
        });
        asked.collect()
    }

    fn token(&self) -> Result<Option<String>, CliError> {
        let Some(file) = &self.token_file else { return Ok(None) };
        let what = format!("cannot use the token in {}", file.display());
        let remedy = "give a file that holds a token, or user:password, and nothing else";
        let text =
            fs::read_to_string(file).map_err(|error| CliError::usage(&what, &error.to_string(), remedy))?;
        let token = text.trim();
        if token.is_empty() || token.contains(|c: char| !c.is_ascii_graphic()) {
            return Err(CliError::usage(&what, "it is empty, or no single word", remedy));
        }
        Ok(Some(token.to_owned()))
    }
}

fn address(url: &str) -> Result<String, CliError> {
    let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
    if let Some(host) = rest.and_then(|rest| rest.split('/').next()).filter(|host| !host.is_empty()) {
        if host.contains('@') {
            let why = "a password in an address is in every output";
            return Err(CliError::usage(
                "cannot use this address",
                why,
                "write user:password into a file, and give it with --token-file",
            ));
        }
        return Ok(url.to_owned());
    }
    let remedy = "write its address, as in --prometheus http://prometheus:9090";
    Err(CliError::usage(&format!("cannot reach {url}"), "that is no address of a server", remedy))
}

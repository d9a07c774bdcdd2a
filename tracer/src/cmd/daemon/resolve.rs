//! From what was typed to what holds.

use std::{fs, path::Path, time::Duration};

use super::{DaemonArgs, addresses, values::Schema};
use crate::{
    cmd::filters::FilterArgs,
    daemon::{
        exposition::Histograms,
        http::{check_tls, digest},
        options::{Http, Options, Tracing},
        otlp::Otlp,
        totals::Bounds,
    },
    error::CliError,
    histogram::Precision,
    ring::Limits,
};

const RING: &str = "/var/lib/exitpath";
const LISTEN: &str = "127.0.0.1:9469";
const NONE: &str = "none";

impl DaemonArgs {
    /// These, and what they leave open from others.
    pub(super) fn or(self, other: Self) -> Self {
        let either = |mine: Vec<_>, theirs| if mine.is_empty() { theirs } else { mine };
        Self {
            config: self.config.or(other.config),
            check_config: self.check_config,
            interval: self.interval.or(other.interval),
            max_overhead: self.max_overhead.or(other.max_overhead),
            ring: self.ring.or(other.ring),
            ring_size: self.ring_size.or(other.ring_size),
            segment_time: self.segment_time.or(other.segment_time),
            listen: self.listen.or(other.listen),
            unix_socket: self.unix_socket.or(other.unix_socket),
            token_file: self.token_file.or(other.token_file),
            tls_certificate: self.tls_certificate.or(other.tls_certificate),
            tls_key: self.tls_key.or(other.tls_key),
            max_connections: self.max_connections.or(other.max_connections),
            request_time: self.request_time.or(other.request_time),
            native_histograms: self.native_histograms.or(other.native_histograms),
            classic_histograms: self.classic_histograms.or(other.classic_histograms),
            max_labels: self.max_labels.or(other.max_labels),
            otlp_endpoint: self.otlp_endpoint.or(other.otlp_endpoint),
            otlp_interval: self.otlp_interval.or(other.otlp_interval),
            syscalls: self.syscalls.or(other.syscalls),
            abi: either(self.abi, other.abi),
            comm: self.comm.or(other.comm),
            uid: self.uid.or(other.uid),
            cgroup: self.cgroup.or(other.cgroup),
            counts_only: self.counts_only.or(other.counts_only),
            sample: self.sample.or(other.sample),
            precision: self.precision.or(other.precision),
            max_series: self.max_series.or(other.max_series),
            plan: self.plan.or(other.plan),
            keep_privileges: self.keep_privileges.or(other.keep_privileges),
        }
    }

    /// Fills in defaults, and checks what can be checked without attaching.
    pub(super) fn resolve(self) -> Result<Options, CliError> {
        let total = self.ring_size.unwrap_or(512 << 20);
        let labels = self.max_labels.unwrap_or(500) as usize;
        let ring = self.ring.unwrap_or_else(|| RING.into());
        let files = [&self.config, &self.token_file, &self.tls_certificate, &self.tls_key];
        let files = files.into_iter().flatten().cloned().collect();
        let tls = match (self.tls_certificate, self.tls_key) {
            (Some(chain), Some(key)) => {
                check_tls(&chain, &key).map_err(|error| CliError::input("cannot begin", &error))?;
                Some((chain, key))
            }
            (None, None) => None,
            _ => {
                let why = "one of --tls-certificate and --tls-key is missing";
                return Err(CliError::usage("cannot serve TLS", why, "give both, or none"));
            }
        };
        let tracing = Tracing {
            filters: FilterArgs {
                syscalls: self.syscalls.into_iter().collect(),
                abi: self.abi,
                comm: self.comm,
                uid: self.uid,
                cgroup: self.cgroup,
                ..FilterArgs::default()
            },
            counts_only: self.counts_only.unwrap_or(false),
            sample: self.sample.unwrap_or(1),
            turnaround: true,
            precision: self.precision.and_then(Precision::from_digits),
            max_series: self.max_series,
            plan: self.plan,
        };
        let often = Duration::from_secs_f64(self.otlp_interval.unwrap_or(60.0));
        let otlp = self.otlp_endpoint.as_deref().map(|url| {
            let wrong = |why: String| {
                CliError::usage(&format!("cannot push to {url}"), &why, "give another --otlp-endpoint")
            };
            Otlp::new(url, often).map_err(wrong)
        });
        tracing.filters.resolve(None, tracing.counts_only, tracing.sample)?;
        Ok(Options {
            interval: Duration::from_secs_f64(self.interval.unwrap_or(10.0)),
            ring: (ring.as_os_str() != NONE).then_some(ring),
            limits: Limits {
                total,
                segment_bytes: total / 8,
                segment_time: Duration::from_secs_f64(self.segment_time.unwrap_or(3600.0)),
            },
            histograms: Histograms {
                native: self.native_histograms.unwrap_or(Schema(Some(5))).0,
                classic: self.classic_histograms.unwrap_or(true),
            },
            bounds: Bounds { series: labels, errors: labels },
            max_overhead: self.max_overhead,
            otlp: otlp.transpose()?,
            http: Http {
                listen: addresses(self.listen.as_deref().unwrap_or(LISTEN))?,
                socket: self.unix_socket,
                token: self.token_file.as_deref().map(token).transpose()?,
                tls,
                connections: usize::from(self.max_connections.unwrap_or(64)),
                request_time: Duration::from_secs_f64(self.request_time.unwrap_or(10.0)),
            },
            tracing,
            files,
            keep_privileges: self.keep_privileges.unwrap_or(false),
        })
    }
}

/// The digest of the token in a file.
fn token(path: &Path) -> Result<[u8; 32], CliError> {
    let what = format!("cannot read the token in {}", path.display());
    let text = fs::read_to_string(path)
        .map_err(|error| CliError::usage(&what, &error.to_string(), "give a file that can be read"))?;
    let text = text.trim();
    if text.len() < 16 || text.contains(char::is_whitespace) {
        let remedy = "write one of 16 characters or more: `openssl rand -hex 32`";
        return Err(CliError::usage(&what, "it is too short, or more than one word", remedy));
    }
    Ok(digest(text))
}

/// What holds, for people.
pub(super) fn describe(options: &Options) -> String {
    let Options {
        interval,
        ring,
        limits,
        histograms,
        bounds,
        max_overhead,
        http,
        otlp,
        tracing,
        files: _,
        keep_privileges,
    } = options;
    let none = || "none".to_owned();
    let pushed = otlp
        .as_ref()
        .map_or_else(none, |otlp| format!("{} every {} s", otlp.url, otlp.interval.as_secs_f64()));
    let mut places: Vec<_> = http.listen.iter().map(ToString::to_string).collect();
    places.extend(http.socket.iter().map(|path| format!("unix:{}", path.display())));
    let places = if places.is_empty() { none() } else { places.join(" ") };
    let guarded = match (http.tls.is_some(), http.token.is_some()) {
        (true, true) => ", TLS, token",
        (true, false) => ", TLS",
        (false, true) => ", token",
        (false, false) => "",
    };
    let classic = if histograms.classic { "classic" } else { "not classic" };
    let native = histograms
        .native
        .map_or_else(|| "not native".to_owned(), |schema| format!("native of schema {schema}"));
    let filters =
        if tracing.filters.describe().is_empty() { none() } else { tracing.filters.describe().join(" ") };
    let overhead = max_overhead.map_or_else(none, |share| format!("{}%", share * 100.0));
    let privileges =
        if *keep_privileges || max_overhead.is_some() { "kept" } else { "given up once it traces" };
    let (kept, length) = (limits.total >> 20, limits.segment_time.as_secs_f64());
    let ring = ring
        .as_ref()
        .map_or_else(none, |path| format!("{}, {kept} MiB, a segment {length} s", path.display()));
    format!(
        "the configuration is good\n\
         interval: {} s\nring: {ring}\nserving: {places}{guarded}\nhistograms: {native}, {classic}\n\
         labels: {} at most\nfilters: {filters}\nsample: 1 in {}\noverhead: at most {overhead}\n\
         privileges: {privileges}\npushed to: {pushed}\n",
        interval.as_secs_f64(),
        bounds.series,
        tracing.sample
    )
}

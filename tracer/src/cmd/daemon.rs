//! `exitpath daemon`: its options, which are flags, environment variables and keys of a file alike.

mod config;
mod confinement;
mod resolve;
mod values;

use std::{fs::File, net::SocketAddr, path::PathBuf};

use clap::Args;
use tracer_common::Abi;

use super::{
    privileges::keeper,
    signals::ready_descriptor,
    start::{Request, start},
    syscalls::parse_abi,
};
use crate::{
    daemon::{
        core::{Core, say},
        options::{Options, Tracing},
        service::{Attached, Control, service},
    },
    error::{CANNOT_TRACE, CliError},
    kernel::Facts,
    metadata::Metadata,
    privileges::{Capability, has},
    recorder::Recorder,
    ring::{Lock, LockError, Ring},
    settings::Settings,
    syscalls::Expr,
};
use values::{Schema, parse_bytes, parse_interval, parse_share, parse_span};

/// Trace for months: keep the recent past in a ring of recordings, and serve metrics, profiles and a live page
///
/// Every option is also an environment variable, and a key of the --config file (TOML) without its dashes in front. A
/// flag beats the environment, which beats the file. SIGHUP reads the file again; SIGTERM ends and exits with 0.
#[derive(Args, Clone, Debug, Default)]
pub struct DaemonArgs {
    /// Read options from this file
    #[arg(long, env = "EXITPATH_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Check options, file, certificate and token, print what holds, and end
    #[arg(long)]
    check_config: bool,
    /// Read the maps this often, at most once a minute [default: 10s]
    #[arg(long, env = "EXITPATH_INTERVAL", value_name = "TIME", value_parser = parse_interval)]
    interval: Option<f64>,
    /// The most that tracing may cost, of all CPU time; above it less is measured. Keeps the rights
    /// to attach. No bound by default
    #[arg(long, env = "EXITPATH_MAX_OVERHEAD", value_name = "PERCENT", value_parser = parse_share)]
    max_overhead: Option<f64>,

    /// The folder of the ring, or `none` [default: /var/lib/exitpath]
    #[arg(long, env = "EXITPATH_RING", value_name = "DIR", help_heading = "Ring")]
    ring: Option<PathBuf>,
    /// Delete the oldest segments above this size [default: 512MiB]
    #[arg(long, env = "EXITPATH_RING_SIZE", value_name = "BYTES", value_parser = parse_bytes, help_heading = "Ring")]
    ring_size: Option<u64>,
    /// Begin a new segment this often, and whenever an eighth of the ring is full [default: 1h]
    #[arg(long, env = "EXITPATH_SEGMENT_TIME", value_name = "TIME", value_parser = parse_span, help_heading = "Ring")]
    segment_time: Option<f64>,

    /// Serve at these addresses, or `none` [default: 127.0.0.1:9469]
    #[arg(long, env = "EXITPATH_LISTEN", value_name = "ADDRESS[,ADDRESS]", help_heading = "Serving")]
    listen: Option<String>,
    /// Serve at this socket of the file system, too
    #[arg(long, env = "EXITPATH_UNIX_SOCKET", value_name = "PATH", help_heading = "Serving")]
    unix_socket: Option<PathBuf>,
    /// Answer only clients that show the token in this file: as a bearer token, or as the password of any user
    #[arg(long, env = "EXITPATH_TOKEN_FILE", value_name = "FILE", help_heading = "Serving")]
    token_file: Option<PathBuf>,
    /// Serve TLS with this certificate chain (PEM)
    #[arg(long, env = "EXITPATH_TLS_CERTIFICATE", value_name = "FILE", help_heading = "Serving")]
    tls_certificate: Option<PathBuf>,
    /// And this key (PEM)
    #[arg(long, env = "EXITPATH_TLS_KEY", value_name = "FILE", help_heading = "Serving")]
    tls_key: Option<PathBuf>,
    /// Connections at once; more are closed [default: 64]
    #[arg(long, env = "EXITPATH_MAX_CONNECTIONS", value_name = "N", value_parser = clap::value_parser!(u16).range(1..=4096), help_heading = "Serving")]
    max_connections: Option<u16>,
    /// Time for a request and its answer; half of it for the request's head [default: 10s]
    #[arg(long, env = "EXITPATH_REQUEST_TIME", value_name = "TIME", value_parser = parse_span, help_heading = "Serving")]
    request_time: Option<f64>,

    /// Schema of native histograms, 0 to 6, or `none`: 5 has 32 buckets an octave [default: 5]
    #[arg(long, env = "EXITPATH_NATIVE_HISTOGRAMS", value_name = "SCHEMA", help_heading = "Metrics")]
    native_histograms: Option<Schema>,
    /// Classic histograms, of 15 buckets [default: true]
    #[arg(long, env = "EXITPATH_CLASSIC_HISTOGRAMS", value_name = "BOOL", help_heading = "Metrics")]
    classic_histograms: Option<bool>,
    /// Name at most so many series; what is beyond is counted as `other` [default: 500]
    #[arg(long, env = "EXITPATH_MAX_LABELS", value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000), help_heading = "Metrics")]
    max_labels: Option<u32>,

    /// Push metrics to this OpenTelemetry collector, too: OTLP over HTTP, `/v1/metrics` by default
    #[arg(long, env = "EXITPATH_OTLP_ENDPOINT", value_name = "URL", help_heading = "Metrics")]
    otlp_endpoint: Option<String>,
    /// Push this often [default: 60s]
    #[arg(long, env = "EXITPATH_OTLP_INTERVAL", value_name = "TIME", value_parser = parse_span, help_heading = "Metrics")]
    otlp_interval: Option<f64>,

    /// Only these calls: names, numbers, classes such as %file, /regex/; `!` in front takes them out
    #[arg(
        long,
        env = "EXITPATH_SYSCALLS",
        value_name = "EXPR",
        allow_hyphen_values = true,
        help_heading = "Filters"
    )]
    syscalls: Option<Expr>,
    /// Only calls of these ABIs: `x86_64`, x32, i386
    #[arg(long, env = "EXITPATH_ABI", value_name = "ABI[,ABI]", value_delimiter = ',', value_parser = parse_abi, help_heading = "Filters")]
    abi: Vec<Abi>,
    /// Only processes with this name (the kernel keeps 15 bytes of it)
    #[arg(long, env = "EXITPATH_COMM", value_name = "NAME", help_heading = "Filters")]
    comm: Option<String>,
    /// Only processes of this user (name or number)
    #[arg(long, env = "EXITPATH_UID", value_name = "USER", help_heading = "Filters")]
    uid: Option<String>,
    /// Only processes in this control group (v2) and below it
    #[arg(long, env = "EXITPATH_CGROUP", value_name = "PATH", help_heading = "Filters")]
    cgroup: Option<PathBuf>,

    /// Count only: no latencies, at a third of the cost [default: false]
    #[arg(long, env = "EXITPATH_COUNTS_ONLY", value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", help_heading = "Cost")]
    counts_only: Option<bool>,
    /// Count all calls, time one in N, chosen at random [default: 1]
    #[arg(long, env = "EXITPATH_SAMPLE", value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000), help_heading = "Cost")]
    sample: Option<u32>,
    /// Significant digits of the histograms, 1 or 2 [default: 2, or where memory is short 1]
    #[arg(long, env = "EXITPATH_PRECISION", value_name = "DIGITS", value_parser = clap::value_parser!(u8).range(1..=2), help_heading = "Cost")]
    precision: Option<u8>,
    /// Series kept on each CPU [default: 220, or as many as fit]
    #[arg(long, env = "EXITPATH_MAX_SERIES", value_name = "N", value_parser = clap::value_parser!(u32).range(1..=18_000), help_heading = "Cost")]
    max_series: Option<u32>,
    /// This plan instead of the best one (`exitpath plan --explain`)
    #[arg(long, env = "EXITPATH_PLAN", value_name = "NAME", help_heading = "Cost")]
    plan: Option<String>,

    /// Keep the rights that are not needed any more once everything is attached [default: false]
    #[arg(long, env = "EXITPATH_KEEP_PRIVILEGES", value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", help_heading = "Privileges")]
    keep_privileges: Option<bool>,
}

/// Runs it until it is told to end.
pub fn run(args: &DaemonArgs) -> Result<(), CliError> {
    let options = args.options()?;
    if args.check_config {
        print!("{}", resolve::describe(&options));
        return Ok(());
    }
    let ready: Option<File> = ready_descriptor();
    let lock = options.ring.as_deref().map(Lock::take).transpose().map_err(|error| match error {
        LockError::Held { .. } => CliError::told(CANNOT_TRACE, &error),
        LockError::Io { .. } => CliError::input("cannot begin", &error),
    })?;
    let ring = options.ring.as_deref().map(|folder| Ring::open(folder, options.limits)).transpose();
    let ring = ring.map_err(|error| {
        CliError::usage("cannot read the ring", &error.to_string(), "give another --ring, or --ring none")
    })?;
    // Forked while this process has one thread, and holds no program.
    let keeper = if options.keep_privileges { None } else { keeper() };
    if options.max_overhead.is_some() && !has(Capability::CAP_SYS_ADMIN) {
        say(
            "--max-overhead: what the programs cost cannot be measured without CAP_SYS_ADMIN, so that the governor knows \
             the daemon's own CPU time only; docs/SECURITY.md says how to give it",
        );
    }
    let facts = Facts::gather();
    let (mut recorder, metadata) = attach(&facts, &options.tracing)?;
    let needs = recorder.needs();
    let kept = options.keep_privileges || needs.is_none();
    if !kept {
        recorder.measure_through(keeper.clone());
    }
    let attaches = kept || confinement::attaches(&options).is_some();
    let confined = options.clone();
    let core = Core::new(Box::new(recorder), metadata, options, ring);
    let again = args.clone();
    let control = Control {
        options: Box::new(move || again.options().map_err(|error| error.to_string())),
        attach: attaches.then(|| {
            let attach = move |tracing: &Tracing| {
                let attached = attach(&Facts::gather(), tracing).map_err(|error| error.to_string())?;
                let (mut recorder, metadata) = attached;
                if !kept {
                    recorder.measure_through(keeper.clone());
                }
                Ok(Attached { source: Box::new(recorder), metadata })
            };
            Box::new(attach) as Box<_>
        }),
        confine: Box::new(move || {
            if confined.keep_privileges {
                return Ok("all privileges kept, as asked".to_owned());
            }
            confinement::confine(needs.as_deref(), &confined)
        }),
    };
    drop(facts);
    let ended = service(core, control, ready);
    drop(lock);
    ended
}

fn attach(facts: &Facts, tracing: &Tracing) -> Result<(Recorder, Metadata), CliError> {
    let Tracing { filters, counts_only, sample, turnaround, precision, max_series, plan } = tracing;
    let settings = Settings {
        sample: *sample,
        counts_only: *counts_only,
        turnaround: *turnaround,
        ..filters.resolve(None, *counts_only, *sample)?
    };
    let request = Request {
        settings,
        precision: *precision,
        max_series: *max_series,
        plan: plan.as_deref(),
        follow: false,
        filters: filters.describe(),
        command: &[],
    };
    let (recorder, mut metadata) = start(facts, request)?;
    if !turnaround {
        metadata.plan.blind_spots.push("turnaround was not measured, to keep --max-overhead".to_owned());
    }
    Ok((recorder, metadata))
}

/// Addresses as they are typed.
fn addresses(text: &str) -> Result<Vec<SocketAddr>, CliError> {
    let words = text.split(',').map(str::trim).filter(|word| *word != "none");
    let parsed = words.map(|word| {
        word.parse().map_err(|_| {
            CliError::usage(
                &format!("cannot listen at {word}"),
                "that is no address with a port",
                "write --listen 127.0.0.1:9469, or [::1]:9469",
            )
        })
    });
    parsed.collect()
}

impl DaemonArgs {
    /// Flags and environment before the file, and the file before defaults.
    fn options(&self) -> Result<Options, CliError> {
        let file = self.config.as_deref().map(config::read).transpose()?;
        self.clone().or(file.unwrap_or_default()).resolve()
    }
}

//! A tracer with a plan of probes, told to look at the process that tries it.

use std::collections::BTreeMap;
use std::fs;
use std::process::{Child, Command};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::ready;

const REPORT: &str = "/tmp/probe-proof.json";
const LIMIT: Duration = Duration::from_mins(5);

/// How it is started.
#[derive(Debug, clap::Args)]
pub struct Tracer {
    /// The tracer
    #[arg(long = "tracer", default_value = "/bin/exitpath")]
    program: String,
    /// The plan
    #[arg(long, default_value = "handlers")]
    plan: String,
    /// What the tracer's `-e` is: a call is two probes
    #[arg(long, default_value = "ppoll,getppid,iopl,tkill,rt_sigreturn")]
    pub select: String,
}

impl Tracer {
    /// Starts it with further words; gives it and the time until it is attached.
    pub fn start(&self, more: &[&str]) -> Result<(Child, Duration)> {
        let own = std::process::id().to_string();
        let words =
            ["record", "--plan", &self.plan, "-p", &own, "-e", &self.select, "--format", "json", "--output"];
        ready::start(Command::new(&self.program).args(words).arg(REPORT).args(more))?.attached(LIMIT)
    }
}

/// Ends it as Ctrl-C does, and reads what it says.
pub fn stop(mut tracer: Child) -> Result<Seen> {
    // SAFETY: our own child.
    unsafe { libc::kill(tracer.id() as i32, libc::SIGINT) };
    let status = tracer.wait()?;
    ensure!(status.success(), "the tracer ended with {status}");
    Seen::parse(&fs::read_to_string(REPORT).context("no report")?)
}

/// The probes that are defined, one a line.
pub fn events() -> Result<String> {
    fs::read_to_string("/sys/kernel/tracing/kprobe_events").context("no kprobe_events")
}

/// What the tracer says.
#[derive(Debug)]
pub struct Seen {
    /// Returns by call and path, as `getppid sysret`.
    values: BTreeMap<String, u64>,
    /// The kernel's frame.
    pub frame: String,
    /// What is lost, by kind, zeros left out.
    pub losses: BTreeMap<String, u64>,
    /// What kept calls off the fast path, zeros left out.
    pub diversions: BTreeMap<String, u64>,
}

impl Seen {
    fn parse(text: &str) -> Result<Self> {
        let json: serde_json::Value = serde_json::from_str(text)?;
        let mut values = BTreeMap::new();
        for series in json["series"].as_array().context("no series")? {
            let word = |key: &str| series[key].as_str().unwrap_or("?");
            let returns = series["returns"].as_u64().unwrap_or(0);
            values.insert(format!("{} {}", word("syscall"), word("path")), returns);
        }
        let frame = json["kernel"]["frame"].as_str().unwrap_or("?").to_owned();
        let counts = |key: &str| -> BTreeMap<String, u64> {
            let all = json[key].as_object().into_iter().flatten();
            let counts = all.filter_map(|(name, count)| Some((name.clone(), count.as_u64()?)));
            counts.filter(|&(_, count)| count > 0).collect()
        };
        ensure!(json["loss"].is_object(), "no losses");
        Ok(Self { values, frame, losses: counts("loss"), diversions: counts("diversions") })
    }

    /// Returns of a call by some paths.
    #[must_use]
    pub fn of<const N: usize>(&self, call: &str, paths: [&str; N]) -> [u64; N] {
        paths.map(|path| self.values.get(&format!("{call} {path}")).copied().unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::Seen;

    #[test]
    fn a_report_is_counts_by_call_and_path() {
        let seen = Seen::parse(
            r#"{"kernel":{"frame":"partial"},"series":[{"syscall":"kill","path":"iret","returns":3}],
            "loss":{"no-start":0,"probe-missed":2},"diversions":{"audit":0,"late":1}}"#,
        )
        .expect("a report");
        assert_eq!(seen.of("kill", ["iret", "sysret"]), [3, 0]);
        assert_eq!(seen.frame, "partial");
        assert_eq!(seen.losses, [("probe-missed".to_owned(), 2)].into());
        assert_eq!(seen.diversions, [("late".to_owned(), 1)].into());
        assert!(Seen::parse(r#"{"series":[]}"#).is_err(), "a report without losses hides them");
    }
}

//! Which hosts a side is, and what each says of its kernel.

use std::collections::BTreeMap;

use super::{
    answer::Series,
    client::{Client, ServerError},
    queries::Matchers,
};
use crate::metadata::{KernelInfo, Metadata, PlanInfo, Run};

/// Which time, in seconds since the epoch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Span {
    /// Its end.
    pub end: f64,
    /// How long it is.
    pub length: f64,
}

/// A host of a side.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Host {
    /// The value of the label that tells hosts apart.
    pub name: String,
    /// The labels that all series of its daemon have: name and value.
    pub labels: Vec<(String, String)>,
    /// Its kernel and plan.
    pub kernel: Kernel,
    /// Fidelities it claimed during the span.
    pub fidelities: Vec<String>,
    /// How often it was scraped during the span.
    pub scrapes: f64,
}

/// What `exitpath_kernel_info` says that does not change while a daemon runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kernel {
    /// `uname -r`.
    pub release: String,
    /// `partial` or `full`.
    pub frame: String,
    /// Where the exit instruction is chosen: `asm` or `c`.
    pub decision: String,
    /// The plan's name.
    pub plan: String,
}

impl Kernel {
    /// From a series of `exitpath_kernel_info`.
    #[must_use]
    pub fn of(labels: &BTreeMap<String, String>) -> Self {
        let label = |name: &str| labels.get(name).cloned().unwrap_or_default();
        Self {
            release: label("release"),
            frame: label("frame"),
            decision: label("decision"),
            plan: label("plan"),
        }
    }
}

/// Why a side is none.
#[derive(Debug, thiserror::Error)]
pub enum FleetError {
    /// The server.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// It has no daemon's metrics at all in this time.
    #[error(
        "the server has no exitpath_kernel_info in this time: let it scrape the daemons (docs/FLEET.md), or give another --at or --range"
    )]
    NoDaemon,
    /// No host matches.
    #[error(
        "no host matches {selector} in this time: the selector is about hosts, by the labels of exitpath_kernel_info (job, instance, release, frame, ...); calls are chosen with --only"
    )]
    NoHost {
        /// As it was typed.
        selector: String,
    },
    /// A host is what is counted.
    #[error(
        "{selector} matches only one host, {host}: hosts are the replicates, so choose more, or compare recordings of that host"
    )]
    OneHost {
        /// As it was typed.
        selector: String,
        /// Which.
        host: String,
    },
    /// Two kernels of one host cannot be told apart in its histograms.
    #[error(
        "{host} ran {first} and {second} in this time, and both match: say which in the selector (release=\"...\"), or give another --at or --range"
    )]
    TwoKernels {
        /// Which.
        host: String,
        /// Release and plan.
        first: String,
        /// The other ones.
        second: String,
    },
    /// Classic histograms only, or none.
    #[error(
        "{host} has no native histogram of exitpath_syscall_duration_seconds in this time: start Prometheus with --enable-feature=native-histograms (from 3.8 on: scrape_native_histograms: true), and the daemon without --native-histograms none or --counts-only"
    )]
    NoNative {
        /// Which.
        host: String,
    },
}

/// The hosts that match a selector, by name.
pub fn find(client: &Client, selector: &str, label: &str, span: Span) -> Result<Vec<Host>, FleetError> {
    let count = |matchers: &Matchers| {
        let query = format!("count_over_time({})", matchers.over("exitpath_kernel_info", span.length));
        client.at(&query, span.end)
    };
    let found = count(&Matchers::typed(selector))?;
    if found.is_empty() {
        return Err(if count(&Matchers::typed(""))?.is_empty() {
            FleetError::NoDaemon
        } else {
            FleetError::NoHost { selector: selector.to_owned() }
        });
    }
    let hosts = gather(&found, label)?;
    match &*hosts {
        [one] => Err(FleetError::OneHost { selector: selector.to_owned(), host: one.name.clone() }),
        _ => Ok(hosts),
    }
}

fn gather(found: &[Series], label: &str) -> Result<Vec<Host>, FleetError> {
    let mut hosts: BTreeMap<Vec<(String, String)>, Host> = BTreeMap::new();
    for Series { labels, values, .. } in found {
        let identity =
            [label, "job"].map(|name| (name.to_owned(), labels.get(name).cloned().unwrap_or_default()));
        let identity = identity.to_vec();
        let name = identity[0].1.clone();
        let kernel = Kernel::of(labels);
        let fresh = || Host { name, labels: identity.clone(), kernel: kernel.clone(), ..Host::default() };
        let host = hosts.entry(identity.clone()).or_insert_with(fresh);
        if host.kernel != kernel {
            let [first, second] =
                [&host.kernel, &kernel].map(|one| format!("{} ({})", one.release, one.plan));
            return Err(FleetError::TwoKernels { host: host.name.clone(), first, second });
        }
        host.fidelities.extend(labels.get("fidelity").cloned());
        host.scrapes += values.first().map_or(0.0, |value| value.1);
    }
    Ok(hosts.into_values().collect())
}

impl Host {
    /// The best fidelity it claimed: that of its plan. Losses and traced tasks may have made it less for a while.
    #[must_use]
    pub fn fidelity(&self) -> &str {
        let all = ["exact", "amended", "bounds"];
        all.into_iter().find(|one| self.fidelities.iter().any(|claimed| claimed == one)).unwrap_or_default()
    }

    /// All its series.
    #[must_use]
    pub fn matchers(&self) -> Matchers {
        let labels: Vec<_> = self.labels.iter().map(|(name, value)| (&**name, &**value)).collect();
        Matchers::equal(&labels)
    }

    /// The head that a recording of it would have, as far as Prometheus knows.
    #[must_use]
    pub fn metadata(&self, tool: String, sample: u32, span: Span) -> Metadata {
        let Kernel { release, frame, decision, plan } = self.kernel.clone();
        let id = self.labels.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>();
        Metadata {
            tool,
            kernel: KernelInfo { release, frame, decision, ..KernelInfo::default() },
            plan: PlanInfo { name: plan, fidelity: self.fidelity().to_owned(), ..PlanInfo::default() },
            precision: 2,
            started_at: span.end - span.length,
            sample,
            // The same host in the same time is the same run.
            run: Some(Run {
                id: format!("{} until {}", id.join(","), span.end),
                number: 1,
                order: 1,
                ..Run::default()
            }),
            ..Metadata::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(instance: &str, release: &str, fidelity: &str) -> Series {
        let labels = [
            ("instance", instance),
            ("job", "exitpath"),
            ("release", release),
            ("fidelity", fidelity),
            ("plan", "tracepoints"),
        ];
        let labels = labels.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Series { labels: labels.into(), values: vec![(0.0, 30.0)], ..Series::default() }
    }

    #[test]
    fn a_host_may_claim_less_for_a_while_but_not_run_two_kernels() {
        let all =
            [info("b:1", "6.1", "amended"), info("a:1", "6.1", "amended"), info("a:1", "6.1", "bounds")];
        let hosts = gather(&all, "instance").unwrap();
        let names: Vec<_> = hosts.iter().map(|host| (&*host.name, host.scrapes, host.fidelity())).collect();
        assert_eq!(names, [("a:1", 60.0, "amended"), ("b:1", 30.0, "amended")]);
        let error = gather(&[info("a:1", "6.1", "amended"), info("a:1", "6.12", "amended")], "instance");
        assert!(
            error.unwrap_err().to_string().starts_with("a:1 ran 6.1 (tracepoints) and 6.12 (tracepoints)")
        );
    }

    #[test]
    fn a_host_may_have_another_label_and_other_addresses() {
        let all = ["10.0.0.1:9469", "10.0.0.2:9469"].map(|address| {
            let mut one = info(address, "6.1", "exact");
            one.labels.insert("node".to_owned(), "web-1".to_owned());
            one
        });
        let hosts = gather(&all, "node").unwrap();
        assert_eq!((hosts.len(), &*hosts[0].name), (1, "web-1"));
        let matchers = hosts[0].matchers().over("x", 1.0);
        assert_eq!(matchers, r#"x{node="web-1",job="exitpath"}[1000ms]"#);
    }
}

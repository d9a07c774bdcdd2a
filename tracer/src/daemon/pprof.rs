//! The profile format of pprof (`profile.proto`), so that its scrapers can collect system calls.
//!
//! A sample's stack is comm / syscall / path, the path being the leaf; its values are returns and ns of service time. The
//! kernel's maps do not know whose calls they count, so the comm is [`HOST`], the whole machine.

#![expect(missing_docs, reason = "fields are named and documented by profile.proto")]

use std::{
    collections::BTreeMap,
    io::{self, Write as _},
};

use flate2::{Compression, write::GzEncoder};
use prost::Message;

use super::totals::{Labels, Totals};
use crate::metadata::Metadata;

/// What stands for the comm.
pub const HOST: &str = "[host]";

#[derive(Clone, PartialEq, Message)]
pub struct Profile {
    #[prost(message, repeated, tag = "1")]
    pub sample_type: Vec<ValueType>,
    #[prost(message, repeated, tag = "2")]
    pub sample: Vec<Sample>,
    #[prost(message, repeated, tag = "4")]
    pub location: Vec<Location>,
    #[prost(message, repeated, tag = "5")]
    pub function: Vec<Function>,
    #[prost(string, repeated, tag = "6")]
    pub string_table: Vec<String>,
    #[prost(int64, tag = "9")]
    pub time_nanos: i64,
    #[prost(int64, tag = "10")]
    pub duration_nanos: i64,
    #[prost(message, optional, tag = "11")]
    pub period_type: Option<ValueType>,
    #[prost(int64, tag = "12")]
    pub period: i64,
    #[prost(int64, repeated, tag = "13")]
    pub comment: Vec<i64>,
}

#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub struct ValueType {
    #[prost(int64, tag = "1")]
    pub r#type: i64,
    #[prost(int64, tag = "2")]
    pub unit: i64,
}

#[derive(Clone, PartialEq, Message)]
pub struct Sample {
    #[prost(uint64, repeated, tag = "1")]
    pub location_id: Vec<u64>,
    #[prost(int64, repeated, tag = "2")]
    pub value: Vec<i64>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Location {
    #[prost(uint64, tag = "1")]
    pub id: u64,
    #[prost(message, repeated, tag = "4")]
    pub line: Vec<Line>,
}

#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub struct Line {
    #[prost(uint64, tag = "1")]
    pub function_id: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub struct Function {
    #[prost(uint64, tag = "1")]
    pub id: u64,
    #[prost(int64, tag = "2")]
    pub name: i64,
    #[prost(int64, tag = "3")]
    pub system_name: i64,
}

/// Returns and ns by series.
pub type Sums = BTreeMap<Labels, (u64, u64)>;

/// The sums since the start.
#[must_use]
pub fn sums(totals: &Totals) -> Sums {
    totals.series.iter().map(|(labels, one)| (labels.clone(), (one.returns, one.latency.sum))).collect()
}

/// What was added since `before`.
#[must_use]
pub fn since(mut now: Sums, before: &Sums) -> Sums {
    for (labels, (returns, ns)) in &mut now {
        let (then, then_ns) = before.get(labels).copied().unwrap_or_default();
        (*returns, *ns) = (returns.saturating_sub(then), ns.saturating_sub(then_ns));
    }
    now.retain(|_, (returns, _)| *returns > 0);
    now
}

/// What made a profile, and of how many calls it knows the time.
#[must_use]
pub fn comment(metadata: &Metadata) -> String {
    let tool = &metadata.tool;
    match (metadata.counts_only, metadata.sample) {
        (true, _) => format!("{tool}; counts only: no call was timed"),
        (false, 0 | 1) => tool.clone(),
        (false, sample) => {
            format!("{tool}; sampled: 1 call in {sample} was timed, and its time counts for {sample}")
        }
    }
}

/// The profile of sums that end `duration_ns` after `start_ns` (since the epoch).
#[must_use]
pub fn profile(sums: &Sums, start_ns: i64, duration_ns: i64, comment: &str) -> Profile {
    let mut names = Names::default();
    names.string("");
    let calls = ValueType { r#type: names.string("calls"), unit: names.string("count") };
    let time = ValueType { r#type: names.string("time"), unit: names.string("nanoseconds") };
    let host = names.location(HOST);
    let mut sample = Vec::new();
    for (labels, &(returns, ns)) in sums {
        let call = match labels.abi {
            tracer_common::Abi::X86_64 => names.location(&labels.syscall),
            other => names.location(&format!("{} ({})", labels.syscall, other.name())),
        };
        let path = names.location(labels.path.name());
        sample.push(Sample { location_id: vec![path, call, host], value: vec![returns as i64, ns as i64] });
    }
    let comment = vec![names.string(comment)];
    let Names { strings, functions, .. } = names;
    Profile {
        sample_type: vec![calls, time],
        sample,
        location: functions
            .iter()
            .map(|one| Location { id: one.id, line: vec![Line { function_id: one.id }] })
            .collect(),
        function: functions,
        string_table: strings,
        time_nanos: start_ns,
        duration_nanos: duration_ns,
        period_type: Some(time),
        period: 1,
        comment,
    }
}

/// As it goes over the wire: gzip, as the format demands.
///
/// # Errors
///
/// None in practice: it writes to memory.
pub fn encode(profile: &Profile) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(&profile.encode_to_vec())?;
    encoder.finish()
}

/// Strings, and one function and location a name.
#[derive(Default)]
struct Names {
    strings: Vec<String>,
    index: BTreeMap<String, i64>,
    functions: Vec<Function>,
    locations: BTreeMap<i64, u64>,
}

impl Names {
    fn string(&mut self, text: &str) -> i64 {
        if let Some(&at) = self.index.get(text) {
            return at;
        }
        let at = self.strings.len() as i64;
        self.strings.push(text.to_owned());
        self.index.insert(text.to_owned(), at);
        at
    }

    fn location(&mut self, name: &str) -> u64 {
        let name = self.string(name);
        let next = self.functions.len() as u64 + 1;
        let id = *self.locations.entry(name).or_insert(next);
        if id == next {
            self.functions.push(Function { id, name, system_name: name });
        }
        id
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{daemon::totals::Bounds, report::fixture};

    #[test]
    fn stacks_are_host_syscall_path_and_values_add_up() {
        let mut totals = Totals::new(Bounds { series: 500, errors: 500 });
        totals.add(&fixture::snapshot(), 1);
        let before = sums(&totals);
        totals.add(&fixture::snapshot(), 1);
        let gained = since(sums(&totals), &before);
        let profile = profile(&gained, 5, 7, "exitpath");
        let text = |at: i64| &*profile.string_table[at as usize];
        let name = |location: u64| {
            let function = profile.function.iter().find(|one| one.id == location).unwrap();
            text(function.name)
        };
        assert_eq!(text(0), "");
        let all: i64 = profile.sample.iter().map(|one| one.value[0]).sum();
        assert_eq!(all as u64, fixture::snapshot().returns());
        let stacks: Vec<Vec<_>> =
            profile.sample.iter().map(|one| one.location_id.iter().map(|&id| name(id)).collect()).collect();
        assert!(stacks.contains(&vec!["iret", "getppid (i386)", HOST]), "{stacks:?}");
        let kinds: Vec<_> =
            profile.sample_type.iter().map(|one| (text(one.r#type), text(one.unit))).collect();
        assert_eq!(kinds, [("calls", "count"), ("time", "nanoseconds")]);
        assert!(encode(&profile).unwrap().starts_with(&[0x1f, 0x8b]));
        let said = |sample, counts_only| {
            comment(&Metadata { tool: "exitpath 1".to_owned(), sample, counts_only, ..Metadata::default() })
        };
        assert_eq!(
            (&*said(1, false), &*said(1, true)),
            ("exitpath 1", "exitpath 1; counts only: no call was timed")
        );
        assert!(said(16, false).ends_with("sampled: 1 call in 16 was timed, and its time counts for 16"));
    }
}

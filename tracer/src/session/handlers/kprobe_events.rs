//! Probes by way of tracefs's `kprobe_events`: the only way before 4.17, and the only one that takes a `maxactive`.
//!
//! Our group's name carries our process number, so that whoever comes after a killed exitpath knows what to take
//! away, and what not.

use std::{
    collections::BTreeSet,
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use super::probe::Probe;

const PREFIX: &str = "exitpath_";
/// Where tracefs may be mounted.
const PLACES: [&str; 2] = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"];
/// Lines handed over at once: one write is split at lines, and fails as a whole.
const BATCH: usize = 64;

/// tracefs, if it is mounted where it belongs and has `kprobe_events`.
#[must_use]
pub fn tracefs() -> Option<PathBuf> {
    PLACES.iter().map(PathBuf::from).find(|place| place.join("kprobe_events").exists())
}

/// The number of an event of the kernel's own.
pub fn event_id(event: &str) -> io::Result<u64> {
    let place = tracefs().ok_or(io::ErrorKind::NotFound)?;
    read_id(&place.join("events").join(event))
}

/// Our group of probes; taken away when dropped.
#[derive(Debug)]
pub struct Group {
    place: PathBuf,
    name: String,
    defined: Vec<Probe>,
}

impl Group {
    /// An empty group of this process, after dead ones were taken away.
    pub fn new() -> io::Result<Self> {
        let place = tracefs().ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::NotFound,
                "tracefs is not mounted, or the kernel has no kprobe_events: mount -t tracefs tracefs \
                 /sys/kernel/tracing",
            )
        })?;
        clean(&place);
        Ok(Self { place, name: format!("{PREFIX}{}", std::process::id()), defined: Vec::new() })
    }

    /// Defines probes; gives those that the kernel refused, with its reason.
    pub fn define(&mut self, probes: &[Probe]) -> io::Result<Vec<(Probe, io::Error)>> {
        let mut file = open(&self.place)?;
        let mut refused = Vec::new();
        for probe in probes {
            match self.define_one(&mut file, probe) {
                Ok(()) => self.defined.push(probe.clone()),
                Err(error) => refused.push((probe.clone(), error)),
            }
        }
        Ok(refused)
    }

    fn define_one(&self, file: &mut File, probe: &Probe) -> io::Result<()> {
        let mut outcome = Ok(());
        for wording in probe.wordings() {
            outcome = file.write_all(probe.definition(&self.name, wording).as_bytes());
            if outcome.is_ok() {
                break;
            }
        }
        outcome
    }

    /// The number that `perf_event_open` takes.
    pub fn id(&self, probe: &Probe) -> io::Result<u64> {
        read_id(&self.folder(probe))
    }

    /// The number of an event of the kernel's own.
    pub fn event_id(&self, event: &str) -> io::Result<u64> {
        read_id(&self.place.join("events").join(event))
    }

    /// The layout of an event of the kernel's own.
    pub fn event_format(&self, event: &str) -> io::Result<String> {
        fs::read_to_string(self.place.join("events").join(event).join("format"))
    }

    /// Hits that found no room, over all our probes.
    #[must_use]
    pub fn missed(&self) -> u64 {
        let profile = fs::read_to_string(self.place.join("kprobe_profile")).unwrap_or_default();
        let names: BTreeSet<String> = self.defined.iter().map(Probe::event).collect();
        missed(&profile, &names)
    }

    /// Takes all probes away again; whoever holds one open must have let go.
    pub fn remove(&mut self) {
        self.defined.clear();
        let Ok(text) = fs::read_to_string(self.place.join("kprobe_events")) else { return };
        take_away(&self.place, &events(&text, |group| group == self.name));
    }

    fn folder(&self, probe: &Probe) -> PathBuf {
        self.place.join("events").join(&self.name).join(probe.event())
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.remove();
    }
}

/// Never truncates: that would take everybody's probes away.
fn open(place: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).open(place.join("kprobe_events"))
}

fn read_id(folder: &Path) -> io::Result<u64> {
    let text = fs::read_to_string(folder.join("id"))?;
    text.trim().parse().map_err(io::Error::other)
}

/// Takes away what exitpaths left that are no more.
fn clean(place: &Path) {
    let Ok(text) = fs::read_to_string(place.join("kprobe_events")) else { return };
    take_away(place, &events(&text, |group| owner(group).is_some_and(|pid| !is_exitpath(pid))));
}

fn take_away(place: &Path, events: &[String]) {
    let Ok(mut file) = open(place) else { return };
    for batch in events.chunks(BATCH) {
        let lines: Vec<String> = batch.iter().map(|event| format!("-:{event}")).collect();
        let text = lines.join("\n") + "\n";
        if file.write_all(text.as_bytes()).is_err() {
            // One that is in use stops the whole batch.
            for event in batch {
                let _ = file.write_all(format!("-:{event}\n").as_bytes());
            }
        }
    }
}

/// The process whose group this is.
fn owner(group: &str) -> Option<u32> {
    group.strip_prefix(PREFIX)?.parse().ok()
}

/// Whether a process with this number lives and is an exitpath: numbers are used again.
fn is_exitpath(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|comm| comm.trim_end() == "exitpath")
        || pid == std::process::id()
}

/// `group/event` of the lines of `kprobe_events` whose group is wanted.
fn events(text: &str, wanted: impl Fn(&str) -> bool) -> Vec<String> {
    let name = |line: &str| -> Option<String> {
        let (_, rest) = line.split_whitespace().next()?.split_once(':')?;
        let (group, _) = rest.split_once('/')?;
        wanted(group).then(|| rest.to_owned())
    };
    text.lines().filter_map(name).collect()
}

/// The sum of the last column of `kprobe_profile` over some events.
fn missed(profile: &str, names: &BTreeSet<String>) -> u64 {
    let one = |line: &str| -> Option<u64> {
        let mut fields = line.split_whitespace();
        let name = fields.next()?;
        if !names.contains(name) {
            return None;
        }
        fields.next_back()?.parse().ok()
    };
    profile.lines().filter_map(one).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "p:kprobes/mine sys_open\nr4096:exitpath_77/r_sys_poll sys_poll\n\
        p:exitpath_77/p_sys_poll sys_poll\np:exitpath_78/p_sys_read sys_read\np:exitpath_x/y sys_write\n";

    #[test]
    fn only_the_wanted_group_is_taken_away() {
        let wanted = events(TEXT, |group| owner(group) == Some(77));
        assert_eq!(wanted, ["exitpath_77/r_sys_poll", "exitpath_77/p_sys_poll"]);
        assert_eq!(owner("exitpath_x"), None);
        assert_eq!(owner("kprobes"), None);
    }

    #[test]
    fn a_process_that_is_no_exitpath_owns_nothing() {
        assert!(!is_exitpath(1) && !is_exitpath(u32::MAX));
        assert!(is_exitpath(std::process::id()));
    }

    #[test]
    fn missed_hits_of_our_events_are_added_up() {
        let profile = "  r_sys_poll   100   3\n  p_sys_poll  100 2\n  other 5 50\n";
        let names = ["r_sys_poll", "p_sys_poll"].map(str::to_owned).into();
        assert_eq!(missed(profile, &names), 5);
    }
}

//! Loads the old object, defines the probes, attaches; detaches by being dropped.

use std::{
    io,
    os::fd::{AsFd as _, OwnedFd},
};

use aya::{
    Ebpf, EbpfLoader,
    maps::{Array, MapError},
    programs::Program as Loaded,
};
use tracer_common::{
    admission::Admission,
    old_maps::{SLOTS, TURNAROUNDS},
};

use super::{
    attach::{self, Attachment},
    config,
    kprobe_events::Group,
    look,
    names::Target,
    perf, targets,
};
use crate::{
    kernel::{Facts, probe::chain},
    plan::{Plan, Role},
    session::{MapLayout, SessionError, classify, raise_memlock},
    settings::{Settings, Tasks},
};

/// The eBPF object for kernels from 4.9 on.
static OBJECT: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/exitpath-old.bpf.o"));

const FORK: &str = "sched/sched_process_fork";
const ABORT: &str = "rseq/rseq_ip_fixup";

/// Loaded and attached programs.
pub struct Session {
    /// Closed before the probes they hold are taken away.
    events: Vec<OwnedFd>,
    group: Group,
    ebpf: Ebpf,
    plan: Plan,
    targets: Vec<Target>,
    divert: bool,
    /// Rows of each CPU and possible CPUs.
    pub layout: MapLayout,
}

impl Session {
    /// Loads everything; nothing runs yet.
    pub fn load(plan: Plan, facts: &Facts, settings: &Settings) -> Result<Self, SessionError> {
        if OBJECT.is_empty() {
            return Err(SessionError::Stub);
        }
        raise_memlock();
        raise_files();
        let mut config = config::new(&plan, facts, settings)?;
        let mut group = Group::new().map_err(|error| other("kprobe_events", &error))?;
        let layout = MapLayout {
            cpus: facts.possible_cpus,
            rows: settings.max_series,
            precision: settings.precision,
            work: false,
        };
        let ebpf = EbpfLoader::new()
            .btf(None)
            .map_max_entries("COUNTERS", layout.cpus)
            .map_max_entries("SLOTS", layout.cpus * SLOTS as u32)
            .map_max_entries("ROWS", layout.cpus * layout.rows)
            .map_max_entries("TURNAROUND", layout.cpus * TURNAROUNDS as u32)
            .map_max_entries("ADMISSION", if config.filter_tasks == 2 { facts.pid_max / 8 + 1 } else { 1 })
            .load(OBJECT);
        let mut ebpf = ebpf.map_err(|error| classify("creating the maps", &error))?;
        let mut plan = plan;
        let mut targets = Vec::new();
        if config.by_handler != 0 {
            targets = targets::find(&mut ebpf, &mut group, &mut config, &mut plan, (facts, settings))?;
        }
        look::configure(&mut ebpf, &config).map_err(|error| other("map CONFIG", &error))?;
        let mut session =
            Self { events: Vec::new(), group, ebpf, plan, targets, divert: settings.divert, layout };
        session.load_programs()?;
        session.admit(&settings.tasks).map_err(|error| other("selecting processes", &error))?;
        Ok(session)
    }

    fn load_programs(&mut self) -> Result<(), SessionError> {
        for program in &self.plan.programs {
            let loaded = self
                .ebpf
                .program_mut(program.name)
                .ok_or_else(|| other(program.name, &io::Error::other("is not in the object")))?;
            let result = match loaded {
                Loaded::KProbe(one) => one.load(),
                Loaded::TracePoint(one) => one.load(),
                _ => continue,
            };
            result.map_err(|error| classify(program.name, &error))?;
        }
        Ok(())
    }

    /// Attaches all programs in the plan's order.
    pub fn attach(&mut self) -> Result<(), SessionError> {
        let mut wanted = Vec::new();
        for program in &self.plan.programs {
            match program.name {
                "handler" => wanted.extend(attach::handlers(["handler", "handler_ret"], &self.targets)),
                "handler_full" => {
                    wanted.extend(attach::handlers(["handler_full", "handler_full_ret"], &self.targets));
                }
                "handler_ret" | "handler_full_ret" | "born" | "aborted" => {}
                name => wanted.push(attach::on(name, program.hook)),
            }
        }
        let probes: Vec<_> = wanted.iter().map(|one| one.probe.clone()).collect();
        let refused = self.group.define(&probes).map_err(|error| other("kprobe_events", &error))?;
        let mut missing = Vec::new();
        for one in &wanted {
            let result = match refused.iter().find(|(probe, _)| *probe == one.probe) {
                Some((_, error)) => Err(error.to_string()),
                None => self.attach_one(one).map(|event| self.events.push(event)),
            };
            if let Err(why) = result {
                self.note(one, why, &mut missing)?;
            }
        }
        if self.plan.programs.iter().any(|program| program.name == "aborted") {
            let event = self.group.event_id(ABORT).map_err(|error| error.to_string());
            match event.and_then(|id| self.on_event("aborted", id)) {
                Ok(event) => self.events.push(event),
                Err(why) => missing.push(("aborted", why)),
            }
        }
        self.plan = self.plan.clone().without(&missing);
        if self.plan.programs.iter().any(|program| program.name == "born") {
            self.follow().map_err(|error| other(FORK, &error))?;
        }
        if self.divert {
            self.events.push(perf::divert().map_err(|error| other("--divert", &error))?);
        }
        Ok(())
    }

    /// A handler that cannot be probed is a blind spot; another program counts as its role says.
    fn note(
        &mut self,
        one: &Attachment,
        why: String,
        missing: &mut Vec<(&'static str, String)>,
    ) -> Result<(), SessionError> {
        let role = self.plan.programs.iter().find(|program| program.name == one.program);
        match role.map(|program| program.role) {
            _ if one.program.starts_with("handler") => {
                self.plan.blind_spots.push(format!("{} cannot be probed ({why})", one.probe.symbol));
            }
            Some(Role::Required) => {
                return Err(SessionError::Refused { what: one.probe.symbol.clone(), why });
            }
            _ => missing.push((one.program, why)),
        }
        Ok(())
    }

    fn attach_one(&self, one: &Attachment) -> Result<OwnedFd, String> {
        let id = self.group.id(&one.probe).map_err(|error| error.to_string())?;
        self.on_event(one.program, id)
    }

    fn on_event(&self, program: &str, id: u64) -> Result<OwnedFd, String> {
        let fd = match self.ebpf.program(program) {
            Some(Loaded::KProbe(one)) => one.fd(),
            Some(Loaded::TracePoint(one)) => one.fd(),
            _ => return Err(format!("program {program} is not in the object")),
        };
        let fd = fd.map_err(|error| chain(&error))?;
        perf::attach(id, fd.as_fd()).map_err(|error| error.to_string())
    }

    /// Children are learnt of by the scheduler's own tracepoint, which diverts no call.
    fn follow(&mut self) -> io::Result<()> {
        let format = self.group.event_format(FORK)?;
        if !format.contains("field:pid_t child_pid;\toffset:44;\tsize:4;") {
            return Err(io::Error::other("the event has another layout here: leave -f and -- COMMAND out"));
        }
        let id = self.group.event_id(FORK)?;
        let event = self.on_event("born", id).map_err(io::Error::other)?;
        self.events.push(event);
        Ok(())
    }

    /// Detaches everything and takes the probes away; the maps stay.
    pub fn detach(&mut self) {
        // The last first: a return that is seen has had its entry seen.
        while let Some(event) = self.events.pop() {
            drop(event);
        }
        self.group.remove();
    }

    /// Probes and events that programs sit on.
    #[must_use]
    pub const fn probes(&self) -> usize {
        self.events.len()
    }

    /// Hits that found no room, so far.
    #[must_use]
    pub fn missed(&self) -> u64 {
        self.group.missed()
    }

    /// The plan as it runs.
    #[must_use]
    pub const fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The loaded object, for the reader's maps.
    #[must_use]
    pub const fn ebpf(&self) -> &Ebpf {
        &self.ebpf
    }

    fn admit(&mut self, tasks: &Tasks) -> Result<(), MapError> {
        let states: Vec<(u32, Admission)> = match tasks {
            Tasks::Processes { pids, .. } => pids.iter().map(|&pid| (pid, Admission::YES)).collect(),
            Tasks::Command { pid } => vec![(*pid, Admission::AT_EXEC)],
            Tasks::All => return Ok(()),
        };
        let map = self.ebpf.map_mut("ADMISSION").ok_or(MapError::ElementNotFound)?;
        let mut table: Array<_, u64> = Array::try_from(map)?;
        if table.len() <= 1 {
            return Ok(());
        }
        for (pid, state) in states {
            let index = pid / 8;
            let word = table.get(&index, 0).unwrap_or(0) | u64::from(state.0) << (pid % 8 * 8);
            table.set(index, word, 0)?;
        }
        Ok(())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.detach();
    }
}

/// What failed, with its reasons.
pub(super) fn other(what: &str, error: &(dyn std::error::Error + 'static)) -> SessionError {
    SessionError::Other { what: what.into(), why: chain(error) }
}

/// One descriptor a probe: more than the usual soft limit.
fn raise_files() {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: a valid pointer to a plain structure.
    unsafe {
        if libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) == 0 {
            limit.rlim_cur = limit.rlim_max;
            libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit);
        }
    }
}

//! Loads the programs of a plan and attaches them; detaches by being dropped.

mod attach;
pub mod cost;
mod formats;
mod globals;
pub mod info;
pub mod log;
mod offsets;

use std::{fs, io, os::fd::AsFd as _};

use aya::{Btf, Ebpf, EbpfLoader, maps::Array};
use tracer_common::admission::Admission;

use crate::{
    histogram::Precision,
    kernel::{Facts, btf, btf_bytes, probe::chain},
    plan::{Attach, Commit, Plan, Program, Role},
    regime::Regime,
    settings::{Settings, Tasks},
};
use globals::Globals;
use info::ProgramStats;
use offsets::Offsets;

/// The eBPF object, chosen by the build script.
static OBJECT: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/exitpath.bpf.o"));

/// Why a session could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// Built without the programs.
    #[error("this exitpath was built without its eBPF programs: run `cargo xtask setup` and build again")]
    Stub,
    /// The kernel's types cannot be read.
    #[error("the kernel's type information cannot be used: {0}; `exitpath doctor` says what is missing")]
    Btf(String),
    /// Refused.
    #[error(
        "the kernel does not let this process trace ({what}: {why}); run it as root, or with CAP_BPF and \
         CAP_PERFMON, and see `exitpath doctor`"
    )]
    Refused {
        /// What was tried.
        what: String,
        /// What the kernel said.
        why: String,
    },
    /// A function that exists but takes no program.
    #[error("{what} takes no program on this kernel ({why}): choose another --plan, or none")]
    Unattachable {
        /// The function.
        what: String,
        /// What the kernel said.
        why: String,
    },
    /// Maps do not fit.
    #[error("no memory for the maps ({0}); use fewer --max-series, or --precision 1")]
    Memory(String),
    /// Maps of kernels before 5.11 count as locked memory.
    #[error(
        "no memory for the maps: this kernel counts them as locked memory, of which this process may have {limit} \
         bytes; raise the limit (ulimit -l unlimited), or give CAP_SYS_RESOURCE too"
    )]
    LockedMemory {
        /// `RLIMIT_MEMLOCK`.
        limit: u64,
    },
    /// Something else.
    #[error("{what}: {why}; please report it with the output of `exitpath doctor`")]
    Other {
        /// What was tried.
        what: String,
        /// What went wrong.
        why: String,
    },
}

impl SessionError {
    /// What was tried and what the kernel said, without the advice.
    #[must_use]
    pub fn cause(&self) -> String {
        match self {
            Self::Stub | Self::Btf(_) => self.to_string(),
            Self::Refused { what, why } | Self::Unattachable { what, why } | Self::Other { what, why } => {
                format!("{what}: {why}")
            }
            Self::LockedMemory { limit } => format!("creating the maps: RLIMIT_MEMLOCK is {limit} bytes"),
            Self::Memory(why) => format!("creating the maps: {why}"),
        }
    }

    /// Whether another plan may work where this one did not.
    #[must_use]
    pub const fn is_about_plan(&self) -> bool {
        matches!(self, Self::Refused { .. } | Self::Unattachable { .. } | Self::Other { .. } | Self::Btf(_))
    }
}

/// Loaded and attached programs.
pub struct Session {
    ebpf: Ebpf,
    /// The plan as it runs.
    plan: Plan,
    /// Rows of each CPU and possible CPUs.
    pub layout: MapLayout,
}

/// The size of the maps, for the reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MapLayout {
    /// Possible CPUs.
    pub cpus: u32,
    /// Rows of each CPU.
    pub rows: u32,
    /// Bucket layout.
    pub precision: Precision,
    /// As many rows again hold the exit work of the series.
    pub work: bool,
}

impl MapLayout {
    /// Rows of all CPUs, with those for exit work.
    #[must_use]
    pub const fn all_rows(&self) -> u32 {
        self.rows * self.cpus * if self.work { 2 } else { 1 }
    }
}

impl Session {
    /// Loads everything; nothing runs yet.
    pub fn load(plan: Plan, facts: &Facts, settings: &Settings) -> Result<Self, SessionError> {
        Self::load_object(OBJECT, plan, facts, settings)
    }

    /// The same with another build of the object.
    pub fn load_object(
        object: &[u8],
        plan: Plan,
        facts: &Facts,
        settings: &Settings,
    ) -> Result<Self, SessionError> {
        if object.is_empty() {
            return Err(SessionError::Stub);
        }
        let locked = raise_memlock();
        let types = plan.programs.iter().any(|program| program.attach.needs_types());
        let mut offsets = if facts.get("btf").is_yes() {
            let bytes = btf_bytes().map_err(|error| SessionError::Btf(error.to_string()))?;
            let parsed = btf::Btf::parse(&bytes).map_err(|error| SessionError::Btf(error.to_string()))?;
            Offsets::read(&parsed, &facts.symbols).map_err(|error| SessionError::Btf(error.to_string()))?
        } else {
            Offsets(Vec::new())
        };
        if plan.programs.iter().any(|program| program.attach == Attach::Classic) {
            offsets.0.extend(
                formats::read()
                    .map_err(|why| SessionError::Other { what: "the tracepoints' formats".into(), why })?,
            );
        }
        let layout = MapLayout {
            cpus: facts.possible_cpus,
            rows: settings.max_series,
            precision: settings.precision,
            work: plan.commit == Commit::AtFinal && !settings.counts_only,
        };
        let globals = Globals::new(Regime::of(facts), facts, settings, &layout, offsets, plan.commit);
        // Parsed once, for the loader and for the programs: it is the largest thing that this process ever holds.
        let btf = if types {
            Some(Btf::from_sys_fs().map_err(|error| SessionError::Btf(chain(&error)))?)
        } else {
            None
        };
        let mut loader = EbpfLoader::new();
        loader.btf(btf.as_ref());
        globals.apply(&mut loader);
        let rows = layout.all_rows();
        let table = matches!(globals.tasks(), 2);
        loader
            .map_max_entries("CPUS", layout.cpus)
            .map_max_entries("ROWS_2", if settings.precision == Precision::Two { rows } else { 1 })
            .map_max_entries("ROWS_1", if settings.precision == Precision::One { rows } else { 1 })
            .map_max_entries("ADMISSION", if table { facts.pid_max / 8 + 1 } else { 1 });
        let ebpf = loader.load(object).map_err(|error| {
            match (classify_error("creating the maps", &error), locked) {
                // Who may not load programs at all has been told before; and from 5.11 on no limit counts.
                (SessionError::Refused { .. }, Some(limit)) if facts.kernel_version() < (5, 11) => {
                    SessionError::LockedMemory { limit }
                }
                (other, _) => other,
            }
        })?;
        let mut session = Self { ebpf, plan, layout };
        session.load_programs(btf.as_ref())?;
        session.admit(&settings.tasks)?;
        Ok(session)
    }

    fn load_programs(&mut self, btf: Option<&Btf>) -> Result<(), SessionError> {
        let mut missing = Vec::new();
        for program in &self.plan.programs {
            let loaded = self.ebpf.program_mut(program.name).ok_or_else(|| SessionError::Other {
                what: format!("program {}", program.name),
                why: "is not in the object".into(),
            })?;
            let result = attach::load(loaded, program.hook, btf);
            note(program, result.map_err(|error| classify_error(program.name, &error)), &mut missing)?;
        }
        self.plan = self.plan.clone().without(&missing);
        Ok(())
    }

    /// Attaches all programs in the plan's order.
    pub fn attach(&mut self) -> Result<(), SessionError> {
        let mut missing = Vec::new();
        for program in &self.plan.programs {
            let Some(loaded) = self.ebpf.program_mut(program.name) else { continue };
            let result = attach::attach(loaded, program.hook);
            note(program, result.map_err(|error| classify_error(program.hook, &error)), &mut missing)?;
        }
        self.plan = self.plan.clone().without(&missing);
        Ok(())
    }

    /// Detaches all programs, the last first; the maps stay for a last reading.
    pub fn detach(&mut self) {
        for program in self.plan.programs.iter().rev() {
            if let Some(loaded) = self.ebpf.program_mut(program.name) {
                attach::unload(loaded);
            }
        }
    }

    /// The plan as it runs: what could not be attached is gone from it.
    #[must_use]
    pub const fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Run-time statistics and recursion misses of all our programs.
    #[must_use]
    pub fn stats(&self) -> Vec<(&'static str, ProgramStats)> {
        let mut all = Vec::new();
        for program in &self.plan.programs {
            if let Some(loaded) = self.ebpf.program(program.name)
                && let Ok(fd) = loaded.fd()
                && let Ok(stats) = info::read(fd.as_fd())
            {
                all.push((program.name, stats));
            }
        }
        all
    }

    /// The loaded object, for the reader's maps.
    #[must_use]
    pub const fn ebpf(&self) -> &Ebpf {
        &self.ebpf
    }

    /// Fills the admission table.
    fn admit(&mut self, tasks: &Tasks) -> Result<(), SessionError> {
        let states: Vec<(u32, Admission)> = match tasks {
            Tasks::Processes { pids, .. } => pids.iter().map(|&pid| (pid, Admission::YES)).collect(),
            Tasks::Command { pid } => vec![(*pid, Admission::AT_EXEC)],
            Tasks::All => return Ok(()),
        };
        let other = |what: &str, why: String| SessionError::Other { what: what.into(), why };
        let Some(map) = self.ebpf.map_mut("ADMISSION") else {
            return Err(other("map ADMISSION", "is not in the object".into()));
        };
        let mut table: Array<_, u64> =
            Array::try_from(map).map_err(|error| other("map ADMISSION", chain(&error)))?;
        if table.len() <= 1 {
            return Ok(());
        }
        for (pid, state) in states {
            let index = pid / 8;
            let word = table.get(&index, 0).unwrap_or(0) | u64::from(state.0) << (pid % 8 * 8);
            table.set(index, word, 0).map_err(|error| other("selecting a process", chain(&error)))?;
        }
        Ok(())
    }
}

/// A failure counts as the program's role says.
fn note(
    program: &Program,
    result: Result<(), SessionError>,
    missing: &mut Vec<(&'static str, String)>,
) -> Result<(), SessionError> {
    match (result, program.role) {
        (Ok(()), _) => Ok(()),
        (Err(error), Role::Required) => Err(error),
        (Err(error), Role::Amends | Role::Optional) => {
            missing.push((program.name, error.to_string()));
            Ok(())
        }
    }
}

/// Sorts aya's errors by what the user can do about them.
pub(crate) fn classify_error(what: &str, error: &(dyn std::error::Error + 'static)) -> SessionError {
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    let mut code = None;
    while let Some(error) = next {
        if let Some(io) = error.downcast_ref::<io::Error>() {
            code = io.raw_os_error();
        }
        next = error.source();
    }
    match code {
        Some(number @ (libc::EPERM | libc::EACCES)) if !chain(error).contains("processed ") => {
            SessionError::Refused { what: what.into(), why: io::Error::from_raw_os_error(number).to_string() }
        }
        // fentry answers so where the function's entry is no ftrace site, or is taken.
        Some(number @ (libc::EBUSY | libc::EINVAL)) if !chain(error).contains("processed ") => {
            SessionError::Unattachable {
                what: what.into(),
                why: io::Error::from_raw_os_error(number).to_string(),
            }
        }
        Some(libc::ENOMEM) => SessionError::Memory(chain(error)),
        _ => SessionError::Other { what: what.into(), why: shorten(&chain(error)) },
    }
}

/// A verifier's log is thousands of lines: the verdict stands at its end.
fn shorten(text: &str) -> String {
    const KEPT: usize = if cfg!(debug_assertions) { 3000 } else { 300 };
    let count = text.chars().count();
    if count <= 2 * KEPT {
        return text.to_owned();
    }
    let head: String = text.chars().take(KEPT).collect();
    let tail: String = text.chars().skip(count - KEPT).collect();
    format!("{head} [...] {tail}")
}

/// Kernels before 5.11 charge maps to `RLIMIT_MEMLOCK`. Without `CAP_SYS_RESOURCE` it cannot be raised above the hard
/// limit, which is given then.
pub(crate) fn raise_memlock() -> Option<u64> {
    let mut limit = libc::rlimit { rlim_cur: libc::RLIM_INFINITY, rlim_max: libc::RLIM_INFINITY };
    // SAFETY: valid pointers to a plain structure.
    unsafe {
        if libc::setrlimit(libc::RLIMIT_MEMLOCK, &raw const limit) == 0 {
            return None;
        }
        libc::getrlimit(libc::RLIMIT_MEMLOCK, &raw mut limit);
        limit.rlim_cur = limit.rlim_max;
        libc::setrlimit(libc::RLIMIT_MEMLOCK, &raw const limit);
    }
    Some(limit.rlim_max)
}

/// Other programs of this kernel on the same tracepoints: they change what calls cost.
#[must_use]
pub fn online_cpus() -> u32 {
    let text = fs::read_to_string("/sys/devices/system/cpu/online").unwrap_or_default();
    let count = |part: &str| -> Option<u32> {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        Some(last.parse::<u32>().ok()? - first.parse::<u32>().ok()? + 1)
    };
    text.trim().split(',').filter_map(count).sum::<u32>().max(1)
}

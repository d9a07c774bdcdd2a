//! Loads the programs of a plan and attaches them; detaches by being dropped.

mod attach;
pub mod cost;
mod error;
mod formats;
mod globals;
pub mod handlers;
pub mod info;
pub mod log;
mod needs;
mod offsets;

use std::{fs, os::fd::AsFd as _};

use aya::{Btf, Ebpf, EbpfLoader, maps::Array};
use tracer_common::admission::Admission;

use crate::{
    histogram::Precision,
    kernel::{Facts, btf, btf_bytes, probe::chain},
    plan::{Attach, Commit, Plan, Program, Role},
    regime::Regime,
    settings::{Settings, Tasks},
};
pub use error::SessionError;
pub(crate) use error::classify;
use globals::Globals;
use info::ProgramStats;
use offsets::Offsets;

/// The eBPF object, chosen by the build script.
static OBJECT: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/exitpath.bpf.o"));

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
            match (classify("creating the maps", &error), locked) {
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
            note(program, result.map_err(|error| classify(program.name, &error)), &mut missing)?;
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
            note(program, result.map_err(|error| classify(program.hook, &error)), &mut missing)?;
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

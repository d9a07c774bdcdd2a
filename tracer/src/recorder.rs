//! A running recording: a session, its reader and the meter of its own cost.

use std::{
    future::Future,
    io,
    rc::Rc,
    time::{Duration, Instant},
};

use tracer_common::{Loss, Untimed};

use crate::{
    kernel::{Facts, probe_links},
    plan::{Attach, Plan, Trials},
    privileges::{Capability, Keeper, Reason},
    reader::{InFlightCall, Reader},
    session::{
        Session, SessionError,
        cost::{CostMeter, Missed},
        handlers, info, log,
    },
    settings::Settings,
    snapshot::Snapshot,
};

/// Programs attached, counters running.
pub struct Recorder {
    engine: Engine,
    meter: CostMeter,
    counts_only: bool,
    missed: Missed,
}

/// What runs a plan.
enum Engine {
    /// Tracepoints, typed programs, mapped memory.
    Typed {
        // Declared first, dropped first: the mappings go before the maps.
        reader: Reader,
        session: Session,
    },
    /// Probes, in the BPF of 4.9.
    Probes { reader: handlers::Reader, session: handlers::Session },
}

impl Recorder {
    /// Loads, attaches, starts.
    pub fn start(plan: Plan, facts: &Facts, settings: &Settings) -> Result<Self, SessionError> {
        let probes = plan.programs.iter().any(|program| program.attach == Attach::Probe);
        let engine = if probes {
            Self::start_probes(plan, facts, settings)?
        } else if settings.divert {
            return Err(SessionError::Other {
                what: "--divert".into(),
                why: format!("plan {} has the syscall tracepoints on as it is", plan.name),
            });
        } else {
            Self::start_typed(plan, facts, settings)?
        };
        probe_links::are_ours(match &engine {
            Engine::Typed { session, .. } => info::ids(session.ebpf()),
            Engine::Probes { session, .. } => info::ids(session.ebpf()),
        });
        // Symbols and types are read and gone; their memory need not stay with a process that runs for days.
        // SAFETY: only gives free memory back.
        unsafe { libc::malloc_trim(0) };
        Ok(Self {
            engine,
            meter: CostMeter::new(),
            counts_only: settings.counts_only,
            missed: Missed::default(),
        })
    }

    fn start_typed(plan: Plan, facts: &Facts, settings: &Settings) -> Result<Engine, SessionError> {
        let mut session = Session::load(plan, facts, settings)?;
        let layout = session.layout;
        let mut reader = Reader::new(session.ebpf(), layout).map_err(|error| SessionError::Other {
            what: "mapping the maps".into(),
            why: error.to_string(),
        })?;
        session.attach()?;
        reader.start();
        Ok(Engine::Typed { reader, session })
    }

    /// Starts the first of these plans that works; what kept better ones from it becomes a blind spot.
    pub fn start_first(plans: Vec<Plan>, facts: &Facts, settings: &Settings) -> Result<Self, SessionError> {
        let last = plans.len().saturating_sub(1);
        let names: Vec<_> = plans.iter().map(|plan| plan.name).collect();
        let mut failed = Vec::new();
        for (number, mut plan) in plans.into_iter().enumerate() {
            let name = plan.name;
            plan.blind_spots.append(&mut failed.clone());
            match Self::start(plan, facts, settings) {
                Err(error) if number < last && error.is_about_plan() => {
                    // The same plan in another variant is not a worse plan.
                    failed.push(if names[number + 1] == name {
                        Trials::variant(&error.cause())
                    } else {
                        format!("plan {name} was tried, and did not work here: {}", error.cause())
                    });
                }
                outcome => return outcome,
            }
        }
        Err(SessionError::Stub)
    }

    fn start_probes(plan: Plan, facts: &Facts, settings: &Settings) -> Result<Engine, SessionError> {
        let mut session = handlers::Session::load(plan, facts, settings)?;
        session.attach()?;
        let mut reader = handlers::Reader::new(session.layout);
        reader.start(session.ebpf(), session.missed()).map_err(|error| SessionError::Other {
            what: "reading the maps".into(),
            why: error.to_string(),
        })?;
        Ok(Engine::Probes { reader, session })
    }

    /// Has the run-time statistics turned on by this process.
    pub fn measure_through(&mut self, keeper: Option<Rc<Keeper>>) {
        self.meter.through(keeper);
    }

    /// The capabilities without which this recording cannot go on, found by trying; `None` where it needs all it has.
    #[must_use]
    pub fn needs(&self) -> Option<Vec<(Capability, Reason)>> {
        match &self.engine {
            Engine::Typed { session, .. } => Some(session.needs()),
            // Probes are taken out through tracefs, and these kernels know no finer rights.
            Engine::Probes { .. } => None,
        }
    }

    /// What was counted since the last interval.
    pub fn interval(&mut self) -> Snapshot {
        let snapshot = self.read();
        self.label(snapshot)
    }

    fn read(&mut self) -> Snapshot {
        match &mut self.engine {
            Engine::Typed { reader, session } => {
                // Reading is no part of what the window measures.
                self.meter.close(session);
                let missed = Missed::now(session);
                let mut snapshot = reader.read(missed.counting);
                snapshot.missed = missed.since(&self.missed);
                self.missed = missed;
                snapshot.own_cost = self.meter.take(session);
                snapshot
            }
            Engine::Probes { reader, session } => {
                // A look-up fails where memory is short: what was not read is read the next time, if there is one.
                let mut snapshot = reader.read(session.ebpf(), session.missed()).unwrap_or_else(|_| {
                    let mut none = Snapshot::default();
                    none.losses[Loss::ReaderLate as usize] = 1;
                    none
                });
                snapshot.own_cost = self.meter.reader();
                snapshot
            }
        }
    }

    /// Detaches, and reads what is left.
    #[must_use]
    pub fn stop(mut self) -> Snapshot {
        self.last()
    }

    /// Reads for the last time. Probes are detached when this is dropped, not before: the kernel waits for every
    /// processor after each of them, and what was counted need not.
    #[must_use]
    pub fn last(&mut self) -> Snapshot {
        let snapshot = match &mut self.engine {
            Engine::Typed { reader, session } => {
                let own_cost = self.meter.take(session);
                let missed = Missed::now(session);
                session.detach();
                // A program that was running when it was detached ends within this time.
                std::thread::sleep(Duration::from_millis(5));
                let mut snapshot = reader.read(missed.counting);
                snapshot.missed = missed.since(&self.missed);
                snapshot.own_cost = own_cost;
                snapshot
            }
            // Not after they were detached: meanwhile some calls are seen and others not.
            Engine::Probes { .. } => self.read(),
        };
        self.label(snapshot)
    }

    /// With `--counts-only` no return is timed: the program saves itself the counter that says so.
    fn label(&self, mut snapshot: Snapshot) -> Snapshot {
        let (bytes, cpus) = self.map_memory();
        (snapshot.own_cost.map_bytes, snapshot.own_cost.possible_cpus) = (bytes as u64, cpus);
        if self.counts_only {
            let children = snapshot.untimed[Untimed::ForkChild as usize];
            snapshot.untimed[Untimed::NotSampled as usize] = snapshot.returns().saturating_sub(children);
        }
        snapshot
    }

    /// Opens and closes the windows in which our own cost is measured.
    pub fn tick(&mut self) {
        match &self.engine {
            Engine::Typed { session, .. } => self.meter.tick(session),
            // These kernels keep no such statistics.
            Engine::Probes { .. } => self.meter.skip(),
        }
    }

    /// Opens the next window at this time.
    pub const fn measure_at(&mut self, at: Instant) {
        self.meter.measure_at(at);
    }

    /// When [`Self::tick`] is due.
    #[must_use]
    pub const fn due(&self) -> Instant {
        self.meter.due()
    }

    /// The plan as it runs.
    #[must_use]
    pub const fn plan(&self) -> &Plan {
        match &self.engine {
            Engine::Typed { session, .. } => session.plan(),
            Engine::Probes { session, .. } => session.plan(),
        }
    }

    /// How many probes are to be taken away, one after the other; 0 where all goes at once.
    #[must_use]
    pub fn probes(&self) -> usize {
        match &self.engine {
            Engine::Typed { .. } => 0,
            Engine::Probes { session, .. } => session.probes(),
        }
    }

    /// Threads inside calls.
    pub fn in_flight(&self) -> io::Result<Vec<InFlightCall>> {
        match &self.engine {
            Engine::Typed { reader, .. } => reader.in_flight(),
            Engine::Probes { reader, session } => reader.in_flight(session.ebpf()),
        }
    }

    /// Memory of the maps in bytes, and possible CPUs.
    #[must_use]
    pub const fn map_memory(&self) -> (usize, u32) {
        match &self.engine {
            Engine::Typed { reader, session } => (reader.map_bytes(), session.layout.cpus),
            Engine::Probes { reader, session } => (reader.map_bytes(), session.layout.cpus),
        }
    }

    /// Follows the kernel programs' diagnostics; see [`log::follow`].
    pub fn log(&mut self) -> io::Result<impl Future<Output = ()> + use<>> {
        match &mut self.engine {
            Engine::Typed { session, .. } => log::follow(session),
            Engine::Probes { .. } => Err(io::Error::other("the programs of this plan keep no log")),
        }
    }
}

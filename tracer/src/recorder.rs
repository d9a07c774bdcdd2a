//! A running recording: a session, its reader and the meter of its own cost.

use std::{
    future::Future,
    io,
    time::{Duration, Instant},
};

use tracer_common::Untimed;

use crate::{
    kernel::Facts,
    plan::{Plan, Trials},
    reader::{InFlightCall, Reader},
    session::{
        Session, SessionError,
        cost::{CostMeter, Missed},
        log,
    },
    settings::Settings,
    snapshot::Snapshot,
};

/// Programs attached, counters running.
pub struct Recorder {
    // Declared first, dropped first: the mappings go before the maps.
    reader: Reader,
    session: Session,
    meter: CostMeter,
    counts_only: bool,
    missed: Missed,
}

impl Recorder {
    /// Loads, attaches, starts.
    pub fn start(plan: Plan, facts: &Facts, settings: &Settings) -> Result<Self, SessionError> {
        let mut session = Session::load(plan, facts, settings)?;
        let layout = session.layout;
        let mut reader = Reader::new(session.ebpf(), layout).map_err(|error| SessionError::Other {
            what: "mapping the maps".into(),
            why: error.to_string(),
        })?;
        session.attach()?;
        // Symbols and types are read and gone; their memory need not stay with a process that runs for days.
        // SAFETY: only gives free memory back.
        unsafe { libc::malloc_trim(0) };
        reader.start();
        Ok(Self {
            reader,
            session,
            meter: CostMeter::new(),
            counts_only: settings.counts_only,
            missed: Missed::default(),
        })
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

    /// What was counted since the last interval.
    pub fn interval(&mut self) -> Snapshot {
        let missed = Missed::now(&self.session);
        let mut snapshot = self.reader.read(missed.counting);
        self.since(missed, &mut snapshot);
        snapshot.own_cost = self.meter.take(&self.session);
        self.label(snapshot)
    }

    /// Detaches, and reads what is left.
    #[must_use]
    pub fn stop(mut self) -> Snapshot {
        let own_cost = self.meter.take(&self.session);
        let missed = Missed::now(&self.session);
        self.session.detach();
        // A program that was running when it was detached ends within this time.
        std::thread::sleep(Duration::from_millis(5));
        let mut snapshot = self.reader.read(missed.counting);
        self.since(missed, &mut snapshot);
        snapshot.own_cost = own_cost;
        self.label(snapshot)
    }

    /// Runs skipped since the last interval.
    fn since(&mut self, now: Missed, snapshot: &mut Snapshot) {
        for (name, &count) in &now.by_program {
            let new = count.saturating_sub(self.missed.by_program.get(name).copied().unwrap_or(0));
            if new > 0 {
                snapshot.missed.insert((*name).to_owned(), new);
            }
        }
        self.missed = now;
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
        self.meter.tick(&self.session);
    }

    /// When [`Self::tick`] is due.
    #[must_use]
    pub const fn due(&self) -> Instant {
        self.meter.due()
    }

    /// The plan as it runs.
    #[must_use]
    pub const fn plan(&self) -> &Plan {
        self.session.plan()
    }

    /// Threads inside calls.
    pub fn in_flight(&self) -> io::Result<Vec<InFlightCall>> {
        self.reader.in_flight()
    }

    /// Memory of the maps in bytes, and possible CPUs.
    #[must_use]
    pub const fn map_memory(&self) -> (usize, u32) {
        (self.reader.map_bytes(), self.session.layout.cpus)
    }

    /// Follows the kernel programs' diagnostics; see [`log::follow`].
    pub fn log(&mut self) -> io::Result<impl Future<Output = ()> + use<>> {
        log::follow(&mut self.session)
    }
}

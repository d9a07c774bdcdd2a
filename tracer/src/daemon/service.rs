//! The loop: intervals, signals, and what they change.

use std::{cell::RefCell, fs::File, io::Write as _, rc::Rc};

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    task::{JoinHandle, LocalSet},
    time::sleep_until,
};

use super::{
    core::{Core, say},
    governor::Step,
    http::Server,
    notify::Notify,
    options::{Options, Tracing},
    otlp::{self, Otlp},
    source::Source,
};
use crate::{
    error::{CANNOT_TRACE, CliError},
    metadata::Metadata,
};

/// Programs that count.
pub struct Attached {
    /// They.
    pub source: Box<dyn Source>,
    /// What they record, described.
    pub metadata: Metadata,
}

/// How the loop asks for what it does not know.
pub struct Control {
    /// Reads the configuration again.
    pub options: Box<dyn Fn() -> Result<Options, String>>,
    /// Attaches programs; not there once the rights for it are given up.
    pub attach: Option<Attach>,
    /// Gives up what is not needed any more, and says what that is.
    pub confine: Box<dyn Fn() -> Result<String, CliError>>,
}

/// Attaches programs for these settings.
pub type Attach = Box<dyn Fn(&Tracing) -> Result<Attached, String>>;

/// Runs until SIGTERM or SIGINT. `ready` hears a line once it is served.
pub fn service(core: Core, control: Control, ready: Option<File>) -> Result<(), CliError> {
    let failed = |error: std::io::Error| {
        CliError::told(CANNOT_TRACE, &format!("cannot start the event loop: {error}"))
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
    let core = Rc::new(RefCell::new(core));
    let local = LocalSet::new();
    let ended = local.block_on(&runtime, run(&core, control, ready));
    // What is served borrows the state: it goes first.
    drop(local);
    drop(runtime);
    if let Ok(core) = Rc::try_unwrap(core) {
        core.into_inner().stop();
    }
    ended
}

struct Signals {
    end: [Signal; 2],
    reload: Signal,
}

impl Signals {
    fn new() -> Result<Self, CliError> {
        let catch = |kind| {
            let failed = |error| CliError::told(CANNOT_TRACE, &format!("cannot catch signals: {error}"));
            signal(kind).map_err(failed)
        };
        let end = [catch(SignalKind::terminate())?, catch(SignalKind::interrupt())?];
        Ok(Self { end, reload: catch(SignalKind::hangup())? })
    }
}

async fn run(core: &Rc<RefCell<Core>>, control: Control, ready: Option<File>) -> Result<(), CliError> {
    let mut signals = Signals::new()?;
    let http = core.borrow().options().http.clone();
    let mut server = Server::start(core, &http).map_err(|error| CliError::input("cannot serve", &error))?;
    let status = say_places(core, &server);
    say(&(control.confine)()?);
    let mut pushing = Pushing::start(core);
    let mut notify = Notify::new();
    notify.ready(&status);
    if let Some(mut ready) = ready {
        // Whoever asked may have gone.
        let _ = ready.write_all(b"\n");
    }
    loop {
        let due = core.borrow().due();
        let due = notify.due().map_or(due, |at| at.min(due));
        let [terminate, interrupt] = &mut signals.end;
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            _ = signals.reload.recv() => {
                notify.reloading();
                let status = reload(core, &control, &mut server).await;
                pushing.follow(core);
                notify.ready(&status);
            }
            () = sleep_until(due.into()) => {
                let step = core.borrow_mut().tick();
                if let Some(step) = step {
                    govern(core, &control, &step);
                }
            }
        }
        notify.alive();
    }
    notify.stopping();
    Ok(())
}

/// The task that pushes to a collector, if one is named.
struct Pushing(Option<(Otlp, JoinHandle<()>)>);

impl Pushing {
    fn start(core: &Rc<RefCell<Core>>) -> Self {
        let otlp = core.borrow().options().otlp.clone();
        Self(otlp.map(|otlp| {
            let task = tokio::task::spawn_local(otlp::run(Rc::clone(core), otlp.clone()));
            (otlp, task)
        }))
    }

    /// Another collector, or none any more.
    fn follow(&mut self, core: &Rc<RefCell<Core>>) {
        if self.0.as_ref().map(|(otlp, _)| otlp) == core.borrow().options().otlp.as_ref() {
            return;
        }
        if let Some((_, task)) = &self.0 {
            task.abort();
        }
        *self = Self::start(core);
    }
}

/// Takes the governor's step.
fn govern(core: &Rc<RefCell<Core>>, control: &Control, step: &Step) {
    let attached = match (&step.tracing, &control.attach) {
        (None, _) => {
            core.borrow_mut().pause();
            return;
        }
        (Some(tracing), Some(attach)) => attach(tracing),
        (Some(_), None) => Err("the rights to attach were given up".to_owned()),
    };
    match attached {
        Ok(Attached { source, metadata }) => core.borrow_mut().replace(source, metadata),
        Err(why) => {
            say(&format!("that could not be done, and all stays as it was: {why}"));
            core.borrow_mut().stay();
        }
    }
}

fn say_places(core: &Rc<RefCell<Core>>, server: &Server) -> String {
    let core = core.borrow();
    let plan = &core.metadata().plan;
    let ring = core
        .options()
        .ring
        .as_ref()
        .map_or_else(|| "no ring".to_owned(), |ring| format!("ring {}", ring.display()));
    let places = if server.places.is_empty() { "nowhere".to_owned() } else { server.places.join(" ") };
    let status = format!("tracing (plan {}, {}), {ring}, serving {places}", plan.name, plan.fidelity);
    say(&status);
    status
}

/// Reads the configuration again and takes what it says, or keeps what holds and says why.
async fn reload(core: &Rc<RefCell<Core>>, control: &Control, server: &mut Server) -> String {
    match try_reload(core, control, server).await {
        Ok(status) => {
            core.borrow_mut().numbers().reloads += 1;
            status
        }
        Err(why) => {
            core.borrow_mut().numbers().failed_reloads += 1;
            let status = format!("the configuration was not taken: {why}; what held before still holds");
            say(&status);
            status
        }
    }
}

async fn try_reload(
    core: &Rc<RefCell<Core>>,
    control: &Control,
    server: &mut Server,
) -> Result<String, String> {
    let mut options = (control.options)()?;
    let before = core.borrow().options().clone();
    if options.ring != before.ring {
        say("the folder of the ring changes only when the daemon starts: it stays as it was");
        options.ring.clone_from(&before.ring);
    }
    if options.http.tls.is_some() || options.http != before.http {
        // The same address cannot be listened at twice.
        server.stop().await;
        match Server::start(core, &options.http) {
            Ok(new) => *server = new,
            Err(error) => {
                *server = Server::start(core, &before.http).map_err(|again| format!("{error}; {again}"))?;
                return Err(error.to_string());
            }
        }
    }
    let anew = !options.tracing.same(&before.tracing);
    let governed = options.max_overhead != before.max_overhead;
    let attached = match &control.attach {
        Some(attach) if anew || (governed && core.borrow().is_throttled()) => Some(attach(&options.tracing)?),
        Some(_) => None,
        None => {
            if anew || governed {
                say(
                    "what is traced and --max-overhead change only when the daemon starts, since the rights to attach \
                     were given up (--keep-privileges keeps them): they stay as they were",
                );
            }
            options.tracing.clone_from(&before.tracing);
            options.max_overhead = before.max_overhead;
            None
        }
    };
    core.borrow_mut().reconfigure(options);
    if let Some(Attached { source, metadata }) = attached {
        core.borrow_mut().replace(source, metadata);
        say("what is traced has changed: the programs were attached anew");
    }
    Ok(say_places(core, server))
}

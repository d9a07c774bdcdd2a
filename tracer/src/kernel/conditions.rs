//! What goes on beside a recording: the machine's load, and who else traces system calls.

use std::{fs, path::Path};

use super::{audit, probe_links};
use crate::metadata::Conditions;

/// As they are now. What this process itself has loaded, and the kernel may not have forgotten yet, is left out.
#[must_use]
pub fn now() -> Conditions {
    let (load, running) = fs::read_to_string("/proc/loadavg").ok().and_then(|text| load(&text)).unzip();
    let tracers = probe_links::on_system_calls().ok().map(|mut lines| {
        for place in ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"].map(Path::new) {
            if place.join("events").is_dir() {
                lines.extend(in_tracefs(place));
                break;
            }
        }
        lines
    });
    Conditions { load, running, tracers, audit: audit::state().ok().map(str::to_owned) }
}

/// Load over one minute and other tasks that run or could: `2.46 1.22 0.49 4/113 14313` counts the reader too.
fn load(text: &str) -> Option<(f64, u32)> {
    let mut fields = text.split_whitespace();
    let load = fields.next()?.parse().ok()?;
    let running: u32 = fields.nth(2)?.split('/').next()?.parse().ok()?;
    Some((load, running.saturating_sub(1)))
}

/// Syscall tracepoints that are on in tracefs, and tracers of functions, in every instance. What perf itself opens
/// shows there as little as anywhere else.
fn in_tracefs(place: &Path) -> Vec<String> {
    let below = fs::read_dir(place.join("instances")).into_iter().flatten().flatten();
    let instances = std::iter::once(place.to_path_buf()).chain(below.map(|entry| entry.path()));
    instances.flat_map(|instance| in_instance(&instance)).collect()
}

fn in_instance(instance: &Path) -> Vec<String> {
    let read = |file: &str| fs::read_to_string(instance.join(file)).unwrap_or_default();
    let mut lines = Vec::new();
    for event in ["raw_syscalls/sys_enter", "raw_syscalls/sys_exit", "syscalls"] {
        // `X` says that some events of the folder are on; a `*` behind it, that they are only just being so.
        if read(&format!("events/{event}/enable")).starts_with(['1', 'X']) {
            lines.push(format!("tracefs {event}"));
        }
    }
    let tracer = read("current_tracer");
    if !["", "nop"].contains(&tracer.trim()) {
        lines.push(format!("tracefs tracer {}", tracer.trim()));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_load_is_of_one_minute_and_of_others() {
        assert_eq!(load("2.46 1.22 0.49 4/113 14313\n"), Some((2.46, 3)));
        assert_eq!(load("2.46 1.22"), None);
    }

    #[test]
    fn what_is_on_in_tracefs_is_named_in_every_instance() {
        let place = tempfile::tempdir().unwrap();
        for (file, text) in [
            ("events/raw_syscalls/sys_enter/enable", "1\n"),
            ("events/raw_syscalls/sys_exit/enable", "0\n"),
            ("events/syscalls/enable", "X\n"),
            ("current_tracer", "nop\n"),
            ("instances/one/current_tracer", "function_graph\n"),
        ] {
            let path = place.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        assert_eq!(
            in_tracefs(place.path()),
            ["tracefs raw_syscalls/sys_enter", "tracefs syscalls", "tracefs tracer function_graph"]
        );
    }
}

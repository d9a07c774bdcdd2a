//! `--max-overhead` under a storm of getppid: the cost comes under the bound, what is counted is what was called, and
//! whoever asks is told how it was measured. `cargo xtask governor-check` runs it for longer, at bounds of its own.

use std::{env, fmt::Write as _, fs, io::Read as _, thread::sleep, time::Duration};

use serde_json::Value;

use crate::{
    puppet::Puppet,
    run::run,
    served::{Daemon, get},
    support::{turn, within},
};

/// What was counted may differ by this share from what was called.
const OFF: f64 = 0.02;

fn setting(name: &str, default: &str) -> String {
    env::var(name).unwrap_or_else(|_| default.to_owned())
}

/// What the daemon says of itself at one moment.
#[derive(Clone, Copy, Debug, Default)]
struct Reading {
    level: u64,
    cost: f64,
    sampling: u64,
    untraced: f64,
    returns: f64,
    timed: f64,
}

impl Reading {
    fn of(daemon: &Daemon) -> Self {
        let text = String::from_utf8(get(daemon.address, "/metrics")).expect("text");
        let sum = |name: &str| -> f64 {
            let lines = text.lines().filter(|line| line.starts_with(name));
            let lines =
                lines.filter(|line| !line.contains("syscall=") || line.contains("syscall=\"getppid\""));
            lines.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok()).sum()
        };
        Self {
            level: sum("exitpath_governor_level") as u64,
            cost: sum("exitpath_governor_cost_ratio"),
            sampling: sum("exitpath_sampling_interval") as u64,
            untraced: sum("exitpath_untraced_seconds_total"),
            returns: sum("exitpath_returns_total{"),
            timed: sum("exitpath_syscall_duration_seconds_count{"),
        }
    }
}

/// Whoever asks is told: the metrics, a report of the last seconds, a profile; what is kept in the ring is looked at later.
fn is_labelled(daemon: &Daemon, now: &Reading) {
    let report: Value = serde_json::from_slice(&get(daemon.address, "/snapshot?seconds=1")).expect("JSON");
    let mut profile = Vec::new();
    let bytes = get(daemon.address, "/debug/pprof/syscalls");
    flate2::read::GzDecoder::new(&*bytes).read_to_end(&mut profile).expect("gzip");
    let profile = String::from_utf8_lossy(&profile);
    // A step that was taken between two answers changes the later one.
    if Reading::of(daemon).level != now.level {
        return;
    }
    match now.sampling {
        0 => assert_eq!(report["counts_only"], true),
        sample => {
            assert_eq!((report["sample"].as_u64(), &report["counts_only"]), (Some(sample), &false.into()));
        }
    }
    assert_eq!(now.sampling > 1, profile.contains("sampled: 1 call in 16 was timed"), "{profile:?}");
}

#[test]
fn a_storm_is_measured_within_a_bound_and_counted() {
    let Some(_turn) = turn("governor::a_storm_is_measured_within_a_bound_and_counted") else { return };
    let (interval, seconds) =
        (setting("EXITPATH_GOVERNOR_INTERVAL", "0.5"), setting("EXITPATH_GOVERNOR_SECONDS", "5"));
    let (interval, seconds): (f64, f64) = (interval.parse().unwrap(), seconds.parse().unwrap());
    let limit = env::var("EXITPATH_GOVERNOR_LIMIT").ok();
    // Without a bound of its own: so much of what measuring everything costs here.
    let share: f64 = setting("EXITPATH_GOVERNOR_SHARE", "0.9").parse().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("daemon.toml");
    let bound = |limit: &str| fs::write(&file, format!("max-overhead = \"{limit}\"\n")).unwrap();
    bound(limit.as_deref().unwrap_or("100%"));
    let mut command = Daemon::command();
    command.arg("--config").arg(&file);
    let daemon = Daemon::every(&format!("{interval}s"), &mut command, None);
    let before = Reading::of(&daemon);
    let mut puppet = Puppet::new();
    puppet.begin(&format!("storm {seconds}"));

    let mut readings: Vec<Reading> = Vec::new();
    let mut told = limit.is_some();
    let count = (seconds / interval) as usize;
    let mut table = String::new();
    for number in 1..=count {
        sleep(Duration::from_secs_f64(interval));
        let now = Reading::of(&daemon);
        is_labelled(&daemon, &now);
        let rate = (now.returns - readings.last().unwrap_or(&before).returns) / interval;
        let Reading { level, cost, sampling, untraced, .. } = now;
        let at = number as f64 * interval;
        writeln!(table, "{at:6.1} s  cost {:6.2}%  level {level}  sampling {sampling:2}  untraced {untraced:6.3} s  {rate:9.0}/s", cost * 100.0)
            .unwrap();
        readings.push(now);
        if !told && number >= 3 && cost > 0.0 {
            told = true;
            let most = readings.iter().map(|one| one.cost).fold(0.0, f64::max);
            writeln!(table, "from here on at most {:.3}%", most * share * 100.0).unwrap();
            bound(&format!("{:.4}%", most * share * 100.0));
            daemon.signal(libc::SIGHUP);
        }
    }
    let called: f64 = puppet.answer().parse().expect("a number");
    assert!(told, "it cost nothing:\n{table}");
    let settled = || Reading::of(&daemon).returns - before.returns;
    within(5, || settled() >= called);
    let (last, counted) = (Reading::of(&daemon), settled());
    let ring = daemon.ring.path().to_str().unwrap().to_owned();
    let (untraced, off) = (last.untraced - before.untraced, counted / called - 1.0);
    println!(
        "{table}called {called}, counted {counted} ({:+.3}%), nothing attached for {untraced:.3} s",
        off * 100.0
    );

    // The ring says the same, while it is written and by which sampling it was.
    let keeps = within(5, || {
        run(&["report", &ring, "--format", "json"]).report_with_notes().returns("getppid") as f64 >= counted
    });
    let report = run(&["report", &ring]);
    println!("{}", report.stdout);
    assert!(keeps, "{}", report.stderr);

    let sampled = readings.iter().any(|one| one.sampling > 1);
    let said = format!("{}{}", report.stdout, report.stderr);
    assert!(!sampled || said.contains("sampled 1 in 16") || said.contains("1 call in 1, 16"), "{said}");
    // While nothing is attached nothing is counted, and that is said; else all of it is.
    let least = if untraced / seconds > OFF { -1.0 } else { -OFF };
    assert!((least..OFF).contains(&off), "{off}:\n{table}");
    // Where one call in so many is timed, they stand for all of them.
    for (one, next) in readings.iter().zip(&readings[1..]) {
        let returns = next.returns - one.returns;
        if one.sampling > 1 && next.sampling == one.sampling && one.level == next.level && returns > 1e5 {
            let share = (next.timed - one.timed) / returns;
            assert!((share - 1.0).abs() < OFF, "scaled to {share} of the calls:\n{table}");
            println!("scaled to {:.2}% of the calls", share * 100.0);
        }
    }
}

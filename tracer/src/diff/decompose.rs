//! A shift of a mean, taken apart (Kitagawa 1955; Oaxaca and Blinder 1973): what comes from other shares, and what from
//! other times at the base's shares. Without it a change of shares decides what the means say (Simpson's paradox).
//!
//! Shares and means are sums over runs, each run scaled to one timed call in all: a run counts once, however long it was,
//! and the parts add up exactly.

mod parts;
mod units;

use parts::Parts;
use units::{Sums, Units};

use super::{
    interval::Tails,
    model::{CallShift, Estimate, PathMix, TotalShift},
    row::Context,
    run::Run,
};
use crate::{histogram::total, report::CallName};
use tracer_common::Path;

/// What the shifts are made of.
#[derive(Debug, Default)]
pub struct Decomposition {
    /// By path.
    pub mix: Vec<PathMix>,
    /// By call.
    pub calls: Vec<CallShift>,
    /// Of everything.
    pub total: Option<TotalShift>,
}

/// Takes the shifts of two sides apart. Whole runs are resampled (blocks, if a side has one run).
#[must_use]
pub fn decompose(base: &[Run], new: &[Run], context: &Context) -> Decomposition {
    let order = units::order(base, new);
    let (one, other) = (Units::of(base, &order), Units::of(new, &order));
    let calls = parts::calls(&order);
    let (base, new) = (one.sums(&one.ones()), other.sums(&other.ones()));
    let seen = Parts::between(&base, &new, &calls);
    let resampled: Vec<Drawn> = (0..context.options.resamples)
        .map(|at| {
            let (base, new) =
                (one.sums(&one.drawn(context.base, at)), other.sums(&other.drawn(context.new, at)));
            Drawn { paths: differences(&base, &new), parts: Parts::between(&base, &new, &calls) }
        })
        .collect();
    let tails = tails(one.count(), other.count(), context);
    Decomposition {
        mix: mix(&base, &new, &resampled, tails),
        calls: call_shifts(&seen, &resampled, tails, &calls, [&base, &new]),
        total: total_shift(&seen, &resampled, tails),
    }
}

struct Drawn {
    paths: [f64; Path::COUNT],
    parts: Parts,
}

fn tails(base: usize, new: usize, context: &Context) -> Tails {
    let fewest = base.min(new) as f64;
    if fewest < 2.0 {
        return Tails::Unknown;
    }
    let freedom = (base + new - 2) as f64;
    Tails::expanded(context.options.confidence, freedom, (fewest - 1.0) / fewest, context.options.resamples)
}

fn differences(base: &Sums, new: &Sums) -> [f64; Path::COUNT] {
    std::array::from_fn(|path| new.share(path) - base.share(path))
}

fn mix(base: &Sums, new: &Sums, resampled: &[Drawn], tails: Tails) -> Vec<PathMix> {
    let seen = |path: &Path| base.share(*path as usize) + new.share(*path as usize) > 0.0;
    let one = |path: Path| {
        let at = path as usize;
        let mut drawn: Vec<f64> = resampled.iter().map(|one| one.paths[at]).collect();
        let (base, new) = (base.share(at), new.share(at));
        PathMix { path, base, new, difference: tails.interval(new - base, &mut drawn) }
    };
    Path::ALL.into_iter().filter(seen).map(one).collect()
}

fn call_shifts(
    seen: &Parts,
    resampled: &[Drawn],
    tails: Tails,
    calls: &[parts::Call],
    sides: [&Sums; 2],
) -> Vec<CallShift> {
    let one = |(at, call): (usize, &parts::Call)| {
        let shift = seen.calls[at]?;
        let of = |value: f64, part: fn(&parts::Shift) -> f64| -> Estimate {
            let mut drawn: Vec<f64> =
                resampled.iter().filter_map(|one| one.parts.calls[at].as_ref()).map(part).collect();
            tails.interval(value, &mut drawn)
        };
        let [base_timed, new_timed] =
            sides.map(|side| total(call.series.iter().map(|&(series, _)| side.timed[series])));
        let (all, within) = (of(shift.all(), parts::Shift::all), of(shift.within, |shift| shift.within));
        Some(CallShift {
            call: CallName::new(call.call),
            base_timed,
            new_timed,
            base: shift.base,
            new: shift.new,
            shift: all,
            mix: of(shift.mix, |shift| shift.mix),
            within,
            paradox: call.series.len() > 1 && is_paradox(shift.ways, within, all),
        })
    };
    calls.iter().enumerate().filter_map(one).collect()
}

fn total_shift(seen: &Parts, resampled: &[Drawn], tails: Tails) -> Option<TotalShift> {
    let total = seen.total.filter(|_| seen.calls.iter().any(Option::is_some))?;
    let of = |value: f64, part: fn(&parts::Total) -> f64| -> Estimate {
        let mut drawn: Vec<f64> =
            resampled.iter().filter_map(|one| one.parts.total.as_ref()).map(part).collect();
        tails.interval(value, &mut drawn)
    };
    let shift = of(total.new - total.base, |total| total.new - total.base);
    let within = of(total.within, |total| total.within);
    Some(TotalShift {
        base: total.base,
        new: total.new,
        shift,
        workload: of(total.workload, |total| total.workload),
        paths: of(total.paths, |total| total.paths),
        within,
        paradox: is_paradox(total.ways, within, shift),
    })
}

/// Every part moved one way, the whole the other, and neither by chance.
fn is_paradox(ways: parts::Ways, within: Estimate, all: Estimate) -> bool {
    match ways {
        parts::Ways { faster: true, slower: false } => within.high < 0.0 && all.low > 0.0,
        parts::Ways { faster: false, slower: true } => within.low > 0.0 && all.high < 0.0,
        _ => false,
    }
}

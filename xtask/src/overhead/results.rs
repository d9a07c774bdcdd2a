//! From rounds to figures, and the limits they are held to.

use super::{
    measure::Round,
    mode::{Loop, Mode},
    standing::Standing,
    statistics::Quartiles,
};
use serde_json::{Value, json};

/// One mode in one loop.
pub struct Figure {
    /// The loop.
    pub kind: Loop,
    /// What was attached.
    pub mode: Mode,
    /// ns a call.
    pub ns: Quartiles,
    /// ns a call more than the bare loop beside it.
    pub added: Quartiles,
    /// Added ns as a multiple of the empty pair's in the same round.
    pub times_empty: Option<Quartiles>,
}

/// Something that must not be larger than it is.
pub struct Limit {
    /// What.
    pub what: &'static str,
    /// The largest value.
    pub most: f64,
    /// The value.
    pub value: f64,
    /// Behind both.
    pub unit: &'static str,
}

impl Limit {
    /// Whether the value is within the limit.
    pub fn holds(&self) -> bool {
        self.value <= self.most
    }
}

/// Everything measured.
pub struct Results {
    /// In the order of the table.
    pub figures: Vec<Figure>,
    /// Seconds from the start of `exitpath record` until it was attached.
    pub attach: Option<Quartiles>,
    /// The slowest of them.
    pub slowest_attach: f64,
    /// Memory, in MiB: most ever resident, resident, maps, maps by possible CPU.
    pub mib: [f64; 4],
    /// Share of one CPU that the reader used.
    pub reader_share: f64,
    /// Measurements that were repeated, and those that were disturbed to the last.
    pub disturbances: [u32; 2],
    /// The limits.
    pub limits: Vec<Limit>,
}

impl Results {
    /// Works them out.
    pub fn of(rounds: &[Round], standing: &Standing) -> Self {
        let figures: Vec<Figure> = Loop::ALL
            .into_iter()
            .flat_map(|kind| Mode::ALL.map(|mode| (kind, mode)))
            .filter_map(|(kind, mode)| figure(rounds, kind, mode))
            .collect();
        let seconds = || rounds.iter().filter_map(|round| Some(round.attach.get(&Mode::Full)?.as_secs_f64()));
        let Standing { peak_bytes, resident_bytes, map_bytes, possible_cpus, reader_share } = *standing;
        let map_of_cpu = map_bytes / possible_cpus.max(1);
        let mib = [peak_bytes, resident_bytes, map_bytes, map_of_cpu].map(|bytes| bytes as f64 / 1_048_576.0);
        let slowest_attach = seconds().fold(0.0, f64::max);
        let attach = Quartiles::of(seconds());
        let times = |kind, mode| {
            let figure = figures.iter().find(|one| (one.kind, one.mode) == (kind, mode));
            figure.and_then(|one| one.times_empty).map_or(f64::NAN, |times| times.median)
        };
        let limit = |what, most, value, unit| Limit { what, most, value, unit };
        let limits = vec![
            limit("record, one thread", 2.4, times(Loop::One, Mode::Full), "x empty"),
            limit("record, two threads", 2.6, times(Loop::Two, Mode::Full), "x empty"),
            limit("a filter that rejects", 1.2, times(Loop::One, Mode::Rejecting), "x empty"),
            limit("--counts-only", 0.8, times(Loop::One, Mode::Counts), "x empty"),
            limit("maps of a possible CPU", 8.0, mib[3], "MiB"),
            limit("resident memory, at most", 40.0, mib[0], "MiB"),
            limit("from start to attached", 1.0, attach.map_or(f64::NAN, |attach| attach.median), "s"),
        ];
        let sum = |count: fn(&Round) -> u32| rounds.iter().map(count).sum();
        let disturbances = [sum(|round| round.repeated), sum(|round| round.disturbed)];
        Self { figures, attach, slowest_attach, mib, reader_share, disturbances, limits }
    }

    /// For the file, with every single measurement.
    pub fn json(&self, calls: u64, seed: u64, rounds: &[Round]) -> Value {
        let figures: Vec<Value> = self.figures.iter().map(Figure::json).collect();
        let limits = self.limits.iter().map(|limit| {
            let Limit { what, most, value, unit } = limit;
            json!({ "what": what, "at_most": most, "value": value, "unit": unit, "holds": limit.holds() })
        });
        let [peak, resident, maps, maps_of_cpu] = self.mib;
        let [repeated, disturbed] = self.disturbances;
        json!({
            "schema": "exitpath.overhead/1",
            "calls": calls,
            "seed": seed,
            "measurements": { "repeated": repeated, "disturbed": disturbed },
            "figures": figures,
            "attach_s": { "quartiles": self.attach.map(Quartiles::json), "slowest": self.slowest_attach },
            "memory_mib":
                { "peak": peak, "resident": resident, "maps": maps, "maps_of_possible_cpu": maps_of_cpu },
            "reader_cpu_share": self.reader_share,
            "limits": limits.collect::<Vec<_>>(),
            "rounds": rounds.iter().map(round_json).collect::<Vec<_>>(),
        })
    }
}

impl Figure {
    fn json(&self) -> Value {
        let Self { kind, mode, ns, added, times_empty } = self;
        json!({
            "loop": kind.key(), "mode": mode.key(), "ns": ns.json(), "added_ns": added.json(),
            "times_empty": times_empty.map(Quartiles::json),
        })
    }
}

fn figure(rounds: &[Round], kind: Loop, mode: Mode) -> Option<Figure> {
    let pairs = || rounds.iter().filter_map(move |round| round.pairs.get(&(kind, mode)));
    let times = rounds.iter().filter_map(|round| {
        let unit = round.pairs.get(&(kind, Mode::Empty))?.added();
        // A round so disturbed that the empty pair cost nothing has no unit.
        (unit > 0.0).then_some(round.pairs.get(&(kind, mode))?.added() / unit)
    });
    Some(Figure {
        kind,
        mode,
        ns: Quartiles::of(pairs().map(|pair| pair.with))?,
        added: Quartiles::of(pairs().map(|pair| pair.added()))?,
        times_empty: Quartiles::of(times),
    })
}

fn round_json(round: &Round) -> Value {
    let pairs = round.pairs.iter().map(|((kind, mode), pair)| {
        json!({ "loop": kind.key(), "mode": mode.key(), "bare_ns": pair.bare, "ns": pair.with })
    });
    Value::Array(pairs.collect())
}

#[cfg(test)]
mod tests {
    use super::super::measure::Pair;
    use super::{Loop, Mode, Results, Round, Standing};

    fn round(bare: f64, empty: f64, full: f64) -> Round {
        let mut round = Round::default();
        round.pairs.insert((Loop::One, Mode::Empty), Pair { bare, with: bare + empty });
        round.pairs.insert((Loop::One, Mode::Full), Pair { bare, with: bare + full });
        round
    }

    #[test]
    fn multiples_are_of_the_same_round_and_limits_are_judged_by_their_median() {
        // A slow round: everything doubles, the multiple stays.
        let rounds = [round(100.0, 50.0, 110.0), round(200.0, 100.0, 220.0), round(100.0, 50.0, 150.0)];
        let standing = Standing {
            peak_bytes: 41 << 20,
            resident_bytes: 30 << 20,
            map_bytes: 12 << 20,
            possible_cpus: 2,
            reader_share: 0.01,
        };
        let results = Results::of(&rounds, &standing);
        let full = results.figures.iter().find(|one| one.mode == Mode::Full).unwrap();
        assert!((full.times_empty.unwrap().median - 2.2).abs() < 1e-9);
        assert!((full.added.median - 150.0).abs() < 1e-9);
        let holds: Vec<bool> = results.limits.iter().map(super::Limit::holds).collect();
        // What was not measured does not hold.
        assert_eq!(holds, [true, false, false, false, true, false, false]);
    }
}

//! Arbitrary recordings.

use proptest::{collection, prelude::*};
use tracer_common::handlers::Diversion;
use tracer_common::{
    Cause, Loss, Path, Reason, SeriesKey, Untimed,
    layout::{ERROR_OTHER, cell_errno},
};

use crate::{
    histogram::{Histogram, Precision},
    metadata::Metadata,
    report::fixture,
    snapshot::{OwnCost, Series, Snapshot},
};

pub(super) fn metadata() -> impl Strategy<Value = Metadata> {
    (1_u8..=2, 0.0..4e9_f64, collection::vec(".*", 0..3), 1_u32..100, any::<bool>()).prop_map(
        |(precision, started_at, filters, sample, counts_only)| Metadata {
            precision,
            started_at,
            command: filters.clone(),
            filters,
            sample,
            counts_only,
            ..fixture::metadata()
        },
    )
}

pub(super) fn histogram(precision: Precision) -> impl Strategy<Value = Histogram> {
    let cells = collection::btree_map(0..=precision.cells() as u16, 1..1_u64 << 40, 0..8);
    (cells, any::<[u64; 4]>(), any::<bool>()).prop_map(move |(cells, [count, sum, min, max], exact)| {
        let total: u64 = cells.values().sum();
        if total == 0 {
            return Histogram::new(precision);
        }
        Histogram { precision, count: if exact { total } else { count }, sum, min, max, cells }
    })
}

fn array<const N: usize>() -> impl Strategy<Value = [u64; N]> {
    collection::vec(prop_oneof![Just(0), any::<u64>()], N)
        .prop_map(|counts| <[u64; N]>::try_from(counts).unwrap_or([0; N]))
}

fn series(precision: Precision) -> impl Strategy<Value = Series> {
    let errors =
        (1..=ERROR_OTHER).prop_filter("a cell", |&cell| cell == ERROR_OTHER || cell_errno(cell).is_some());
    (
        any::<u64>(),
        prop_oneof![Just(0), any::<u64>()],
        array::<{ Reason::COUNT }>(),
        array::<{ Cause::COUNT }>(),
        collection::btree_map(errors, 1..u64::MAX, 0..5),
        histogram(precision),
        histogram(precision),
    )
        .prop_map(|(returns, ptraced, reasons, causes, errors, latency, work)| Series {
            returns,
            ptraced,
            reasons,
            causes,
            errors,
            latency,
            work,
        })
}

/// A move takes no exit work with it: plans that move have none.
fn moved(precision: Precision) -> impl Strategy<Value = Series> {
    series(precision).prop_map(move |one| Series { work: Histogram::new(precision), ..one })
}

pub(super) fn snapshot(precision: Precision) -> impl Strategy<Value = Snapshot> {
    // Every key that can be: unused ABI and path numbers read as others.
    let key = (0..SeriesKey::COUNT as u16)
        .prop_map(|bits| SeriesKey::new(SeriesKey(bits).call(), SeriesKey(bits).path()));
    let path = (0..Path::COUNT as u32).prop_map(Path::from_bits);
    (
        any::<(u64, u64, u32)>(),
        (
            collection::btree_map(key.clone(), series(precision), 0..6),
            collection::btree_map(key, moved(precision), 0..2),
        ),
        collection::btree_map(path, histogram(precision), 0..3),
        array::<{ Loss::COUNT }>(),
        array::<{ Untimed::COUNT }>(),
        array::<{ Diversion::COUNT }>(),
        (any::<[u64; 4]>(), collection::btree_map("[a-z_]{1,12}", 1..u64::MAX, 0..3)),
    )
        .prop_map(
            |(
                (start_ns, duration_ns, cpus),
                (series, moved),
                turnaround,
                losses,
                untimed,
                diversions,
                (cost, missed),
            )| {
                Snapshot {
                    start_ns,
                    duration_ns,
                    cpus,
                    series,
                    moved,
                    turnaround,
                    losses,
                    untimed,
                    diversions,
                    own_cost: OwnCost {
                        runs: cost[0],
                        run_ns: cost[1],
                        window_ns: cost[2],
                        reader_ns: cost[3],
                        map_bytes: cost[0] ^ cost[1],
                        possible_cpus: cpus,
                    },
                    missed,
                }
            },
        )
}

pub(super) fn recording() -> impl Strategy<Value = (Metadata, Vec<Snapshot>)> {
    metadata().prop_flat_map(|metadata| {
        let precision = Precision::from_digits(metadata.precision).unwrap_or_default();
        (Just(metadata), collection::vec(snapshot(precision), 0..4))
    })
}

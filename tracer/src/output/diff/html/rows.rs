//! Rows and curves of the page, as many as fit.

use serde_json::{Value, json};

use crate::{
    diff::{Change, Comparison, CurvePoint, Row},
    output::{
        diff::quantity,
        html::{curves, points, significant},
    },
};

/// What a point of a curve takes: five numbers.
const POINT_BYTES: usize = 36;

/// What fits.
pub(super) struct Tables {
    /// Bytes for rows.
    room: usize,
    /// Every n-th point of a curve; `None` is no curve.
    every: Option<usize>,
    /// The quantiles that curves have.
    pub quantiles: Vec<Vec<f64>>,
    /// Rows that did not fit.
    pub left_out: usize,
}

impl Tables {
    pub(super) fn new(comparison: &Comparison, room: usize) -> Self {
        let Comparison { service, paths, exit_work, turnaround, .. } = comparison;
        let rows = || [service, paths, exit_work, turnaround].into_iter().flatten();
        let bare: usize = rows().map(|row| self::row(row, &Value::Null).to_string().len() + 1).sum();
        let points = rows().map(|row| row.curve.len()).max().unwrap_or(0);
        let many = rows().filter(|row| !row.curve.is_empty()).count();
        let every = curves(many, points, POINT_BYTES, room.saturating_sub(bare));
        Self { room, every, quantiles: Vec::new(), left_out: 0 }
    }

    pub(super) fn rows(&mut self, rows: &[Row]) -> Vec<Value> {
        let mut kept = Vec::new();
        for row in rows {
            let curve =
                self.every.filter(|_| !row.curve.is_empty()).map(|every| self.curve(&row.curve, every));
            let value = self::row(row, &curve.unwrap_or_default());
            let size = value.to_string().len() + 1;
            if size > self.room {
                self.left_out += rows.len() - kept.len();
                self.room = 0;
                break;
            }
            self.room -= size;
            kept.push(value);
        }
        kept
    }

    /// A curve: which quantiles, base, new, shift, low, high.
    fn curve(&mut self, curve: &[CurvePoint], every: usize) -> Value {
        let last = curve.len() - 1;
        let kept: Vec<_> =
            (0..curve.len()).filter(|&at| at % every == 0 || at == last).map(|at| curve[at]).collect();
        let quantiles: Vec<_> = kept.iter().map(|point| point.quantile).collect();
        let grid = self.quantiles.iter().position(|one| *one == quantiles).unwrap_or_else(|| {
            self.quantiles.push(quantiles);
            self.quantiles.len() - 1
        });
        let column = |pick: fn(&CurvePoint) -> f64| points(kept.iter().map(pick));
        json!([
            grid,
            column(|point| point.base),
            column(|point| point.new),
            column(|point| point.shift.value),
            column(|point| point.shift.low),
            column(|point| point.shift.high),
        ])
    }
}

fn row(row: &Row, curve: &Value) -> Value {
    let Row { subject, base, new, changes, verdict, because, curve: _ } = row;
    json!({
        "call": subject.name(),
        "path": subject.path().name(),
        "verdict": verdict.name(),
        "because": because,
        "n": [base.timed, new.timed],
        "runs": [base.runs, new.runs],
        "errors": [base.errors, new.errors],
        "changes": changes.iter().map(change).collect::<Vec<_>>(),
        "curve": curve,
    })
}

fn change(change: &Change) -> Value {
    let Change { metric, base, new, difference, ratio, p, q, resolution, below_resolution, verdict: _ } =
        *change;
    let number = |value: Option<f64>| value.map_or(Value::Null, significant);
    json!([
        metric.name(),
        significant(base),
        significant(new),
        significant(difference.value),
        significant(difference.low),
        significant(difference.high),
        significant(ratio.value),
        significant(ratio.low),
        significant(ratio.high),
        number(p),
        number(q),
        number(resolution),
        u8::from(below_resolution),
        quantity::verdict(change),
    ])
}

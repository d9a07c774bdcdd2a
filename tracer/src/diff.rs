//! Comparing recordings: two sides of runs in, one [`Comparison`] out. Pure: no I/O, no clock, and with a fixed seed
//! the same bytes every time.

#[cfg(test)]
pub(crate) mod fixture;
mod model;

pub use model::{
    Advice, CallShift, Change, Comparison, CurvePoint, Estimate, FalsePositives, Level, Method, Metric,
    PathMix, Row, Side, Subject, TotalShift, Unit, Verdict,
};

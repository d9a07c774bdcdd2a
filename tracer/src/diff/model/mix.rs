//! Shares of the paths, and what a shift of a mean is made of.

use tracer_common::Path;

use super::Estimate;
use crate::report::CallName;

/// A path's share of all returns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PathMix {
    /// The path.
    pub path: Path,
    /// Its share of the base's returns, 0 to 1.
    pub base: f64,
    /// Of the new side's.
    pub new: f64,
    /// The change of the share, with its interval.
    pub difference: Estimate,
}

/// A call's shift of its mean service time: what comes from leaving by other paths, and what from the paths themselves.
#[derive(Clone, Debug, PartialEq)]
pub struct CallShift {
    /// The call.
    pub call: CallName,
    /// Timed calls, base.
    pub base_timed: u64,
    /// Timed calls, new.
    pub new_timed: u64,
    /// Its mean over all paths, base, in ns.
    pub base: f64,
    /// The same, new.
    pub new: f64,
    /// New less base: `mix` + `within`.
    pub shift: Estimate,
    /// Because the shares of the paths changed.
    pub mix: Estimate,
    /// Because the paths themselves became slower or faster, at the base's shares.
    pub within: Estimate,
    /// Every path moved one way, and the call the other (Simpson's paradox).
    pub paradox: bool,
}

/// The shift of the mean over all calls, standardised to the base's workload.
#[derive(Clone, Debug, PartialEq)]
pub struct TotalShift {
    /// Mean of the base, in ns a timed call.
    pub base: f64,
    /// Mean of the new side.
    pub new: f64,
    /// New less base: the sum of the three below.
    pub shift: Estimate,
    /// Because other calls were made.
    pub workload: Estimate,
    /// Because calls left by other paths.
    pub paths: Estimate,
    /// Because calls by the same path took longer or shorter.
    pub within: Estimate,
    /// Every part moved one way, and the total the other.
    pub paradox: bool,
}

//! Properties of comparisons.

mod planted;
mod properties;
mod refused;
mod runs;

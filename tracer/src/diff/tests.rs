//! Properties of comparisons.

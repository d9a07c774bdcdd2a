//! A tracer's report against an expectation: equal, not close.

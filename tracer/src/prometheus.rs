//! A fleet's side of a comparison: read from a Prometheus server, a host a run.
//!
//! Prometheus keeps what daemons expose as native histograms. Asked for the increase over a span of time, it answers with
//! buckets, which become histogram cells again here; docs/FLEET.md says with which error.

mod answer;
mod client;
mod host;
mod hosts;
mod native;
mod part;
mod queries;

pub use answer::{Answer, AnswerError, Bucket, Native, Series};
pub use client::{Access, Client, ServerError};
pub use host::run;
pub use hosts::{FleetError, Host, Span, find};
pub use native::{Placed, place};

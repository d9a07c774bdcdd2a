//! What a daemon serves, over real sockets but without tracing: its numbers come from a source made up here.

#[expect(dead_code, reason = "other tests write files of it")]
#[path = "../support/mod.rs"]
mod support;

mod attacks;
mod client;
mod guards;
mod routes;
mod served;

//! A fleet: hosts made up here, a real Prometheus that scrapes them, and `exitpath diff --prometheus` that asks it.

mod compared;
mod contrib;
mod exporter;
mod failures;
mod server;
#[path = "../support/skip.rs"]
mod support;

use support::skip;

/// Waits until the server scraped every one of `targets` so often.
fn wait_for(server: &server::Server, targets: usize, scrapes: u32) {
    let query = format!("count(count_over_time(exitpath_kernel_info[1h]) >= {scrapes}) == {targets}");
    assert!(server::within(120, || !server.ask(&query).is_empty()), "{}", server.log());
}

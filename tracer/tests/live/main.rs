//! The tracer on the running kernel: what it counts, what it leaves out, what it says when it cannot, and that
//! nothing of it stays behind. Runs as root; elsewhere each test says why it is skipped.

mod attacks;
mod bench;
mod coexistence;
mod counts;
mod daemon;
mod doctor;
mod errors;
mod filters;
mod governor;
mod in_flight;
mod killed;
mod leftovers;
mod outputs;
mod pprof;
mod privileges;
mod prometheus;
mod puppet;
mod replicates;
mod run;
mod served;
mod support;
mod system_wide;

//! Shared by the workloads.

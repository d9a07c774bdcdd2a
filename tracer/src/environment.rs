//! Where two recordings' machines, kernels and settings differ. Pure.

/// Something in which two recordings differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// What: `kernel release`, `governor`, `CONFIG_PREEMPT`.
    pub what: String,
    /// The base's value; `-` where it is not known.
    pub base: String,
    /// The new side's value.
    pub new: String,
}

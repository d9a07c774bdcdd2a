//! Stand-in until the generated table is merged.

/// The name of an errno.
#[must_use]
pub fn name(errno: u32) -> Option<&'static str> {
    match errno {
        2 => Some("ENOENT"),
        4 => Some("EINTR"),
        11 => Some("EAGAIN"),
        512 => Some("ERESTARTSYS"),
        _ => None,
    }
}

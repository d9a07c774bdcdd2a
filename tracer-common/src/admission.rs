//! Which tasks and which returns a filter lets through.

/// A process's state in the admission table, one byte per process number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admission(pub u8);

impl Admission {
    /// Not selected.
    pub const NO: Self = Self(0);
    /// Selected.
    pub const YES: Self = Self(1);
    /// Will be selected once it has executed the command (`-- COMMAND`).
    pub const AT_EXEC: Self = Self(2);
    /// Has executed the command; selected from its next entry on, so that `execve` itself is left out.
    pub const AT_ENTRY: Self = Self(3);

    /// The state after an entry; the call is selected if it is then [`Admission::YES`].
    #[inline(always)]
    #[must_use]
    pub const fn after_entry(self) -> Self {
        if self.0 == Self::AT_ENTRY.0 { Self::YES } else { self }
    }

    /// The state after a successful `execve`.
    #[inline(always)]
    #[must_use]
    pub const fn after_exec(self) -> Self {
        if self.0 == Self::AT_EXEC.0 { Self::AT_ENTRY } else { self }
    }

    /// The state after a return to user mode, which the final hook sees: that of `execve` itself is left out, and
    /// what comes after it is selected, whether its entry is seen or not.
    #[inline(always)]
    #[must_use]
    pub const fn after_return(self) -> Self {
        self.after_entry()
    }

    /// The state of a process that this one creates.
    #[inline(always)]
    #[must_use]
    pub const fn of_child(self, follow: bool) -> Self {
        if follow && self.0 == Self::YES.0 { Self::YES } else { Self::NO }
    }

    /// Whether calls are selected.
    #[inline(always)]
    #[must_use]
    pub const fn is_selected(self) -> bool {
        self.0 == Self::YES.0
    }
}

/// Whether a bit of a set is there; numbers outside the set are not.
#[inline(always)]
#[must_use]
pub const fn in_set<const WORDS: usize>(set: &[u64; WORDS], bit: usize) -> bool {
    bit < WORDS * 64 && (set[bit / 64] >> (bit % 64)) & 1 != 0
}

/// Which returns count: all conditions must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReturnFilter {
    /// Only failed calls (`--failed`, `--errno`).
    pub failed: bool,
    /// Only calls of at least this latency in ns; 0 admits calls without latency too.
    pub min_latency: u64,
}

impl ReturnFilter {
    /// Whether a return passes; `latency` is `None` for an untimed one.
    #[inline(always)]
    #[must_use]
    pub const fn admits(&self, error_cell: u8, latency: Option<u64>) -> bool {
        if self.failed && error_cell == 0 {
            return false;
        }
        match latency {
            Some(ns) => ns >= self.min_latency,
            None => self.min_latency == 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_traced_from_its_first_call_after_exec() {
        let mut state = Admission::AT_EXEC;
        // The child reads its start signal and calls execve: not selected.
        state = state.after_entry();
        assert!(!state.is_selected());
        state = state.after_exec();
        assert!(!state.is_selected(), "the return of execve is left out");
        assert_eq!(state.of_child(true), Admission::NO);
        state = state.after_entry();
        assert!(state.is_selected());
        assert_eq!(state.after_exec(), Admission::YES, "a later execve is the command's own");
        assert_eq!((state.of_child(true), state.of_child(false)), (Admission::YES, Admission::NO));
    }

    #[test]
    fn sets_are_total() {
        let set = [1 << 63, 1];
        for bit in 0..300 {
            assert_eq!(in_set(&set, bit), bit == 63 || bit == 64);
        }
    }

    #[test]
    fn returns_are_filtered_by_outcome() {
        let all = ReturnFilter { failed: false, min_latency: 0 };
        assert!(all.admits(0, None) && all.admits(2, Some(0)));
        let failed = ReturnFilter { failed: true, ..all };
        assert!(!failed.admits(0, Some(9)) && failed.admits(2, None));
        let slow = ReturnFilter { min_latency: 1000, ..all };
        assert!(slow.admits(0, Some(1000)) && !slow.admits(0, Some(999)) && !slow.admits(0, None));
    }
}

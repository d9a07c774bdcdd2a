//! What a classification says: the path, and the reasons why it was not SYSRET.

/// The instruction a system call left by.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Path {
    /// `sysretq` after the full-frame exit's tests.
    Sysret = 0,
    /// `sysretq` on the partial-frame fast path (kernels up to 4.15).
    SysretFast = 1,
    /// `iretq`.
    Iret = 2,
    /// `sysretl`, the fast exit of 32-bit callers.
    Sysretl = 3,
    /// `eretu`, the exit of FRED.
    Eretu = 4,
    /// Xen PV: the hypervisor returns for the kernel.
    XenPv = 5,
}

impl Path {
    /// How many paths there are.
    pub const COUNT: usize = 6;
    /// All paths, in the order of their numbers.
    pub const ALL: [Self; Self::COUNT] =
        [Self::Sysret, Self::SysretFast, Self::Iret, Self::Sysretl, Self::Eretu, Self::XenPv];

    /// The name that outputs use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sysret => "sysret",
            Self::SysretFast => "sysret-fast",
            Self::Iret => "iret",
            Self::Sysretl => "sysretl",
            Self::Eretu => "eretu",
            Self::XenPv => "xenpv",
        }
    }

    /// The path with this number; unused numbers read as `Iret`, the path of every doubt.
    #[inline(always)]
    #[must_use]
    pub const fn from_bits(bits: u32) -> Self {
        match bits & 7 {
            0 => Self::Sysret,
            1 => Self::SysretFast,
            3 => Self::Sysretl,
            4 => Self::Eretu,
            5 => Self::XenPv,
            _ => Self::Iret,
        }
    }

    /// Whether a rewritten `ip` would have turned this path into IRET.
    #[inline(always)]
    #[must_use]
    pub const fn is_fast(self) -> bool {
        matches!(self, Self::Sysret | Self::SysretFast | Self::Sysretl)
    }
}

/// One test of the exit code that failed (`EXIT_PATHS` section 1), or a structural reason.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// RCX is not the return address.
    CxNeIp = 0,
    /// R11 is not RFLAGS.
    R11NeFlags = 1,
    /// CS is not the user's 64-bit (compat: 32-bit) code segment.
    Cs = 2,
    /// SS is not the user's stack segment.
    Ss = 3,
    /// The return address is not canonical (up to 6.6), or at or above `TASK_SIZE_MAX`.
    IpLimit = 4,
    /// RF is set.
    Rf = 5,
    /// TF is set.
    Tf = 6,
    /// A new task's first return (`ret_from_fork`).
    ForkChild = 7,
    /// Entered by `int $0x80`.
    Int80 = 8,
    /// The kernel runs as a Xen PV guest.
    XenPv = 9,
    /// A fast 32-bit call that does not return to the vDSO's landing pad.
    LandingPad = 10,
}

impl Reason {
    /// How many reasons there are.
    pub const COUNT: usize = 11;
    /// All reasons, in the order of the kernel's own tests.
    pub const ALL: [Self; Self::COUNT] = [
        Self::CxNeIp,
        Self::R11NeFlags,
        Self::Cs,
        Self::Ss,
        Self::IpLimit,
        Self::Rf,
        Self::Tf,
        Self::ForkChild,
        Self::Int80,
        Self::XenPv,
        Self::LandingPad,
    ];

    /// The name that outputs use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::CxNeIp => "cx!=ip",
            Self::R11NeFlags => "r11!=flags",
            Self::Cs => "cs",
            Self::Ss => "ss",
            Self::IpLimit => "ip-limit",
            Self::Rf => "rf",
            Self::Tf => "tf",
            Self::ForkChild => "fork-child",
            Self::Int80 => "int80",
            Self::XenPv => "xenpv",
            Self::LandingPad => "landing-pad",
        }
    }
}

/// A set of [`Reason`]s, one bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Reasons(pub u16);

impl Reasons {
    /// No test failed.
    pub const NONE: Self = Self(0);

    /// The set with one more reason, where `on`.
    #[inline(always)]
    #[must_use]
    pub const fn with_if(self, reason: Reason, on: bool) -> Self {
        Self(self.0 | ((on as u16) << reason as u16))
    }

    /// The set with one more reason.
    #[inline(always)]
    #[must_use]
    pub const fn with(self, reason: Reason) -> Self {
        self.with_if(reason, true)
    }

    /// Whether a reason is in the set.
    #[inline(always)]
    #[must_use]
    pub const fn has(self, reason: Reason) -> bool {
        (self.0 >> reason as u16) & 1 != 0
    }

    /// Whether no test failed.
    #[inline(always)]
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// What stood behind a return that was not SYSRET, where it was seen. One cause a return: the last that changed
/// the registers.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Cause {
    /// None was seen.
    None = 0,
    /// A signal handler was set up on the way out.
    Signal = 1,
    /// The call is restarted (`-ERESTART*`: `ip -= 2`).
    Restart = 2,
    /// A tracer stepped the task or changed its registers.
    Ptrace = 3,
    /// A restartable sequence was aborted (4.18 to 6.18).
    Rseq = 4,
    /// A new program image.
    Exec = 5,
    /// `rt_sigreturn` into a context that was no syscall boundary.
    Sigreturn = 6,
    /// A uprobe consumer changed the registers.
    Uprobe = 7,
}

impl Cause {
    /// How many causes there are, `None` included.
    pub const COUNT: usize = 8;
    /// All causes but `None`.
    pub const ALL: [Self; 7] =
        [Self::Signal, Self::Restart, Self::Ptrace, Self::Rseq, Self::Exec, Self::Sigreturn, Self::Uprobe];

    /// The name that outputs use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Signal => "signal",
            Self::Restart => "restart",
            Self::Ptrace => "ptrace",
            Self::Rseq => "rseq",
            Self::Exec => "exec",
            Self::Sigreturn => "sigreturn",
            Self::Uprobe => "uprobe",
        }
    }

    /// The cause with this number.
    #[inline(always)]
    #[must_use]
    pub const fn from_bits(bits: u32) -> Self {
        match bits & 7 {
            1 => Self::Signal,
            2 => Self::Restart,
            3 => Self::Ptrace,
            4 => Self::Rseq,
            5 => Self::Exec,
            6 => Self::Sigreturn,
            7 => Self::Uprobe,
            _ => Self::None,
        }
    }
}

/// A classified return.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The instruction.
    pub path: Path,
    /// Every failed test.
    pub reasons: Reasons,
}

impl Verdict {
    /// SYSRET, no test failed.
    pub const SYSRET: Self = Self { path: Path::Sysret, reasons: Reasons::NONE };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_round_trip() {
        for path in Path::ALL {
            assert_eq!(Path::from_bits(path as u32), path);
        }
        for cause in Cause::ALL {
            assert_eq!(Cause::from_bits(cause as u32), cause);
        }
        for (bit, reason) in Reason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, bit);
            assert!(Reasons::NONE.with(reason).has(reason));
            assert!(!Reasons::NONE.has(reason));
        }
    }
}

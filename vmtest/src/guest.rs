//! The contract between the init of a test guest and the machine that boots it.

/// The device that ends QEMU with a code: `-device isa-debug-exit,iobase=0xf4,iosize=0x04`.
pub const EXIT_PORT: u16 = 0xf4;
/// The file in the guest's root that names the payload: its deadline in seconds, then one argument a line.
pub const PAYLOAD: &str = "/payload";
/// The variable that tells a payload that the machine is a guest of ours, to do with as it likes.
pub const IN_GUEST: &str = "EXITPATH_GUEST";
/// The serial port that carries the payload's output; the first one is the kernel's console.
pub const OUTPUT_PORT: &str = "/dev/ttyS1";

/// How init says the verdict on the console where the kernel keeps it from the exit device: lockdown refuses ports.
pub const SPOKEN: &str = "guest-init: verdict ";

/// Set in every verdict, because QEMU's own failures end with small codes too.
const VERDICT: u8 = 0x40;

/// How a payload ended, as far as six bits tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It exited with this code; larger ones read [`Verdict::LARGEST`].
    Code(u8),
    /// A signal ended it.
    Killed,
    /// It ran past its deadline.
    Stalled,
    /// Init could not run it.
    Broken,
}

impl Verdict {
    /// The largest exit code that is told apart.
    pub const LARGEST: u8 = 0x3c;

    /// The byte to write to [`EXIT_PORT`].
    #[must_use]
    pub fn byte(self) -> u8 {
        VERDICT
            | match self {
                Self::Code(code) => code.min(Self::LARGEST),
                Self::Killed => 0x3d,
                Self::Stalled => 0x3e,
                Self::Broken => 0x3f,
            }
    }

    /// The verdict that init spoke on the console, if it did.
    #[must_use]
    pub fn spoken(console: &str) -> Option<Self> {
        let word = console.lines().rev().find_map(|line| line.split_once(SPOKEN))?.1.trim();
        Self::from_qemu(word.parse::<i32>().ok()? * 2 + 1)
    }

    /// The verdict in QEMU's exit code, which is twice the byte plus one; none if the guest gave none.
    #[must_use]
    pub fn from_qemu(code: i32) -> Option<Self> {
        let byte = u8::try_from(code >> 1).ok()?;
        if code & 1 == 0 || byte & 0xc0 != VERDICT {
            return None;
        }
        Some(match byte & 0x3f {
            0x3d => Self::Killed,
            0x3e => Self::Stalled,
            0x3f => Self::Broken,
            code => Self::Code(code),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{SPOKEN, Verdict};

    #[test]
    fn verdicts_survive_qemu_and_its_own_failures_are_none() {
        for verdict in
            [Verdict::Code(0), Verdict::Code(1), Verdict::Killed, Verdict::Stalled, Verdict::Broken]
        {
            assert_eq!(Verdict::from_qemu(i32::from(verdict.byte()) * 2 + 1), Some(verdict));
        }
        let console = format!("[1.0] x\r\n{SPOKEN}{}\r\n[2.0] reboot\r\n", Verdict::Code(3).byte());
        assert_eq!((Verdict::spoken(&console), Verdict::spoken("x")), (Some(Verdict::Code(3)), None));
        assert_eq!(Verdict::Code(255).byte(), Verdict::Code(Verdict::LARGEST).byte());
        for failure in [0, 1, 2, 127, 256, -1] {
            assert_eq!(Verdict::from_qemu(failure), None, "{failure}");
        }
    }
}

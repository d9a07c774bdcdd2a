//! One restriction: set for the whole guest and taken back, or entered by the process that is then executed.

use std::ffi::CString;
use std::{fs, io, ptr};

use anyhow::{Context, Result, anyhow};

/// A capability, by its number in include/uapi/linux/capability.h.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
#[expect(missing_docs, reason = "the kernel's own names")]
pub enum Capability {
    DacReadSearch = 2,
    SysAdmin = 21,
    SysResource = 24,
    Syslog = 34,
    Perfmon = 38,
    Bpf = 39,
}

/// A restriction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A file below `/proc/sys` has this value.
    Sysctl(&'static str, &'static str),
    /// This mount is gone.
    Unmounted(&'static str),
    /// This file is there and empty.
    Empty(&'static str),
    /// This folder is there and empty.
    Bare(&'static str),
    /// `RLIMIT_MEMLOCK` in bytes.
    Memlock(u64),
    /// Root lacks this.
    Without(Capability),
    /// A user who is not root, and has these.
    User(&'static [Capability]),
}

/// What takes a step back.
#[derive(Debug)]
pub struct Undo(String, String);

impl Undo {
    /// Does so.
    pub fn undo(self) -> Result<()> {
        fs::write(&self.0, self.1.trim()).with_context(|| format!("cannot set {} back", self.0))
    }
}

const NOBODY: libc::uid_t = 65_534;
/// `_LINUX_CAPABILITY_VERSION_3`.
const VERSION: u32 = 0x2008_0522;

impl Step {
    /// What holds for the whole guest is set; how to take it back.
    pub fn set(&self) -> Result<Option<Undo>> {
        let Self::Sysctl(name, value) = self else { return Ok(None) };
        let path = format!("/proc/sys/{name}");
        let before = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
        fs::write(&path, value).with_context(|| format!("cannot write {value} to {path}"))?;
        Ok(Some(Undo(path, before)))
    }

    /// What holds for this process and what it executes.
    pub fn enter(&self) -> Result<()> {
        match self {
            Self::Sysctl(..) => Ok(()),
            Self::Unmounted(target) => {
                own_mounts()?;
                let target = CString::new(*target)?;
                // SAFETY: a C string.
                done("umount", unsafe { libc::umount2(target.as_ptr(), libc::MNT_DETACH) })
            }
            Self::Empty(target) => {
                own_mounts()?;
                mount("/dev/null", target, "", libc::MS_BIND)
            }
            Self::Bare(target) => {
                own_mounts()?;
                mount("none", target, "tmpfs", 0)
            }
            Self::Memlock(bytes) => {
                let limit = libc::rlimit { rlim_cur: *bytes, rlim_max: *bytes };
                // SAFETY: a plain structure.
                done("setrlimit", unsafe { libc::setrlimit(libc::RLIMIT_MEMLOCK, &raw const limit) })
            }
            // Root gets what the bounding set has when it executes a program.
            Self::Without(capability) => {
                // SAFETY: numbers only.
                done("PR_CAPBSET_DROP", unsafe { libc::prctl(libc::PR_CAPBSET_DROP, *capability as u32) })
            }
            Self::User(capabilities) => become_user(capabilities),
        }
    }
}

fn become_user(capabilities: &[Capability]) -> Result<()> {
    let set = capabilities.iter().fold(0_u64, |set, one| set | 1 << (*one as u32));
    let halves = [set as u32, (set >> 32) as u32];
    let header = [VERSION, 0];
    // Effective, permitted, inheritable: low halves, then high ones.
    let data = halves.map(|half| [half; 3]);
    // SAFETY: the raw calls, because glibc's change all threads; the structures outlive them.
    unsafe {
        done("PR_SET_KEEPCAPS", libc::prctl(libc::PR_SET_KEEPCAPS, 1))?;
        done("setgroups", libc::setgroups(0, ptr::null()))?;
        done("setresgid", libc::setresgid(NOBODY, NOBODY, NOBODY))?;
        done("setresuid", libc::setresuid(NOBODY, NOBODY, NOBODY))?;
        done("capset", libc::syscall(libc::SYS_capset, header.as_ptr(), data.as_ptr()) as i32)?;
        for one in capabilities {
            let raise = libc::PR_CAP_AMBIENT_RAISE as libc::c_ulong;
            done("ambient", libc::prctl(libc::PR_CAP_AMBIENT, raise, *one as libc::c_ulong, 0_u64, 0_u64))?;
        }
    }
    Ok(())
}

/// Mounts of this process's own. More than once does no harm.
fn own_mounts() -> Result<()> {
    // SAFETY: numbers only.
    done("unshare", unsafe { libc::unshare(libc::CLONE_NEWNS) })?;
    mount("none", "/", "", libc::MS_REC | libc::MS_PRIVATE)
}

fn mount(source: &str, target: &str, kind: &str, flags: libc::c_ulong) -> Result<()> {
    let [from, to, with] = [source, target, kind].map(CString::new);
    let (from, to, with) = (from?, to?, with?);
    // SAFETY: three C strings, no data.
    let got = unsafe { libc::mount(from.as_ptr(), to.as_ptr(), with.as_ptr(), flags, ptr::null()) };
    done("mount", got).with_context(|| target.to_owned())
}

fn done(what: &str, got: i32) -> Result<()> {
    if got < 0 { Err(anyhow!("{what}: {}", io::Error::last_os_error())) } else { Ok(()) }
}

//! Seccomp (seccomp(2)): the system calls that a confined process can still make.
//!
//! What is not on the list fails with EPERM instead of ending the process: a library that learns a new call must not
//! cost a month of recordings. The kernel's audit log names each refused call (`type=1326`), where auditing is on.

mod allowed;

use std::{collections::BTreeMap, io};

use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, sock_filter,
};

use super::PrivilegeError;
use allowed::ALLOWED;

/// Commands of bpf(2): look up, update and walk a map that is open, and ask for a program's statistics.
const BPF_COMMANDS: [u64; 7] = [1, 2, 4, 15, 24, 25, 26];
/// Unix, IPv4 and IPv6; no packet, netlink or BPF socket families.
const FAMILIES: [libc::c_int; 3] = [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6];

/// What a confined process still does with programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// It reads what those that are attached count.
    Reads,
    /// It attaches others, too.
    Attaches,
}

/// Restricts this thread. `no_new_privs` must be set.
pub fn restrict(work: Work) -> Result<(), PrivilegeError> {
    let refused = |error: BackendError| PrivilegeError::refused("the filter on system calls", error);
    // Every new thread asks for clone3: that is no news for the log.
    let programs = [
        (without_clone3().map_err(refused)?, Log::Nothing),
        (allow_list(work).map_err(refused)?, Log::Refusals),
    ];
    programs
        .iter()
        .try_for_each(|(program, log)| install(program, *log))
        .map_err(|error| PrivilegeError::refused("seccomp", error))
}

fn allow_list(work: Work) -> Result<BpfProgram, BackendError> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = ALLOWED.iter().map(|&call| (call, Vec::new())).collect();
    let any = |argument: u8, values: &[u64]| {
        let one = |&value: &u64| rule(argument, SeccompCmpOp::Eq, value);
        values.iter().map(one).collect::<Result<Vec<_>, _>>()
    };
    let executable = libc::PROT_EXEC as u64;
    rules.insert(libc::SYS_mmap, vec![rule(2, SeccompCmpOp::MaskedEq(executable), 0)?]);
    rules.insert(libc::SYS_mprotect, vec![rule(2, SeccompCmpOp::MaskedEq(executable), 0)?]);
    let thread = libc::CLONE_THREAD as u64;
    rules.insert(libc::SYS_clone, vec![rule(0, SeccompCmpOp::MaskedEq(thread), thread)?]);
    match work {
        Work::Reads => {
            rules.insert(libc::SYS_bpf, any(0, &BPF_COMMANDS)?);
        }
        Work::Attaches => {
            rules.extend([libc::SYS_bpf, libc::SYS_perf_event_open].map(|call| (call, Vec::new())));
        }
    }
    let families = FAMILIES.map(|family| family as u64);
    rules.insert(libc::SYS_socket, any(0, &families)?);
    rules.insert(libc::SYS_socketpair, any(0, &families)?);
    // Names of threads and of mappings: what glibc does for every thread and heap.
    rules.insert(libc::SYS_prctl, any(0, &[libc::PR_SET_NAME as u64, libc::PR_SET_VMA as u64])?);
    // Limits are read, not set.
    let null = SeccompCondition::new(2, SeccompCmpArgLen::Qword, SeccompCmpOp::Eq, 0)?;
    rules.insert(libc::SYS_prlimit64, vec![SeccompRule::new(vec![null])?]);
    // abort(3) and raise(3): signals to itself alone.
    rules.insert(libc::SYS_tgkill, any(0, &[u64::from(std::process::id())])?);
    compile(rules, SeccompAction::Errno(libc::EPERM as u32), SeccompAction::Allow)
}

/// `clone3` has its flags in memory, where no filter looks: where it does not exist glibc uses `clone`.
fn without_clone3() -> Result<BpfProgram, BackendError> {
    let rules = [(libc::SYS_clone3, Vec::new())].into();
    compile(rules, SeccompAction::Allow, SeccompAction::Errno(libc::ENOSYS as u32))
}

fn rule(argument: u8, operator: SeccompCmpOp, value: u64) -> Result<SeccompRule, BackendError> {
    SeccompRule::new(vec![SeccompCondition::new(argument, SeccompCmpArgLen::Dword, operator, value)?])
}

pub(super) fn compile(
    rules: BTreeMap<i64, Vec<SeccompRule>>,
    otherwise: SeccompAction,
    matching: SeccompAction,
) -> Result<BpfProgram, BackendError> {
    SeccompFilter::new(rules, otherwise, matching, TargetArch::x86_64)?.try_into()
}

/// What of a filter's answers the kernel's audit log tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Log {
    /// Every call that it refuses.
    Refusals,
    /// None; killed processes are told all the same.
    Nothing,
}

/// seccompiler's own way has no flag for the log.
pub(super) fn install(program: &[sock_filter], log: Log) -> io::Result<()> {
    #[repr(C)]
    struct Program {
        length: u16,
        instructions: *const sock_filter,
    }
    let program = Program { length: program.len() as u16, instructions: program.as_ptr() };
    let set = |flags: libc::c_ulong| {
        // SAFETY: the kernel copies the program, which lives through the call.
        let result = unsafe {
            libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, flags, &raw const program)
        };
        if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    };
    match log {
        // The flag is of 4.14.
        Log::Refusals => set(libc::SECCOMP_FILTER_FLAG_LOG).or_else(|_| set(0)),
        Log::Nothing => set(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, process::Command, thread};

    /// A filter is a thread's own, so a test may enter one in a thread that ends.
    #[test]
    fn only_what_is_listed_can_be_called() {
        thread::spawn(|| {
            super::super::no_new_privileges().unwrap();
            restrict(Work::Reads).unwrap();
            // What a daemon does.
            let folder = std::env::temp_dir();
            assert!(fs::read_dir(&folder).unwrap().count() < usize::MAX);
            assert_eq!(thread::spawn(|| fs::read("/proc/self/stat").is_ok()).join().ok(), Some(true));
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            let _client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            listener.accept().unwrap();
            assert!(vec![1_u8; 64 << 20].iter().all(|&byte| byte == 1));
            // What it never does.
            let refused = |result: libc::c_long| {
                let error = io::Error::last_os_error().raw_os_error();
                if result == -1 { error } else { None }
            };
            // SAFETY: calls that are refused, or that fail for their arguments.
            unsafe {
                assert_eq!(refused(libc::syscall(libc::SYS_clone3, 0, 0)), Some(libc::ENOSYS));
                for call in
                    [libc::SYS_execve, libc::SYS_ptrace, libc::SYS_mount, libc::SYS_setuid, libc::SYS_kill]
                {
                    assert_eq!(refused(libc::syscall(call, 0, 0, 0, 0, 0)), Some(libc::EPERM), "{call}");
                }
                // BPF_PROG_LOAD, BPF_ENABLE_STATS; BPF_MAP_LOOKUP_ELEM of nothing.
                for (command, error) in [(5, libc::EPERM), (32, libc::EPERM), (1, libc::EBADF)] {
                    let attributes = [-1_i32; 32];
                    let result = libc::syscall(libc::SYS_bpf, command, attributes.as_ptr(), 32_usize);
                    let said = refused(result);
                    assert!(
                        said == Some(error) || command == 1 && said == Some(libc::EINVAL),
                        "{command} {said:?}"
                    );
                }
                assert_eq!(
                    refused(libc::syscall(libc::SYS_socket, libc::AF_NETLINK, 3, 0)),
                    Some(libc::EPERM)
                );
                let executable = libc::PROT_READ | libc::PROT_EXEC;
                let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
                let mapped = libc::syscall(libc::SYS_mmap, 0, 4096_usize, executable, flags, -1, 0);
                assert_eq!(refused(mapped), Some(libc::EPERM));
                assert_eq!(refused(libc::syscall(libc::SYS_tgkill, 1, 1, 0)), Some(libc::EPERM));
            }
            assert!(Command::new("true").status().is_err());
        })
        .join()
        .unwrap();
    }
}

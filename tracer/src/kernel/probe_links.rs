//! Which BPF programs of others hang on the way of a system call. Asks the kernel for every program and link of the
//! machine, which takes `CAP_SYS_ADMIN`; attaches nothing.

use std::{
    cell::OnceCell,
    collections::{BTreeMap, BTreeSet},
    io,
    os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd},
    sync::{Mutex, PoisonError},
};

use aya::programs::{ProgramError, links::LinkError, loaded_links, loaded_programs};

use crate::kernel::{btf::Btf, btf_bytes};

/// `enum bpf_cmd`, `bpf_prog_type`, `bpf_link_type`, `bpf_attach_type` (include/uapi/linux/bpf.h).
mod uapi {
    pub const OBJ_GET_INFO_BY_FD: libc::c_long = 15;
    pub const LINK_GET_FD_BY_ID: libc::c_long = 30;
    pub const PROG_KPROBE: u32 = 2;
    pub const PROG_TRACEPOINT: u32 = 5;
    pub const PROG_RAW_TRACEPOINT: u32 = 17;
    pub const PROG_RAW_TRACEPOINT_WRITABLE: u32 = 24;
    pub const PROG_TRACING: u32 = 26;
    pub const LINK_RAW_TRACEPOINT: u32 = 1;
    pub const LINK_TRACING: u32 = 2;
    pub const LINK_PERF_EVENT: u32 = 7;
    pub const TRACE_RAW_TP: u32 = 23;
    pub const MODIFY_RETURN: u32 = 26;
}

/// Where the parts of `struct bpf_link_info` lie, which is append-only: the type, and by type what follows.
mod at {
    pub const TYPE: usize = 0;
    pub const RAW_TRACEPOINT_NAME: usize = 16;
    pub const ATTACH_TYPE: usize = 16;
    pub const TARGET_BTF_ID: usize = 24;
    pub const PERF_EVENT_NAME: usize = 24;
    pub const SIZE: usize = 64;
}

/// What a program hangs on.
enum Hook {
    Named(String),
    /// Kernels before 5.8 keep no list of links, and what is attached through perf alone is in none.
    Unsaid,
}

/// What this process has loaded, ever: the kernel forgets a program only some time after its last use, and numbers are
/// not used again.
static OURS: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());

/// Says which programs are ours, by the kernel's numbers.
pub fn are_ours(programs: impl IntoIterator<Item = u32>) {
    OURS.lock().unwrap_or_else(PoisonError::into_inner).extend(programs);
}

/// The programs on entry and exit of system calls or on a function that serves them, one a line, as
/// `raw_tracepoint sys_enter (name)`; and tracing programs of which the kernel does not say where they hang. Ours
/// are left out.
pub fn on_system_calls() -> io::Result<Vec<String>> {
    let ours = OURS.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let mut programs = BTreeMap::new();
    for program in loaded_programs() {
        let program = match program {
            Ok(program) => program,
            // It went while the list was read.
            Err(ProgramError::SyscallError(error)) if error.io_error.raw_os_error() == Some(libc::ENOENT) => {
                continue;
            }
            Err(error) => return Err(io::Error::other(error)),
        };
        let kind = match program.program_type() as u32 {
            uapi::PROG_KPROBE => "kprobe",
            uapi::PROG_TRACEPOINT => "tracepoint",
            uapi::PROG_RAW_TRACEPOINT | uapi::PROG_RAW_TRACEPOINT_WRITABLE => "raw_tracepoint",
            uapi::PROG_TRACING => "tracing",
            _ => continue,
        };
        if ours.contains(&program.id()) {
            continue;
        }
        programs.insert(program.id(), (kind, String::from_utf8_lossy(program.name()).into_owned()));
    }
    if programs.is_empty() {
        return Ok(Vec::new());
    }
    let mut hooks: BTreeMap<u32, Vec<Hook>> = BTreeMap::new();
    let types = OnceCell::new();
    let mut listed = true;
    for link in loaded_links() {
        let link = match link {
            Ok(link) => link,
            Err(LinkError::SyscallError(error)) => {
                listed &= error.io_error.raw_os_error() != Some(libc::EINVAL);
                continue;
            }
            Err(_) => continue,
        };
        let program = link.program_id();
        if programs.contains_key(&program) {
            hooks.entry(program).or_default().push(hook(link.id(), &types).unwrap_or(Hook::Unsaid));
        }
    }
    let mut lines = Vec::new();
    for (id, (kind, name)) in &programs {
        // Only through perf can a program be attached without a link; others without one are loaded and no more.
        let unsaid = [Hook::Unsaid];
        let without = if listed && !["kprobe", "tracepoint"].contains(kind) { &[][..] } else { &unsaid[..] };
        for hook in hooks.get(id).map_or(without, Vec::as_slice) {
            match hook {
                Hook::Named(hook) if is_on_the_way(hook) => lines.push(format!("{kind} {hook} ({name})")),
                Hook::Named(_) => {}
                Hook::Unsaid => lines.push(format!("{kind}, the kernel does not say where ({name})")),
            }
        }
    }
    lines.sort();
    Ok(lines)
}

/// Whether what hangs there runs in system calls or between them and user mode: tracepoints, handlers, entry and exit.
fn is_on_the_way(hook: &str) -> bool {
    const STARTS: [&str; 10] = [
        "sys_enter",
        "sys_exit",
        "__x64_sys_",
        "__ia32_sys_",
        "__se_sys_",
        "__do_sys_",
        "do_syscall_",
        "x64_sys_call",
        "syscall_",
        "exit_to_user_mode",
    ];
    hook == "fpregs_assert_state_consistent" || STARTS.iter().any(|start| hook.starts_with(start))
}

/// Where a link hangs. Type information is read only where a link is named by its type.
fn hook(link: u32, types: &OnceCell<Vec<u8>>) -> io::Result<Hook> {
    let link = open(link)?;
    let mut name = [0_u8; 128];
    let mut info = [0_u8; at::SIZE];
    ask(&link, &mut info)?;
    match word(&info, at::TYPE) {
        uapi::LINK_RAW_TRACEPOINT => {
            info = [0; at::SIZE];
            point(&mut info, at::RAW_TRACEPOINT_NAME, &mut name);
        }
        uapi::LINK_PERF_EVENT => {
            info = [0; at::SIZE];
            point(&mut info, at::PERF_EVENT_NAME, &mut name);
        }
        uapi::LINK_TRACING
            if (uapi::TRACE_RAW_TP..=uapi::MODIFY_RETURN).contains(&word(&info, at::ATTACH_TYPE)) =>
        {
            let data = types.get_or_init(|| btf_bytes().unwrap_or_default());
            let types = Btf::parse(data).map_err(io::Error::other)?;
            let name = types.name(word(&info, at::TARGET_BTF_ID));
            return Ok(name
                .map_or(Hook::Unsaid, |name| Hook::Named(name.trim_start_matches("btf_trace_").to_owned())));
        }
        _ => return Ok(Hook::Unsaid),
    }
    ask(&link, &mut info)?;
    let name = name.split(|&byte| byte == 0).next().unwrap_or_default();
    // Kernels before 6.6 do not name what perf events hang on.
    if name.is_empty() {
        Ok(Hook::Unsaid)
    } else {
        Ok(Hook::Named(String::from_utf8_lossy(name).into_owned()))
    }
}

fn word(info: &[u8; at::SIZE], at: usize) -> u32 {
    u32::from_ne_bytes(info[at..at + 4].try_into().unwrap_or_default())
}

/// Says where the kernel may write a name: its address, and its room behind it.
fn point(info: &mut [u8; at::SIZE], at: usize, name: &mut [u8; 128]) {
    info[at..at + 8].copy_from_slice(&(name.as_mut_ptr() as u64).to_ne_bytes());
    info[at + 8..at + 12].copy_from_slice(&(name.len() as u32).to_ne_bytes());
}

fn open(link: u32) -> io::Result<OwnedFd> {
    let attributes = [link, 0, 0, 0];
    // SAFETY: the attributes live through the call, which reads them.
    let fd = unsafe {
        libc::syscall(libc::SYS_bpf, uapi::LINK_GET_FD_BY_ID, attributes.as_ptr(), size_of_val(&attributes))
    };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: a new descriptor that nobody else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as i32) })
}

/// `BPF_OBJ_GET_INFO_BY_FD`. What `info` points to must live through the call.
fn ask(link: &OwnedFd, info: &mut [u8; at::SIZE]) -> io::Result<()> {
    #[repr(C)]
    struct Attributes {
        fd: u32,
        length: u32,
        info: u64,
    }
    let mut attributes =
        Attributes { fd: link.as_raw_fd() as u32, length: at::SIZE as u32, info: info.as_mut_ptr() as u64 };
    // SAFETY: the attributes describe buffers of the caller that live through the call.
    let result = unsafe {
        libc::syscall(libc::SYS_bpf, uapi::OBJ_GET_INFO_BY_FD, &raw mut attributes, size_of::<Attributes>())
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    use super::is_on_the_way;

    #[test]
    fn hooks_on_the_way_are_told_from_others() {
        for hook in
            ["sys_enter", "sys_exit_read", "__x64_sys_openat", "do_syscall_64", "exit_to_user_mode_prepare"]
        {
            assert!(is_on_the_way(hook), "{hook}");
        }
        for hook in ["sched_switch", "tcp_connect", "signal_deliver", "vfs_read"] {
            assert!(!is_on_the_way(hook), "{hook}");
        }
    }
}

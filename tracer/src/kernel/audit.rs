//! Whether the kernel audits: where it does, every task made since may take the slow way in and out of every call.

use std::{
    io,
    os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd},
};

/// `AUDIT_GET` of include/uapi/linux/audit.h, and the kinds of netlink messages.
const AUDIT_GET: u16 = 1000;
const NETLINK_AUDIT: i32 = 9;
const NLM_F_REQUEST: u16 = 1;
const HEADER: usize = 16;
/// How long an answer may take, in ms: the kernel sends it from a thread of its own.
const PATIENCE: i32 = 200;

/// `on`, `off`, or `locked` (on until the next boot). Takes `CAP_AUDIT_CONTROL`; an error where it may not be asked.
pub fn state() -> io::Result<&'static str> {
    let socket = socket()?;
    let mut request = [0_u8; HEADER];
    request[..4].copy_from_slice(&(HEADER as u32).to_ne_bytes());
    request[4..6].copy_from_slice(&AUDIT_GET.to_ne_bytes());
    request[6..8].copy_from_slice(&NLM_F_REQUEST.to_ne_bytes());
    // SAFETY: a buffer that lives through the call.
    let sent = unsafe { libc::send(socket.as_raw_fd(), request.as_ptr().cast(), request.len(), 0) };
    if sent < 0 {
        return Err(io::Error::last_os_error());
    }
    let mut poll = libc::pollfd { fd: socket.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    // SAFETY: one descriptor, as said.
    if unsafe { libc::poll(&raw mut poll, 1, PATIENCE) } != 1 {
        return Err(io::ErrorKind::TimedOut.into());
    }
    let mut answer = [0_u8; 256];
    // SAFETY: a buffer that lives through the call.
    let length = unsafe { libc::recv(socket.as_raw_fd(), answer.as_mut_ptr().cast(), answer.len(), 0) };
    let length = usize::try_from(length).map_err(|_| io::Error::last_os_error())?;
    read(&answer[..length])
}

fn socket() -> io::Result<OwnedFd> {
    // SAFETY: makes a descriptor, or fails.
    let fd = unsafe { libc::socket(libc::AF_NETLINK, libc::SOCK_RAW | libc::SOCK_CLOEXEC, NETLINK_AUDIT) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: a new descriptor that nobody else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// The answer: a header and `struct audit_status`, whose second word is `enabled`; or an error's number.
fn read(answer: &[u8]) -> io::Result<&'static str> {
    let word =
        |at: usize| answer.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map(u32::from_ne_bytes);
    let kind = answer.get(4..6).and_then(|bytes| bytes.try_into().ok()).map(u16::from_ne_bytes);
    match (kind, word(HEADER), word(HEADER + 4)) {
        (Some(AUDIT_GET), _, Some(0)) => Ok("off"),
        (Some(AUDIT_GET), _, Some(1)) => Ok("on"),
        (Some(AUDIT_GET), _, Some(2)) => Ok("locked"),
        (Some(kind), Some(error), _) if i32::from(kind) == libc::NLMSG_ERROR => {
            Err(io::Error::from_raw_os_error((error as i32).wrapping_neg()))
        }
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(kind: u16, words: &[u32]) -> Vec<u8> {
        let mut bytes = vec![0; HEADER];
        bytes[4..6].copy_from_slice(&kind.to_ne_bytes());
        bytes.extend(words.iter().flat_map(|word| word.to_ne_bytes()));
        bytes
    }

    #[test]
    fn answers_are_states_or_errors() {
        for (enabled, state) in [(0, "off"), (1, "on"), (2, "locked")] {
            assert_eq!(read(&answer(AUDIT_GET, &[7, enabled, 0])).unwrap(), state);
        }
        let refused = read(&answer(2, &[(-libc::EPERM) as u32, 0])).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::PermissionDenied);
        for bytes in [vec![], answer(AUDIT_GET, &[]), answer(AUDIT_GET, &[0, 9])] {
            assert!(read(&bytes).is_err());
        }
    }
}

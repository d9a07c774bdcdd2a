//! Disks that are full, or cannot be written.

use std::{ffi::CString, fs, os::unix::ffi::OsStrExt as _, path::Path};

use tempfile::TempDir;

use super::{Daemon, all_kept, folder, kept};
use crate::{
    puppet::Puppet,
    support::{turn, within},
};

/// A small disk of its own; unmounted with this value.
struct Disk(TempDir);

impl Disk {
    fn mount(flags: libc::c_ulong, options: &str) -> Self {
        let disk = Self(folder());
        disk.again(flags, options);
        disk
    }

    fn again(&self, flags: libc::c_ulong, options: &str) {
        let target = CString::new(self.0.path().as_os_str().as_bytes()).expect("a path");
        let options = CString::new(options).expect("options");
        // SAFETY: valid strings; only a folder of our own is mounted upon.
        let mounted = unsafe {
            libc::mount(c"none".as_ptr(), target.as_ptr(), c"tmpfs".as_ptr(), flags, options.as_ptr().cast())
        };
        assert_eq!(mounted, 0, "{}", std::io::Error::last_os_error());
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if let Ok(target) = CString::new(self.0.path().as_os_str().as_bytes()) {
            // SAFETY: a valid string; what is still open stays until it is closed.
            unsafe { libc::umount2(target.as_ptr(), libc::MNT_DETACH) };
        }
    }
}

#[test]
fn a_full_disk_costs_intervals_and_nothing_else() {
    let Some(_turn) = turn("daemon::disk::a_full_disk_costs_intervals_and_nothing_else") else { return };
    let disk = Disk::mount(0, "size=64k");
    let filler = disk.path().join("filler");
    fs::write(&filler, vec![7; 40 << 10]).expect("there is room");
    let mut daemon = Daemon::start(disk.path(), &["--comm", "puppet"]);
    let mut puppet = Puppet::new();
    puppet.tell("calls 10");
    let full = within(20, || {
        puppet.tell("calls 100");
        puppet.tell("fail 10");
        daemon.counter("exitpath_ring_unkept_intervals_total", "") >= 2.0
    });
    assert!(full, "{}", daemon.get("/metrics"));
    let said = daemon.next_line();
    assert!(said.contains("tracing and serving go on"), "{said}");
    assert_eq!(daemon.get("/healthz"), "ok\n");
    let before = daemon.counter("exitpath_returns_total", "\"getppid\"");
    puppet.tell("calls 1000");
    assert!(within(10, || daemon.counter("exitpath_returns_total", "\"getppid\"") >= before + 1000.0));
    fs::remove_file(filler).expect("it was ours");
    let said = daemon.next_line();
    assert!(said.contains("the ring takes intervals again"), "{said}");
    let unkept = daemon.counter("exitpath_ring_unkept_returns_total", "");
    puppet.tell("calls 5");
    let counted = daemon.counter("exitpath_returns_total", "");
    assert_eq!(daemon.end(libc::SIGTERM).code(), Some(0));
    // What is not in the ring was counted as such: nothing is missing without a word.
    let kept = all_kept(disk.path());
    assert!(kept as f64 + unkept >= counted, "{kept} kept, {unkept} not, {counted} counted");
}

#[test]
fn a_disk_that_cannot_be_written_is_waited_for() {
    let Some(_turn) = turn("daemon::disk::a_disk_that_cannot_be_written_is_waited_for") else { return };
    let disk = Disk::mount(libc::MS_RDONLY, "size=1m");
    let mut daemon = Daemon::start(disk.path(), &["--comm", "puppet"]);
    assert!(daemon.next_line().contains("Read-only"), "it says so");
    let mut puppet = Puppet::new();
    puppet.tell("calls 10");
    assert!(within(10, || daemon.counter("exitpath_returns_total", "\"getppid\"") >= 10.0));
    disk.again(libc::MS_REMOUNT, "size=1m");
    assert!(daemon.next_line().contains("the ring takes intervals again"));
    puppet.tell("calls 44");
    assert_eq!(daemon.end(libc::SIGTERM).code(), Some(0));
    assert_eq!(kept(disk.path()), 44);
}

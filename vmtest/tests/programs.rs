//! The programs as processes. Cargo builds a package's programs for its integration tests only, so this file is
//! also why the live tests of the tracer find them built.

use std::fs::File;
use std::io::Write;
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::process::{Command, Output, Stdio};

fn run(program: &str, arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it was built");
    // One that ends early does not read it.
    let _ = child.stdin.take().expect("it was piped").write_all(input.as_bytes());
    child.wait_with_output().expect("our own child")
}

#[test]
fn puppet_does_as_told_and_fails_at_what_it_does_not_know() {
    let puppet = env!("CARGO_BIN_EXE_puppet");
    let output = run(puppet, &[], "calls 3\nthreads 2 3\nchildren 2 3\nfail 2\nsleep 1 1\nname x\n");
    assert_eq!((output.status.code(), &*output.stdout), (Some(0), "done\n".repeat(6).as_bytes()));
    assert!(!run(puppet, &[], "dance\n").status.success());
}

#[test]
fn baseline_says_in_one_line_that_it_needs_root() {
    let program = File::open(env!("CARGO_BIN_EXE_baseline")).expect("it was built");
    // Nobody may not look into every folder, so the program is named by its descriptor.
    let mut command = Command::new(format!("/proc/self/fd/{}", program.as_raw_fd()));
    command.arg("count").stdin(Stdio::null());
    // SAFETY: asks for this process's own number.
    if unsafe { libc::geteuid() } == 0 {
        command.uid(65_534).gid(65_534);
    }
    let output = command.output().expect("it was built");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success());
    assert!(said.lines().count() == 1 && said.contains("root"), "{said}");
}

#[test]
fn the_workload_writes_what_it_did() {
    let list = run(env!("CARGO_BIN_EXE_workload"), &["--list"], "");
    assert!(String::from_utf8_lossy(&list.stdout).lines().any(|line| line.starts_with("getppid ")));
    let unknown = run(env!("CARGO_BIN_EXE_workload"), &["nosuch=1"], "");
    assert!(!unknown.status.success());
}

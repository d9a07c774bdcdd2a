//! What the tracer needs: two capabilities; without them it says so.

use std::{
    fs,
    os::unix::{fs::PermissionsExt as _, process::CommandExt as _},
    path::PathBuf,
    process::Command,
};

use tempfile::TempDir;

use crate::{
    errors::assert_one_line,
    run::Outcome,
    support::{EXITPATH, exists, skip, turn},
};

const NOBODY: u32 = 65_534;

/// A copy of the tracer that everybody may execute: nobody may look into the folder it was built in.
struct Copy(TempDir);

impl Copy {
    fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("exitpath").tempdir().expect("a folder of our own");
        let copy = Self(folder);
        fs::copy(EXITPATH, copy.path()).expect("the program can be copied");
        for path in [copy.0.path().to_owned(), copy.path()] {
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("it is ours");
        }
        copy
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("exitpath")
    }
}

#[test]
fn without_privileges_one_line_says_what_is_needed() {
    let Some(_turn) = turn("privileges::without_privileges_one_line_says_what_is_needed") else { return };
    let copy = Copy::new();
    for arguments in [&["record", "-d", "0.1"][..], &["record", "--", "true"]] {
        let mut command = Command::new(copy.path());
        let command = command.args(arguments).uid(NOBODY).gid(NOBODY).current_dir("/");
        let outcome = Outcome::of(command.output().expect("the tracer can be started"));
        assert_one_line(&outcome, 3, &["root", "CAP_BPF", "CAP_PERFMON"]);
    }
}

#[test]
fn two_capabilities_are_enough() {
    let test = "privileges::two_capabilities_are_enough";
    let Some(_turn) = turn(test) else { return };
    if !exists("setpriv") {
        let _: Option<()> = skip(test, "no setpriv here: install what Debian calls util-linux");
        return;
    }
    let copy = Copy::new();
    let mut command = Command::new("setpriv");
    let capabilities = "+bpf,+perfmon";
    command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]);
    command.args(["--inh-caps", capabilities, "--ambient-caps", capabilities]).arg(copy.path());
    command.args(["record", "--format", "json", "--", "sh", "-c", "exit 0"]).current_dir("/");
    let report = Outcome::of(command.output().expect("setpriv exists")).report();
    assert!(report.returns("mmap") > 0, "{report:?}");
    report.assert_nothing_lost();
}

//! Whether a live test can run here, its turn, and the programs it needs.

use std::{
    env,
    fs::{File, OpenOptions},
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
};

use vmtest::baseline::{Baseline, Kind};

/// The tracer under test.
pub const EXITPATH: &str = env!("CARGO_BIN_EXE_exitpath");

/// A test's turn: the live tests trace one machine, so they go one at a time, whatever runs them.
pub struct Turn(File);

impl Drop for Turn {
    fn drop(&mut self) {
        // The file's end unlocks it too.
        let _ = self.0.unlock();
    }
}

/// The turn of `test`; nothing, and the reason said, where this process cannot load programs. Whether it can is not
/// asked of the tracer: a tracer that wrongly refuses must fail its tests.
pub fn turn(test: &str) -> Option<Turn> {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("live.lock");
    let file = File::create(&path).unwrap_or_else(|error| panic!("cannot write {}: {error}", path.display()));
    file.lock().expect("the lock file can be locked");
    match Baseline::attach(Kind::Empty) {
        Ok(_) => Some(Turn(file)),
        Err(error) => skip(test, &format!("needs root: {error:#}")),
    }
}

/// Says that a test cannot run here, where people and the task that counts look for it.
pub fn skip<T>(test: &str, why: &str) -> Option<T> {
    eprintln!("skipped: {why}");
    if let Some(log) = env::var_os("EXITPATH_SKIP_LOG") {
        let file = OpenOptions::new().append(true).create(true).open(log);
        file.and_then(|mut file| writeln!(file, "{test}: {why}")).expect("the skip log can be written");
    }
    None
}

/// A program of `vmtest`: beside the tracer, where building the workspace puts it, else built now.
pub fn program(name: &str) -> PathBuf {
    let folder = Path::new(EXITPATH).parent().expect("a program lies in a folder");
    let path = folder.join(name);
    if !path.exists() {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--package", "vmtest", "--bins"]).current_dir(env!("CARGO_MANIFEST_DIR"));
        if folder.ends_with("release") {
            cargo.arg("--release");
        }
        let built = cargo.output().is_ok_and(|output| output.status.success());
        assert!(built && path.exists(), "no {}: run `cargo build -p vmtest --bins`", path.display());
    }
    path
}

/// [`program`] as an argument.
pub fn argument(name: &str) -> String {
    program(name).into_os_string().into_string().expect("a target folder whose name is text")
}

/// Whether a program of this machine can be started.
pub fn exists(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok()
}

/// Waits until `done`, at most `seconds`; whether it came to that.
pub fn within(seconds: u64, mut done: impl FnMut() -> bool) -> bool {
    let end = std::time::Instant::now() + std::time::Duration::from_secs(seconds);
    loop {
        if done() {
            return true;
        }
        if std::time::Instant::now() >= end {
            return false;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

//! A process on strings: `vmtest`'s program `puppet`, which makes the calls it is told to while it is traced.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    os::unix::process::CommandExt as _,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use crate::support::{program, within};

/// The process; it ends with this value.
pub struct Puppet {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Puppet {
    /// Starts one.
    pub fn new() -> Self {
        Self::start(&mut Command::new(program("puppet")))
    }

    /// Starts one as another user.
    pub fn of_user(uid: u32) -> Self {
        Self::start(Command::new(program("puppet")).uid(uid).gid(uid))
    }

    fn start(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("puppet starts");
        let stdin = child.stdin.take().expect("it was piped");
        let stdout = BufReader::new(child.stdout.take().expect("it was piped"));
        let mut puppet = Self { child, stdin, stdout };
        // Its own start is over once it answers.
        puppet.tell("calls 0");
        puppet
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its process as an argument.
    pub fn argument(&self) -> String {
        self.pid().to_string()
    }

    /// Has it do something, and waits until it is done; its answer.
    pub fn tell(&mut self, command: &str) -> String {
        self.begin(command);
        self.answer()
    }

    /// Has it begin something that takes a while.
    pub fn begin(&mut self, command: &str) {
        writeln!(self.stdin, "{command}").expect("puppet listens");
    }

    /// Waits until it is done with what it began.
    pub fn answer(&mut self) -> String {
        let mut answer = String::new();
        self.stdout.read_line(&mut answer).expect("puppet answers");
        assert!(!answer.is_empty(), "puppet ended before it answered");
        answer.trim().to_owned()
    }

    /// Waits until one of its threads sleeps in a call.
    pub fn await_asleep(&self, tid: u32) {
        let stat = format!("/proc/{}/task/{tid}/stat", self.pid());
        let asleep = || fs::read_to_string(&stat).is_ok_and(|stat| stat.contains(") S "));
        assert!(within(10, asleep), "thread {tid} does not sleep");
    }
}

impl Drop for Puppet {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

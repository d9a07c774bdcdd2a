//! A process on strings: `vmtest`'s program `puppet`, which makes the calls it is told to while it is traced.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    os::unix::process::CommandExt as _,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use crate::support::program;

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
        writeln!(self.stdin, "{command}").expect("puppet listens");
        let mut answer = String::new();
        self.stdout.read_line(&mut answer).expect("puppet answers");
        assert!(!answer.is_empty(), "puppet ended at `{command}`");
        answer.trim().to_owned()
    }
}

impl Drop for Puppet {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

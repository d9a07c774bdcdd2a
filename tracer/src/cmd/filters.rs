//! Filters as they are typed, resolved to what the programs compare.

use std::{
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use clap::Args;
use tracer_common::{Abi, hdr::MAX_VALUE, layout::error_cell};

use crate::{
    errno::ErrnoSet,
    error::{CliError, USAGE},
    settings::{Cgroup, Settings, Tasks},
    syscalls::{Expr, SyscallSet},
};

use super::syscalls::parse_abi;

/// Which calls are traced. What is not given costs nothing.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Filters")]
pub struct FilterArgs {
    /// Only these processes, with all their threads
    #[arg(short, long, value_name = "PID[,PID]", value_delimiter = ',', value_parser = parse_pid)]
    pub pid: Vec<u32>,
    /// With -p: the processes that these create, too
    #[arg(short, long)]
    pub follow: bool,
    /// Only these calls: names, numbers, classes such as %file, /regex/; `!` in front takes them out
    #[arg(short = 'e', long = "syscalls", value_name = "EXPR", allow_hyphen_values = true)]
    pub syscalls: Vec<Expr>,
    /// Only calls of these ABIs: `x86_64`, x32, i386
    #[arg(long, value_name = "ABI[,ABI]", value_delimiter = ',', value_parser = parse_abi)]
    pub abi: Vec<Abi>,
    /// Only calls that fail
    #[arg(long)]
    pub failed: bool,
    /// Only calls that fail with these errors
    #[arg(long, value_name = "ERRNO[,ERRNO]")]
    pub errno: Option<ErrnoSet>,
    /// Only calls that take at least this long (plain ns, or with ns, us, ms, s)
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub min_latency: Option<u64>,
    /// Only processes with this name (the kernel keeps 15 bytes of it)
    #[arg(long, value_name = "NAME")]
    pub comm: Option<String>,
    /// Only processes of this user (name or number)
    #[arg(long, value_name = "USER")]
    pub uid: Option<String>,
    /// Only processes in this control group (v2) and below it
    #[arg(long, value_name = "PATH")]
    pub cgroup: Option<PathBuf>,
}

impl FilterArgs {
    /// Resolves all of them; `command` is the process that will execute the traced command.
    pub fn resolve(
        &self,
        command: Option<u32>,
        counts_only: bool,
        sample: u32,
    ) -> Result<Settings, CliError> {
        if command.is_some() && !self.pid.is_empty() {
            return Err(usage("-p and -- COMMAND exclude each other: give one of them"));
        }
        if self.follow && self.pid.is_empty() && command.is_none() {
            return Err(usage("-f follows the children of -p PID: give -p, or a command after --"));
        }
        if counts_only && self.min_latency.is_some() {
            return Err(usage(
                "--counts-only measures no latency, so --min-latency has nothing to compare: drop one",
            ));
        }
        if counts_only && sample > 1 {
            return Err(usage(
                "--counts-only and --sample exclude each other: without times there is nothing to sample",
            ));
        }
        if sample > 1 && self.min_latency.is_some() {
            return Err(usage(
                "--sample leaves most calls without a latency, which --min-latency needs: drop one",
            ));
        }
        let tasks = match command {
            Some(pid) => Tasks::Command { pid },
            None if self.pid.is_empty() => Tasks::All,
            None => {
                for &pid in &self.pid {
                    check_pid(pid)?;
                }
                Tasks::Processes { pids: self.pid.clone(), follow: self.follow }
            }
        };
        let mut set = if self.syscalls.is_empty() {
            SyscallSet::ALL
        } else {
            Expr::combine(&self.syscalls).map_err(|error| usage(error.to_string()))?
        };
        if !self.abi.is_empty() {
            let others = set.iter().filter(|(abi, _)| !self.abi.contains(abi)).collect();
            set = set.difference(&others);
        }
        if set.is_empty() {
            return Err(usage("-e and --abi select no system call: `exitpath syscalls` lists them"));
        }
        let syscalls = (!set.is_all()).then(|| set.flat());
        Ok(Settings {
            tasks,
            syscalls,
            failed: self.failed || self.errno.is_some(),
            errors: self.errno.as_ref().map(error_bits).transpose()?,
            min_latency: self.min_latency.unwrap_or(0),
            comm: self.comm.as_deref().map(comm_bytes).transpose()?,
            uid: self.uid.as_deref().map(find_user).transpose()?,
            cgroup: self.cgroup.as_deref().map(find_cgroup).transpose()?,
            ..Settings::default()
        })
    }

    /// As a recording keeps them: one a line, as they would be typed.
    #[must_use]
    pub fn describe(&self) -> Vec<String> {
        let Self { pid, follow, syscalls, abi, failed, errno, min_latency, comm, uid, cgroup } = self;
        let mut lines = Vec::new();
        if !pid.is_empty() {
            let pids: Vec<String> = pid.iter().map(u32::to_string).collect();
            lines.push(format!("-p {}", pids.join(",")));
        }
        if *follow {
            lines.push("-f".to_owned());
        }
        if !syscalls.is_empty()
            && let Ok(set) = Expr::combine(syscalls)
        {
            lines.push(format!("-e {set}"));
        }
        if !abi.is_empty() {
            let names: Vec<&str> = abi.iter().map(|abi| abi.name()).collect();
            lines.push(format!("--abi {}", names.join(",")));
        }
        if *failed {
            lines.push("--failed".to_owned());
        }
        lines.extend(errno.as_ref().map(|set| format!("--errno {set}")));
        lines.extend(min_latency.map(|ns| format!("--min-latency {ns}ns")));
        lines.extend(comm.as_ref().map(|name| format!("--comm {name}")));
        lines.extend(uid.as_ref().map(|user| format!("--uid {user}")));
        lines.extend(cgroup.as_ref().map(|path| format!("--cgroup {}", path.display())));
        lines
    }
}

fn usage(text: impl Into<String>) -> CliError {
    CliError::told(USAGE, &text.into())
}

/// `250`, `10us`, `1.5ms`: nanoseconds.
pub fn parse_time(text: &str) -> Result<u64, String> {
    let split = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let scale = match unit {
        "" | "ns" => 1.0,
        "us" => 1e3,
        "ms" => 1e6,
        "s" => 1e9,
        _ => return Err(format!("unit {unit:?} is none of ns, us, ms, s")),
    };
    let value: f64 =
        number.trim().parse().map_err(|_| "write a number and ns, us, ms or s, as in 10us".to_owned())?;
    let ns = value * scale;
    if !(1.0..=MAX_VALUE as f64).contains(&ns) {
        return Err("times lie between 1ns and 137s".to_owned());
    }
    Ok(ns as u64)
}

fn parse_pid(text: &str) -> Result<u32, String> {
    text.parse()
        .map_err(|_| "write process numbers, as in 1234 or 1234,5678; `pgrep NAME` finds them".to_owned())
}

fn check_pid(pid: u32) -> Result<(), CliError> {
    let Ok(status) = fs::read_to_string(format!("/proc/{pid}/status")) else {
        return Err(usage(format!("there is no process {pid}: `pgrep NAME` finds numbers")));
    };
    let group: Option<u32> =
        status.lines().find_map(|line| line.strip_prefix("Tgid:")).and_then(|text| text.trim().parse().ok());
    match group {
        Some(group) if group != pid => Err(usage(format!(
            "{pid} is a thread of process {group}: -p takes processes, with all their threads; use -p {group}"
        ))),
        _ => Ok(()),
    }
}

/// Errors that share a cell cannot be told apart in the kernel.
fn error_bits(set: &ErrnoSet) -> Result<[u64; 3], CliError> {
    let mut bits = [0; 3];
    for errno in set.iter() {
        let cell = error_cell(-i64::from(errno));
        if cell == tracer_common::layout::ERROR_OTHER {
            return Err(usage(format!(
                "error {errno} is counted together with all unnamed ones and cannot be selected: use 1 to 133, or \
                 512 to 516"
            )));
        }
        bits[usize::from(cell / 64)] |= 1 << (cell % 64);
    }
    Ok(bits)
}

fn comm_bytes(name: &str) -> Result<[u8; 16], CliError> {
    let mut bytes = [0; 16];
    if name.is_empty() || name.len() > 15 || name.contains('\0') {
        return Err(usage(format!(
            "--comm {name:?}: the kernel keeps 1 to 15 bytes of a process's name; give what /proc/PID/comm shows"
        )));
    }
    bytes[..name.len()].copy_from_slice(name.as_bytes());
    Ok(bytes)
}

fn find_user(text: &str) -> Result<u32, CliError> {
    if let Ok(uid) = text.parse() {
        return Ok(uid);
    }
    let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let line = passwd.lines().find(|line| line.split(':').next() == Some(text));
    line.and_then(|line| line.split(':').nth(2)).and_then(|uid| uid.parse().ok()).ok_or_else(|| {
        usage(format!("there is no user {text:?} in /etc/passwd: give its number (`id -u {text}`)"))
    })
}

/// A folder of the unified hierarchy: as given, or below where that is mounted.
fn find_cgroup(path: &Path) -> Result<Cgroup, CliError> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let root = mounts.lines().find_map(|line| {
        let (fields, kind) = line.split_once(" - ")?;
        kind.starts_with("cgroup2 ")
            .then(|| PathBuf::from(fields.split(' ').nth(4).unwrap_or("/sys/fs/cgroup")))
    });
    let Some(root) = root else {
        return Err(usage("--cgroup needs the unified hierarchy, and no cgroup2 file system is mounted"));
    };
    let relative = root.join(path.strip_prefix("/").unwrap_or(path));
    let found = [path.to_path_buf(), relative].into_iter().filter_map(|path| path.canonicalize().ok());
    let Some(folder) = found.into_iter().find(|folder| folder.starts_with(&root) && folder.is_dir()) else {
        return Err(usage(format!(
            "{} is no control group below {}: give a folder there (`systemd-cgls` shows them)",
            path.display(),
            root.display()
        )));
    };
    let metadata = fs::metadata(&folder).map_err(|error| usage(format!("{}: {error}", folder.display())))?;
    let level = folder.strip_prefix(&root).map_or(0, |below| below.components().count());
    Ok(Cgroup { id: metadata.ino(), level: level as u32 })
}

#[cfg(test)]
mod tests;

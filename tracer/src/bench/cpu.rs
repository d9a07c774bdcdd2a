//! Which CPU the benches run on.

use std::{fs, io};

use crate::error::CliError;

/// CPUs that this process may use, in ascending order.
fn allowed() -> io::Result<Vec<u32>> {
    // More than any kernel is built for: the call fails where its own set is larger.
    let mut set = [0_u64; 1024];
    // SAFETY: a set of the size given; the call is made by number because libc's set ends at 1,024 CPUs.
    let filled =
        unsafe { libc::syscall(libc::SYS_sched_getaffinity, 0, size_of_val(&set), set.as_mut_ptr()) };
    if filled < 0 {
        return Err(io::Error::last_os_error());
    }
    let is_set = |cpu: &u32| set[*cpu as usize / 64] >> (cpu % 64) & 1 != 0;
    Ok((0..set.len() as u32 * 64).filter(is_set).collect())
}

/// Binds this thread to `wanted`, or to the last CPU it may use; which that is.
pub fn pin(wanted: Option<u32>) -> Result<u32, CliError> {
    let what = |cpu: u32| format!("cannot run on CPU {cpu}");
    let allowed = allowed().map_err(|error| {
        CliError::usage("cannot bind to a CPU", &error.to_string(), "allow sched_getaffinity")
    })?;
    let last = allowed.last().copied().unwrap_or(0);
    let cpu = wanted.unwrap_or(last);
    if !allowed.contains(&cpu) {
        let online = fs::read_to_string("/sys/devices/system/cpu/online").unwrap_or_default();
        let why = if in_list(&online, cpu) {
            "this process is not allowed to (taskset, cpuset)".to_owned()
        } else {
            format!("it is not online (online: {})", online.trim())
        };
        return Err(CliError::usage(&what(cpu), &why, &format!("use one of {}", list(&allowed))));
    }
    let mut set = [0_u64; 1024];
    set[cpu as usize / 64] = 1 << (cpu % 64);
    // SAFETY: a set of the size given.
    let failed =
        unsafe { libc::syscall(libc::SYS_sched_setaffinity, 0, size_of_val(&set), set.as_ptr()) } != 0;
    if failed {
        let error = io::Error::last_os_error().to_string();
        return Err(CliError::usage(&what(cpu), &error, "allow sched_setaffinity, or use another CPU"));
    }
    Ok(cpu)
}

/// Whether a list such as `0-3,8` names a CPU.
fn in_list(list: &str, cpu: u32) -> bool {
    list.trim().split(',').any(|part| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        matches!((first.parse::<u32>(), last.parse::<u32>()), (Ok(first), Ok(last)) if (first..=last).contains(&cpu))
    })
}

/// CPUs as such a list.
fn list(cpus: &[u32]) -> String {
    let mut parts: Vec<(u32, u32)> = Vec::new();
    for &cpu in cpus {
        match parts.last_mut() {
            Some((_, last)) if *last + 1 == cpu => *last = cpu,
            _ => parts.push((cpu, cpu)),
        }
    }
    let text = |(first, last): (u32, u32)| {
        if first == last { first.to_string() } else { format!("{first}-{last}") }
    };
    parts.into_iter().map(text).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_and_written() {
        assert!(in_list("0-3,8\n", 2) && in_list("0-3,8\n", 8));
        assert!(!in_list("0-3,8\n", 5) && !in_list("", 0));
        assert_eq!(list(&[0, 1, 2, 3, 8]), "0-3,8");
        assert_eq!(list(&[]), "");
    }

    #[test]
    fn a_cpu_that_is_not_there_is_refused() {
        let error = pin(Some(60_000)).unwrap_err().to_string();
        assert!(error.starts_with("cannot run on CPU 60000: it is not online (online: "), "{error}");
    }
}

//! Which BPF objects a process holds, and what its maps cost: the kernel's word in `/proc/PID/fdinfo`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use anyhow::{Context, Result};

use super::ids::{Id, Kind};

/// The objects behind a process's descriptors, each with the bytes that the kernel charges for it.
pub fn by_process(pid: u32) -> Result<BTreeMap<Id, u64>> {
    let folder = format!("/proc/{pid}/fdinfo");
    let mut held = BTreeMap::new();
    for entry in fs::read_dir(&folder).with_context(|| format!("cannot read {folder}"))? {
        // A descriptor may be closed while the folder is read.
        let Ok(text) = fs::read_to_string(entry?.path()) else { continue };
        held.extend(object(&text));
    }
    Ok(held)
}

/// The objects that any process holds, as far as this user may see.
#[must_use]
pub fn by_anybody() -> BTreeSet<Id> {
    let Ok(processes) = fs::read_dir("/proc") else { return BTreeSet::new() };
    let pids = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    pids.filter_map(|pid| by_process(pid).ok()).flat_map(BTreeMap::into_keys).collect()
}

/// The bytes of all maps that a process holds.
pub fn map_bytes(pid: u32) -> Result<u64> {
    let held = by_process(pid)?;
    Ok(held.iter().filter(|((kind, _), _)| *kind == Kind::Map).map(|(_, bytes)| bytes).sum())
}

/// The object that one descriptor stands for. A link's text names its program too, so links are looked for first.
fn object(fdinfo: &str) -> Option<(Id, u64)> {
    let field = |name: &str| {
        let mut lines = fdinfo.lines().filter_map(|line| line.split_once(':'));
        lines.find(|(key, _)| *key == name)?.1.trim().parse::<u64>().ok()
    };
    let kinds = [Kind::Link, Kind::Map, Kind::Program];
    let (kind, id) = kinds.into_iter().find_map(|kind| Some((kind, field(kind.field())?)))?;
    Some(((kind, id as u32), field("memlock").unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::{Kind, object};

    #[test]
    fn objects_are_told_apart() {
        let map = "pos:\t0\nflags:\t02000002\nmap_type:\t2\nmemlock:\t4096\nmap_id:\t17\nfrozen:\t0\n";
        assert_eq!(object(map), Some(((Kind::Map, 17), 4096)));
        let program = "pos:\t0\nprog_type:\t17\nmemlock:\t8192\nprog_id:\t5\nrun_cnt:\t0\n";
        assert_eq!(object(program), Some(((Kind::Program, 5), 8192)));
        let link = "link_type:\traw_tracepoint\nlink_id:\t3\nprog_tag:\t0\nprog_id:\t5\ntp_name:\tsys_exit\n";
        assert_eq!(object(link), Some(((Kind::Link, 3), 0)));
        assert_eq!(object("pos:\t0\nflags:\t02\n"), None);
    }
}

//! Landlock (landlock(7)): which files and TCP ports the process can still reach, whatever its user may.

use std::path::PathBuf;

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, LandlockStatus, NetPort, RestrictionStatus, Ruleset,
    RulesetAttr as _, RulesetCreated, RulesetCreatedAttr as _, RulesetError, RulesetStatus,
    path_beneath_rules,
};

use super::PrivilegeError;

/// What stays within reach. What is open already stays open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Files {
    /// Files and folders to read, with all below them. `/proc` and `/sys` need not be named.
    pub read: Vec<PathBuf>,
    /// Folders in which files are made, written, renamed and removed.
    pub write: Vec<PathBuf>,
    /// TCP ports to connect to. Listening stays free: a reload may change where.
    pub connect: Vec<u16>,
}

/// The newest interface whose rights are asked for. A kernel with an older one enforces what it knows.
const RIGHTS: ABI = ABI::V5;

/// Restricts this thread, and says how far: by the interface's number in the kernel.
pub fn restrict(files: &Files) -> Result<String, PrivilegeError> {
    let status = ruleset(files)
        .and_then(RulesetCreated::restrict_self)
        .map_err(|error| PrivilegeError::refused("Landlock", error))?;
    Ok(describe(&status))
}

fn ruleset(files: &Files) -> Result<RulesetCreated, RulesetError> {
    let reads = AccessFs::ReadFile | AccessFs::ReadDir;
    let always = ["/proc", "/sys"].map(PathBuf::from);
    let mut rules = Ruleset::default()
        .handle_access(AccessFs::from_all(RIGHTS))?
        .handle_access(AccessNet::ConnectTcp)?
        .create()?
        // A path that does not exist gives no rule: there is nothing to reach.
        .add_rules(path_beneath_rules(always.iter().chain(&files.read), reads))?
        .add_rules(path_beneath_rules(&files.write, reads | writes()))?;
    for &port in &files.connect {
        rules = rules.add_rule(NetPort::new(port, AccessNet::ConnectTcp))?;
    }
    Ok(rules)
}

/// Regular files, folders and sockets; no devices, no programs to execute.
fn writes() -> BitFlags<AccessFs> {
    AccessFs::WriteFile
        | AccessFs::Truncate
        | AccessFs::MakeReg
        | AccessFs::MakeDir
        | AccessFs::MakeSock
        | AccessFs::RemoveFile
        | AccessFs::RemoveDir
        | AccessFs::Refer
}

fn describe(status: &RestrictionStatus) -> String {
    match (status.landlock, &status.ruleset) {
        (LandlockStatus::NotImplemented, _) => "Landlock is not in this kernel".to_owned(),
        (LandlockStatus::NotEnabled, _) => "Landlock was not enabled at boot".to_owned(),
        (LandlockStatus::Available { .. }, RulesetStatus::NotEnforced) => "Landlock off".to_owned(),
        (LandlockStatus::Available { effective_abi, kernel_abi }, ruleset) => {
            let abi = kernel_abi.unwrap_or(effective_abi as i32);
            let part = match ruleset {
                RulesetStatus::PartiallyEnforced => ", in part",
                _ => "",
            };
            format!("Landlock ABI {abi}{part}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        fs,
        io::ErrorKind,
        net::{TcpListener, TcpStream},
        thread,
    };

    /// A domain is a thread's own, so a test may enter one in a thread that ends.
    #[test]
    fn only_what_is_named_can_be_reached() {
        let folder = tempfile::tempdir().unwrap();
        let (ring, other) = (folder.path().join("ring"), folder.path().join("other"));
        for path in [&ring, &other] {
            fs::create_dir(path).unwrap();
        }
        fs::write(other.join("secret"), "s").unwrap();
        let files = Files { write: vec![ring.clone(), folder.path().join("missing")], ..Files::default() };
        let said = thread::spawn(move || {
            super::super::no_new_privileges().unwrap();
            let said = restrict(&files).unwrap();
            if !said.starts_with("Landlock ABI") {
                return said;
            }
            fs::write(ring.join("new"), "text").unwrap();
            fs::rename(ring.join("new"), ring.join("newer")).unwrap();
            fs::remove_file(ring.join("newer")).unwrap();
            fs::read("/proc/self/status").unwrap();
            let denied = |result: std::io::Result<()>| result.unwrap_err().kind();
            assert_eq!(denied(fs::read(other.join("secret")).map(drop)), ErrorKind::PermissionDenied);
            assert_eq!(denied(fs::write(other.join("new"), "text")), ErrorKind::PermissionDenied);
            assert_eq!(denied(fs::write("/proc/self/comm", "text")), ErrorKind::PermissionDenied);
            assert_eq!(denied(fs::read("/etc/passwd").map(drop)), ErrorKind::PermissionDenied);
            // Ports from ABI 4 on.
            if said.trim_end_matches(", in part").rsplit(' ').next().and_then(|n| n.parse().ok()) >= Some(4) {
                let listener = TcpListener::bind("127.0.0.1:0").unwrap();
                let connected = TcpStream::connect(listener.local_addr().unwrap());
                assert_eq!(denied(connected.map(drop)), ErrorKind::PermissionDenied);
            }
            said
        });
        let said = said.join().unwrap();
        if !said.starts_with("Landlock ABI") {
            eprintln!("skipped: {said}");
        }
    }
}

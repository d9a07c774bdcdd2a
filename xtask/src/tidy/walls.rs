//! The walls between the parts (DESIGN section 3).

use super::{Finding, code, is_rust, word};

/// The modules of the tool that are functions from values to values.
const PURE: [&str; 6] = ["regime", "plan", "environment", "diff", "report", "output"];
/// What reaches outside the program or depends on when it runs.
const OUTSIDE: [&str; 19] = [
    "fs::",
    "net::",
    "process::",
    "env::",
    "tokio::",
    "std::fs",
    "std::net",
    "std::process",
    "std::env",
    "Instant::now",
    "SystemTime::now",
    "stdin()",
    "stdout()",
    "stderr()",
    "println!",
    "print!",
    "eprintln!",
    "eprint!",
    "dbg!",
];
/// Where aya may be named: the probes that ask the kernel, what loads and attaches, what reads maps.
const AYA: [&str; 3] = ["tracer/src/kernel/probe", "tracer/src/session", "tracer/src/reader"];

/// `regime`, `plan`, `environment`, `diff`, `report` and `output` do no I/O and read no clock: a result depends on nothing but
/// its input, so a recording gives what the live run gave.
pub fn pure_modules_do_no_io(path: &str, text: &str) -> Vec<Finding> {
    let module = path.strip_prefix("tracer/src/").and_then(|rest| rest.split(['/', '.']).next());
    let Some(module) = module.filter(|module| is_rust(path) && PURE.contains(module)) else {
        return Vec::new();
    };
    let said = |reach: &str| {
        format!(
            "`{module}` does no I/O and reads no clock, but names `{reach}`: take the value as an argument"
        )
    };
    code(text)
        .filter_map(|(line, code)| {
            let reach = OUTSIDE.iter().find(|reach| reaches(code, reach))?;
            Some(Finding::error(line, said(reach)))
        })
        .collect()
}

/// A module of our own may be called `process` or `net` too: only paths that start there or in `std` reach out.
fn reaches(code: &str, name: &str) -> bool {
    let ours = |at: usize| code[..at].ends_with("::") && !code[..at].ends_with("std::");
    word(code, name) && code.match_indices(name).any(|(at, _)| !name.ends_with("::") || !ours(at))
}

/// Only the feature probes, `session` and `reader` import aya.
pub fn only_the_session_side_uses_aya(path: &str, text: &str) -> Vec<Finding> {
    if !path.starts_with("tracer/src/")
        || !is_rust(path)
        || AYA.iter().any(|allowed| path.starts_with(allowed))
    {
        return Vec::new();
    }
    let names = ["aya::", "aya_log::", "aya_obj::", "use aya", "use aya_log", "use aya_obj"];
    code(text)
        .filter(|(_, code)| names.iter().any(|name| word(code, name)))
        .map(|(line, _)| {
            Finding::error(line, "only kernel/probe*, session* and reader* use aya: ask one of them")
        })
        .collect()
}

/// `tracer-common` has no `unsafe` but the `Pod` impls that say its types are plain bytes.
pub fn rules_have_no_unsafe(path: &str, text: &str) -> Vec<Finding> {
    if !path.starts_with("tracer-common/src/") || !is_rust(path) {
        return Vec::new();
    }
    let pod = |code: &str| code.trim().starts_with("unsafe impl") && word(code, "Pod");
    code(text)
        .filter(|(_, code)| word(code, "unsafe") && !pod(code))
        .map(|(line, _)| {
            Finding::error(line, "the rules are safe code: only `unsafe impl Pod` is allowed here")
        })
        .collect()
}

/// `tracer-common` depends on nothing when it is built for BPF: the manifest of the committed object does not
/// follow its locked dependencies, and the rules stay pure.
pub fn rules_depend_on_nothing(path: &str, text: &str) -> Vec<Finding> {
    if path != "tracer-common/Cargo.toml" {
        return Vec::new();
    }
    let mut inside = false;
    let mut found = Vec::new();
    for (at, line) in text.lines().enumerate() {
        if line.starts_with('[') {
            inside = line.trim() == "[dependencies]";
        } else if inside
            && !line.trim().is_empty()
            && !line.contains("optional = true")
            && !line.starts_with('#')
        {
            found.push(Finding::error(
                at + 1,
                "a dependency of the rules must be optional, for user space only",
            ));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{
        only_the_session_side_uses_aya, pure_modules_do_no_io, rules_depend_on_nothing, rules_have_no_unsafe,
    };

    #[test]
    fn io_and_clocks_are_found_in_pure_modules() {
        let bad = [
            "use std::fs;",
            "use std::fs::File;",
            "use std::{fs::File, fmt};",
            "let t = Instant::now();",
            "let t = std::time::SystemTime::now();",
            "let x = std::env::var(\"X\");",
            "    let y = env::args();",
            "process::exit(1);",
            "io::stdout().write_all(b)?;",
            "println!(\"{x}\");",
            "tokio::spawn(x);",
        ];
        for path in ["tracer/src/plan.rs", "tracer/src/output/table.rs", "tracer/src/diff/stats/boot.rs"] {
            for line in bad {
                assert_eq!(pure_modules_do_no_io(path, line).len(), 1, "{path}: {line}");
            }
        }
    }

    #[test]
    fn pure_code_and_other_modules_pass() {
        let good = "//! like std::fs\nuse std::fmt::Write;\nuse crate::kernel::process::State;\nlet v = env!(\"V\"); // Instant::now\n";
        assert_eq!(pure_modules_do_no_io("tracer/src/report.rs", good), []);
        assert_eq!(pure_modules_do_no_io("tracer/src/cmd/report.rs", "use std::fs;"), []);
        assert_eq!(pure_modules_do_no_io("tracer/src/planner.rs", "use std::fs;"), []);
    }

    #[test]
    fn aya_is_found_outside_its_side() {
        for line in ["use aya::Ebpf;", "let x: aya::maps::Map = y;", "use aya_log::EbpfLogger;", "use aya;"] {
            assert_eq!(only_the_session_side_uses_aya("tracer/src/cmd/record.rs", line).len(), 1, "{line}");
            for path in
                ["tracer/src/session/attach.rs", "tracer/src/reader.rs", "tracer/src/kernel/probe_btf.rs"]
            {
                assert_eq!(only_the_session_side_uses_aya(path, line), [], "{path}");
            }
        }
        assert_eq!(only_the_session_side_uses_aya("tracer/src/plan.rs", "use crate::maya::x;"), []);
    }

    #[test]
    fn unsafe_is_found_in_the_rules() {
        let path = "tracer-common/src/map.rs";
        assert_eq!(rules_have_no_unsafe(path, "let x = unsafe { *p };").len(), 1);
        assert_eq!(rules_have_no_unsafe(path, "unsafe impl Send for Key {}").len(), 1);
        assert_eq!(
            rules_have_no_unsafe(path, "    unsafe impl aya::Pod for Key {}\n#![forbid(unsafe_code)]"),
            []
        );
        assert_eq!(rules_have_no_unsafe("tracer-ebpf/src/main.rs", "unsafe {}"), []);
    }

    #[test]
    fn a_dependency_of_the_rules_is_found() {
        let toml = |line: &str| format!("[dependencies]\n{line}\n\n[dev-dependencies]\nproptest = \"1\"\n");
        let found = |line: &str| rules_depend_on_nothing("tracer-common/Cargo.toml", &toml(line)).len();
        assert_eq!(found("libc = \"0.2\""), 1);
        assert_eq!(found("aya = { workspace = true, optional = true }"), 0);
    }
}

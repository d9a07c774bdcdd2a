//! The shape of files: length, first line, lint exceptions, paths of somebody's machine.

use super::{Finding, is_rust};

const LONG: usize = 250;
const TOO_LONG: usize = 400;

/// Files stay readable in one go; generated tables lie in a folder `generated`.
pub fn length(path: &str, text: &str) -> Vec<Finding> {
    if !is_rust(path) || path.split('/').any(|part| part == "generated") {
        return Vec::new();
    }
    match text.lines().count() {
        lines if lines > TOO_LONG => {
            vec![Finding::error(0, format!("{lines} lines, at most {TOO_LONG}: split it"))]
        }
        lines if lines > LONG => vec![Finding::warning(0, format!("{lines} lines, aim at {LONG}"))],
        _ => Vec::new(),
    }
}

/// Every source file says first what it is for.
pub fn doc_first(path: &str, text: &str) -> Vec<Finding> {
    if !is_rust(path) || text.starts_with("//!") {
        return Vec::new();
    }
    vec![Finding::error(1, "begin the file with a `//!` line that says what it is for")]
}

/// A lint is set aside by `expect`, which complains when it is no longer needed.
pub fn no_allow(path: &str, text: &str) -> Vec<Finding> {
    attributes(path, text)
        .filter(|(_, rest)| rest.lines().next().is_some_and(|line| line.contains("allow(")))
        .map(|(line, _)| Finding::error(line, "write `#[expect(..., reason = \"...\")]` instead of `allow`"))
        .collect()
}

/// A suppressed lint carries its reason.
pub fn expect_has_reason(path: &str, text: &str) -> Vec<Finding> {
    attributes(path, text)
        .filter(|(_, rest)| {
            let attribute = rest.split_once(")]").map_or(*rest, |(attribute, _)| attribute);
            attribute.contains("[expect(") && !attribute.contains("reason")
        })
        .map(|(line, _)| Finding::error(line, "say why: `#[expect(..., reason = \"...\")]`"))
        .collect()
}

/// Each attribute at the start of a line, with the text from there on.
fn attributes<'a>(path: &str, text: &'a str) -> impl Iterator<Item = (usize, &'a str)> {
    let mut at = 0;
    let lines = text.split_inclusive('\n').enumerate().filter_map(move |(index, line)| {
        let start = at + line.len() - line.trim_start().len();
        at += line.len();
        (line.trim_start().starts_with("#[") || line.trim_start().starts_with("#!["))
            .then(|| (index + 1, &text[start..]))
    });
    lines.filter(move |_| is_rust(path)).collect::<Vec<_>>().into_iter()
}

/// Nothing tracked names a folder that exists on one machine only.
pub fn no_stray_paths(_: &str, text: &str) -> Vec<Finding> {
    let stray = |line: &str| {
        ["/home/", "/root/", "/work/", "/Users/"].iter().any(|folder| {
            line.match_indices(folder).any(|(at, _)| {
                let before = line[..at].chars().next_back();
                let after = line[at + folder.len()..].chars().next();
                let part = |c: char| c.is_alphanumeric() || "._-".contains(c);
                !before.is_some_and(part) && after.is_some_and(part)
            })
        })
    };
    text.lines()
        .enumerate()
        .filter(|(_, line)| stray(line))
        .map(|(at, _)| {
            Finding::error(at + 1, "a path of one machine: name it relative to the tree, or by a variable")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{doc_first, expect_has_reason, length, no_allow, no_stray_paths};

    #[test]
    fn long_files_are_found() {
        let lines = |count: usize| "x\n".repeat(count);
        assert_eq!(length("a.rs", &lines(250)), []);
        assert!(!length("a.rs", &lines(251))[0].fatal);
        assert!(length("a.rs", &lines(401))[0].fatal);
        assert_eq!(length("a/generated/b.rs", &lines(2000)), []);
        assert_eq!(length("docs/a.md", &lines(2000)), []);
    }

    #[test]
    fn a_missing_doc_is_found() {
        assert_eq!(doc_first("a.rs", "use x;\n").len(), 1);
        assert_eq!(doc_first("a.rs", "//! What.\n"), []);
    }

    #[test]
    fn allow_is_found_and_so_is_expect_without_a_reason() {
        assert_eq!(no_allow("a.rs", "//! x\n#![allow(dead_code)]\n  #[allow(x)]\n").len(), 2);
        assert_eq!(no_allow("a.rs", "#[cfg_attr(test, allow(x))]\n")[0].line, 1);
        assert_eq!(no_allow("a.rs", "let s = \"#[allow(x)]\";\n"), []);
        assert_eq!(expect_has_reason("a.rs", "#[expect(x)]\nfn f(reason: u8) {}\n")[0].line, 1);
        assert_eq!(expect_has_reason("a.rs", "#[expect(\n    x,\n    reason = \"why\"\n)]\n"), []);
    }

    #[test]
    fn a_path_of_one_machine_is_found() {
        let home = format!("see {}{}\n", "/home", "/someone/x");
        assert_eq!(no_stray_paths("README.md", &home).len(), 1);
        assert_eq!(no_stray_paths("x.sh", &format!("cd {}{}", "/work", "/x"))[0].line, 1);
        assert_eq!(no_stray_paths("README.md", "target/work/x, \"/home/\", /var/lib\n"), []);
    }
}

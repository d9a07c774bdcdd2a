//! Tests of the manifest: what must change the digest does, what must not does not.

use super::{Manifest, SOURCES, inherited, pins, sha256, sources_sha256};
use std::{fs, path::Path};

const LOCK: &str = r#"
[[package]]
name = "aya-ebpf"
version = "0.2.1"
checksum = "aa"
dependencies = [
 "cfg-if 1.0.0",
]

[[package]]
name = "cfg-if"
version = "0.9.0"
checksum = "old"

[[package]]
name = "cfg-if"
version = "1.0.0"
checksum = "bb"

[[package]]
name = "proptest"
version = "1.0.0"
checksum = "cc"

[[package]]
name = "tracer-common"
version = "0.1.0"
dependencies = [
 "proptest",
]

[[package]]
name = "tracer-ebpf"
version = "0.1.0"
dependencies = [
 "aya-ebpf",
 "tracer-common",
]
"#;

#[test]
fn pins_are_what_the_programs_are_built_from() {
    let expected =
        "aya-ebpf 0.2.1 aa\ncfg-if 1.0.0 bb\ntracer-common 0.1.0 workspace\ntracer-ebpf 0.1.0 workspace\n";
    assert_eq!(pins(LOCK).unwrap(), expected);
    assert!(pins("").is_err());
}

#[test]
fn only_sections_that_reach_the_object_are_inherited() {
    let toml = "[workspace.package]\nedition = \"2024\"\n\n[workspace.dependencies]\na = \"1\"\n[profile.release]\n# why\ndebug = 1\n";
    assert_eq!(inherited(toml), "[workspace.package]\nedition = \"2024\"\n[profile.release]\ndebug = 1\n");
}

fn workspace(root: &Path) {
    for folder in SOURCES.iter().filter(|name| name.ends_with("src")) {
        fs::create_dir_all(root.join(folder).join("nested")).unwrap();
        fs::write(root.join(folder).join("nested/a.rs"), "// a\n").unwrap();
    }
    fs::write(root.join("Cargo.lock"), LOCK).unwrap();
    fs::write(root.join("Cargo.toml"), "[profile.release]\ndebug = 1\n").unwrap();
}

#[test]
fn digest_follows_sources_and_recipe_and_nothing_else() {
    let root = std::env::temp_dir().join(format!("exitpath-manifest-{}", std::process::id()));
    workspace(&root);
    let digest = |recipe: &str| sources_sha256(&root, recipe).unwrap();
    let first = digest("-O2");
    fs::write(root.join("README.md"), "text").unwrap();
    fs::write(root.join("tracer-ebpf/src/notes.txt"), "text").unwrap();
    assert_eq!(digest("-O2"), first, "files that are no source do not count");
    assert_ne!(digest("-O3"), first, "the recipe counts");

    let edits = [
        ("tracer-ebpf/src/nested/a.rs", "// b\n"),
        ("tracer-common/src/nested/a.rs", "// b\n"),
        ("tracer-common/src/nested/b.rs", ""),
        ("Cargo.toml", "[profile.release]\ndebug = 2\n"),
    ];
    let mut last = first;
    for (name, text) in edits {
        fs::write(root.join(name), text).unwrap();
        let now = digest("-O2");
        assert_ne!(now, last, "{name} counts");
        last = now;
    }
    fs::write(root.join("Cargo.lock"), LOCK.replace("\"cc\"", "\"dd\"")).unwrap();
    assert_eq!(digest("-O2"), last, "a test dependency of the rules does not count");
    fs::write(root.join("Cargo.lock"), LOCK.replace("\"bb\"", "\"dd\"")).unwrap();
    assert_ne!(digest("-O2"), last, "a pin counts");
    fs::remove_dir_all(&root).unwrap();
}

#[test]
fn a_file_cannot_pass_for_two() {
    let parts = |pairs: &[(&str, &str)]| {
        super::digest(&pairs.iter().map(|(k, v)| ((*k).to_owned(), v.as_bytes().to_vec())).collect())
    };
    assert_ne!(parts(&[("a", "bc")]), parts(&[("ab", "c")]));
}

#[test]
fn a_manifest_reads_back_and_a_damaged_one_says_what_is_missing() {
    let text = r#"{"sources_sha256": "s", "rustc": "r", "bpf_linker": "l", "object_sha256": "o",
        "old_object_sha256": "p"}"#;
    let manifest = Manifest::parse(text).unwrap();
    assert_eq!((&*manifest.sources_sha256, &*manifest.object_sha256), ("s", "o"));
    assert_eq!(manifest.old_object_sha256, "p");
    let error = Manifest::parse(r#"{"rustc": "r"}"#).unwrap_err().to_string();
    assert!(error.contains("sources_sha256"), "{error}");
    assert!(Manifest::parse("{").is_err());
}

#[test]
fn sha256_is_sha256() {
    assert_eq!(sha256(b""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

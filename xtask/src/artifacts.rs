//! What cargo built: asked of cargo, so that target folders and profiles need no guessing.

use crate::workspace;
use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use std::{
    path::PathBuf,
    process::{Command, Stdio},
};

/// A program that cargo built.
#[derive(Debug, PartialEq, Eq)]
pub struct Artifact {
    /// The target's name, such as `exitpath`.
    pub name: String,
    /// The program.
    pub executable: PathBuf,
    /// The folder of its package, where tests run.
    pub package: PathBuf,
    /// Whether it is a test binary.
    pub test: bool,
}

/// Runs cargo in the workspace with `arguments`, and lists the programs it built.
pub fn build(arguments: &[&str]) -> Result<Vec<Artifact>> {
    let mut cargo = cargo()?;
    cargo.args(arguments).arg("--message-format=json-render-diagnostics");
    let output = cargo.stderr(Stdio::inherit()).output().context("cannot run cargo")?;
    if !output.status.success() {
        bail!("`cargo {}` failed ({})", arguments.join(" "), output.status);
    }
    Ok(String::from_utf8_lossy(&output.stdout).lines().filter_map(artifact).collect())
}

/// The program `name` among `artifacts`.
pub fn program<'a>(artifacts: &'a [Artifact], name: &str) -> Result<&'a Artifact> {
    let found = artifacts.iter().find(|artifact| artifact.name == name && !artifact.test);
    found.with_context(|| format!("cargo built no program `{name}`"))
}

/// Cargo in the workspace.
pub fn cargo() -> Result<Command> {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(workspace::root()?);
    Ok(cargo)
}

fn artifact(line: &str) -> Option<Artifact> {
    let json: Value = serde_json::from_str(line).ok()?;
    Some(Artifact {
        name: json["target"]["name"].as_str()?.to_owned(),
        executable: json["executable"].as_str()?.into(),
        package: PathBuf::from(json["manifest_path"].as_str()?).parent()?.to_owned(),
        test: json["profile"]["test"].as_bool()?,
    })
}

#[cfg(test)]
mod tests {
    use super::artifact;

    #[test]
    fn programs_are_told_from_other_messages() {
        let line = r#"{"reason":"compiler-artifact","manifest_path":"/p/Cargo.toml","target":{"name":"live"},
            "profile":{"test":true},"executable":"/t/live-1"}"#;
        let found = artifact(line).unwrap();
        assert_eq!((&*found.name, found.test), ("live", true));
        assert_eq!(found.package.to_str(), Some("/p"));
        assert_eq!(artifact(&line.replace("\"/t/live-1\"", "null")), None, "a library is no program");
        assert_eq!(artifact(r#"{"reason":"build-finished"}"#), None);
        assert_eq!(artifact("Compiling x"), None);
    }
}

//! Crates, as cargo and `Cargo.lock` know them.

use crate::steps;
use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

/// One crate in one version.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Crate {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) id: String,
    /// As its manifest says; crates without an expression name a file instead.
    pub(super) license: Option<String>,
    /// Where cargo gets it; our own have none.
    pub(super) source: Option<String>,
    pub(super) manifest_path: PathBuf,
    pub(super) repository: Option<String>,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Crate>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
}

impl Crate {
    /// Whether it is part of this project.
    pub(super) fn is_ours(&self) -> bool {
        self.source.is_none()
    }

    /// Its licence, in today's spelling: older crates write `MIT/Apache-2.0`.
    pub(super) fn expression(&self) -> String {
        self.license.as_deref().unwrap_or("none given").replace(" / ", " OR ").replace('/', " OR ")
    }
}

/// All crates that are built for `target`, those of tests and build scripts among them.
///
/// # Errors
/// When cargo cannot say, or `Cargo.lock` is out of date.
pub(super) fn built_for(target: &str) -> Result<Vec<Crate>> {
    let mut cargo = steps::cargo(["metadata", "--format-version", "1", "--locked"]);
    let output = cargo.args(["--filter-platform", target]).output().context("cargo metadata")?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let all: Metadata = serde_json::from_slice(&output.stdout).context("cargo metadata")?;
    let ids: BTreeSet<String> = all.resolve.nodes.into_iter().map(|node| node.id).collect();
    Ok(all.packages.into_iter().filter(|package| ids.contains(&package.id)).collect())
}

/// Names and versions of what is linked into one of our crates, itself included.
///
/// # Errors
/// When cargo does not know the crate.
pub(super) fn linked_into(name: &str, target: &str) -> Result<BTreeSet<(String, String)>> {
    let mut cargo =
        steps::cargo(["tree", "--locked", "--edges", "normal,no-proc-macro", "--prefix", "none"]);
    let output =
        cargo.args(["--package", name, "--target", target]).output().context("cargo tree")?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8_lossy(&output.stdout).lines().filter_map(name_and_version).collect())
}

/// `serde v1.0.229 (*)`.
fn name_and_version(line: &str) -> Option<(String, String)> {
    let mut words = line.split(' ');
    Some((words.next()?.into(), words.next()?.strip_prefix('v')?.into()))
}

#[derive(Deserialize)]
struct Lock {
    package: Vec<Locked>,
}

#[derive(Deserialize)]
struct Locked {
    name: String,
    version: String,
    checksum: Option<String>,
}

/// SHA-256 of each crate's archive, by name and version.
///
/// # Errors
/// When `Cargo.lock` cannot be read.
pub(super) fn checksums() -> Result<BTreeMap<(String, String), String>> {
    let text = fs::read_to_string(steps::root().join("Cargo.lock")).context("Cargo.lock")?;
    let lock: Lock = toml::from_str(&text).context("Cargo.lock")?;
    let known = lock.package.into_iter();
    Ok(known.filter_map(|one| Some(((one.name, one.version), one.checksum?))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_cargos_tree_is_read() {
        let read = |line| name_and_version(line).map(|(name, version)| format!("{name} {version}"));
        assert_eq!(read("aes v0.9.4 (*)").as_deref(), Some("aes 0.9.4"));
        assert_eq!(read(""), None);
    }

    #[test]
    fn older_spellings_of_a_licence_are_read_as_a_choice() {
        let of = |text: &str| Crate { license: Some(text.into()), ..Crate::default() }.expression();
        assert_eq!(of("MIT/Apache-2.0"), "MIT OR Apache-2.0");
        assert_eq!(of("Apache-2.0 / MIT"), "Apache-2.0 OR MIT");
        assert_eq!(of("MIT OR Zlib"), "MIT OR Zlib");
    }
}

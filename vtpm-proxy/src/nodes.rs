//! A TPM's device nodes, as /sys names them.

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

/// How long the kernel may take to list a device that it made: it talks to the TPM first.
const LISTED_WITHIN: Duration = Duration::from_secs(60);
const GLANCE: Duration = Duration::from_millis(10);

/// One device node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    /// Such as `/dev/tpmrm1`.
    pub(crate) path: String,
    pub(crate) major: u32,
    pub(crate) minor: u32,
}

impl Node {
    pub(crate) fn json(&self) -> Value {
        json!({ "path": self.path, "major": self.major, "minor": self.minor })
    }
}

/// Waits until the kernel lists `/dev/tpmN`, and `/dev/tpmrmN` of a TPM 2.0, and gives both.
///
/// # Errors
/// When it does not: it gave the TPM up.
pub(crate) fn of(number: u32, tpm2: bool) -> Result<Vec<Node>> {
    let began = Instant::now();
    loop {
        if let Some(found) = listed(Path::new("/sys/class"), number, tpm2) {
            return Ok(found);
        }
        if began.elapsed() >= LISTED_WITHIN {
            bail!(
                "the kernel has not taken the TPM within {} s: see what dmesg says of tpm{number}",
                LISTED_WITHIN.as_secs()
            );
        }
        std::thread::sleep(GLANCE);
    }
}

fn listed(classes: &Path, number: u32, tpm2: bool) -> Option<Vec<Node>> {
    let kinds: &[(&str, &str)] =
        if tpm2 { &[("tpm", "tpm"), ("tpmrm", "tpmrm")] } else { &[("tpm", "tpm")] };
    let node = |(class, stem): &(&str, &str)| {
        let name = format!("{stem}{number}");
        let text = fs::read_to_string(classes.join(class).join(&name).join("dev")).ok()?;
        let (major, minor) = text.trim().split_once(':')?;
        Some(Node {
            path: format!("/dev/{name}"),
            major: major.parse().ok()?,
            minor: minor.parse().ok()?,
        })
    };
    kinds.iter().map(node).collect()
}

/// The devices in an entry of the registry.
///
/// # Errors
/// When it does not list any.
pub(crate) fn from_json(entry: &Value) -> Result<Vec<Node>> {
    let number = |value: &Value| value.as_u64().and_then(|number| u32::try_from(number).ok());
    let node = |value: &Value| {
        Some(Node {
            path: value["path"].as_str()?.to_owned(),
            major: number(&value["major"])?,
            minor: number(&value["minor"])?,
        })
    };
    let all = entry["devices"].as_array().map(|all| all.iter().map(node).collect());
    all.flatten().context("its entry lists no devices")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_read_once_both_are_listed() {
        let classes = tempfile::tempdir().unwrap();
        let list = |class: &str, name: &str, numbers: &str| {
            let folder = classes.path().join(class).join(name);
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join("dev"), numbers).unwrap();
        };
        list("tpm", "tpm1", "10:224\n");
        assert_eq!(listed(classes.path(), 1, true), None);
        list("tpmrm", "tpmrm1", "254:65537\n");
        let found = listed(classes.path(), 1, true).unwrap();
        assert_eq!(found[1], Node { path: "/dev/tpmrm1".into(), major: 254, minor: 65537 });
        let entry = json!({ "devices": found.iter().map(Node::json).collect::<Vec<_>>() });
        assert_eq!(from_json(&entry).unwrap(), found);
        assert_eq!(listed(classes.path(), 1, false).unwrap().len(), 1);
    }
}

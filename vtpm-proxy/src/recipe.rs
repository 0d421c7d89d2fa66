//! How a container is given a TPM's devices.

use crate::arguments::For;
use crate::nodes::Node;
use anyhow::{Result, bail};
use serde_json::json;

/// Text to paste, for this reader. Inside, the devices have the names that programs look for.
///
/// # Errors
/// When there are no devices.
pub(crate) fn text(nodes: &[Node], reader: For) -> Result<String> {
    if nodes.is_empty() {
        bail!(
            "it serves on standard input: whoever started it made the device, and knows its numbers"
        );
    }
    Ok(match reader {
        For::Oci => oci(nodes),
        For::Podman => words(nodes, |node, inside| format!("--device {}:{inside}:rw", node.path)),
        For::Nspawn => words(nodes, |node, inside| {
            format!("--bind={}:{inside} --property=DeviceAllow='{} rw'", node.path, node.path)
        }),
    })
}

/// `/dev/tpm0` or `/dev/tpmrm0`.
fn inside(node: &Node) -> &'static str {
    if node.path.contains("tpmrm") { "/dev/tpmrm0" } else { "/dev/tpm0" }
}

fn words(nodes: &[Node], word: impl Fn(&Node, &str) -> String) -> String {
    let words: Vec<_> = nodes.iter().map(|node| word(node, inside(node))).collect();
    words.join(" ") + "\n"
}

/// OCI runtime specification 1.2, config-linux: devices, and the cgroup rule that lets them be used.
fn oci(nodes: &[Node]) -> String {
    let device = |node: &Node| {
        json!({
            "path": inside(node), "type": "c", "major": node.major, "minor": node.minor,
            "fileMode": 0o660, "uid": 0, "gid": 0,
        })
    };
    let rule = |node: &Node| {
        json!({
            "allow": true, "type": "c", "major": node.major, "minor": node.minor, "access": "rw",
        })
    };
    let linux = json!({ "linux": {
        "devices": nodes.iter().map(device).collect::<Vec<_>>(),
        "resources": { "devices": nodes.iter().map(rule).collect::<Vec<_>>() },
    }});
    format!("{linux:#}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nodes() -> [Node; 2] {
        [("/dev/tpm3", 10, 224), ("/dev/tpmrm3", 254, 65539)].map(|(path, major, minor)| Node {
            path: path.into(),
            major,
            minor,
        })
    }

    #[test]
    fn an_oci_runtime_gets_numbers_and_the_right_to_use_them() {
        let value: serde_json::Value =
            serde_json::from_str(&text(&nodes(), For::Oci).unwrap()).unwrap();
        assert_eq!(value["linux"]["devices"][1]["path"], "/dev/tpmrm0");
        assert_eq!(value["linux"]["devices"][1]["minor"], 65539);
        assert_eq!(value["linux"]["resources"]["devices"][0]["major"], 10);
    }

    #[test]
    fn command_lines_name_both_devices() {
        let podman = text(&nodes(), For::Podman).unwrap();
        assert_eq!(podman, "--device /dev/tpm3:/dev/tpm0:rw --device /dev/tpmrm3:/dev/tpmrm0:rw\n");
        assert!(text(&nodes(), For::Nspawn).unwrap().contains("--bind=/dev/tpmrm3:/dev/tpmrm0"));
    }
}

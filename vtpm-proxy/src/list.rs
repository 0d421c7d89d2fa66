//! `vtpm-proxy list`.

use crate::{nodes, registry, say};
use anyhow::Result;
use serde_json::Value;

/// Prints what is being served.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn print(json: bool) -> Result<()> {
    let all = registry::all()?;
    if json {
        return say::answer(&format!("{:#}\n", Value::Array(all)));
    }
    let head =
        format!("{:<20} {:<5} {:<3} {:>8}  {:<26} STATE", "NAME", "KIND", "TPM", "PID", "DEVICES");
    let lines: Vec<_> = std::iter::once(head).chain(all.iter().map(line)).collect();
    say::answer(&(lines.join("\n") + "\n"))
}

fn line(entry: &Value) -> String {
    let text = |name: &str| entry[name].as_str().unwrap_or("?").to_owned();
    let nodes = nodes::from_json(entry).unwrap_or_default();
    let devices: Vec<_> = nodes.into_iter().map(|node| node.path).collect();
    format!(
        "{:<20} {:<5} {:<3} {:>8}  {:<26} {}",
        text("name"),
        text("kind"),
        text("tpm"),
        entry["pid"].to_string(),
        devices.join(" "),
        text("state")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_line_names_the_devices() {
        let node = json!({ "path": "/dev/tpm1", "major": 10, "minor": 224 });
        let entry = json!({ "name": "web", "kind": "run", "tpm": "2.0", "pid": 7, "state": "/s",
            "devices": [node] });
        let line = line(&entry);
        let columns = "web                  run   2.0        7  /dev/tpm1                  /s";
        assert_eq!(line, columns);
    }
}

//! The project's own rules, which no general tool knows.

use crate::negations;
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};

/// No source file is longer than this many lines.
const LONGEST_FILE_LINES: usize = 500;

/// The only crates in which `unsafe` may be allowed.
const MAY_BE_UNSAFE: [&str; 6] =
    ["xen-guest", "engine-crt", "engine-sys", "xenlight-sys", "vtpmx-sys", "xen-devices-sys"];

/// Checks every rule over the tree at `root`.
///
/// # Errors
/// All violations, one per line.
pub(crate) fn run(root: &Path) -> Result<()> {
    let mut broken = Vec::new();
    for file in files(root, "rs")? {
        let text = read(&file)?;
        broken.extend(too_long(&file, &text));
        broken.extend(unsafe_allowed(&file, &text));
    }
    let members = members(&read(&root.join("Cargo.toml"))?);
    broken.extend(crates_not_forbidding_unsafe(root, &members));
    broken.extend(on_the_runtime(root, &members));
    broken.extend(members_not_in_architecture(&read(&root.join("ARCHITECTURE.md"))?, &members));
    for page in files(root, "md")? {
        broken.extend(dead_links(&page, &read(&page)?));
    }
    broken.extend(negations::all(root)?);
    if broken.is_empty() {
        return Ok(());
    }
    bail!("the project's rules are broken:\n  {}", broken.join("\n  "))
}

fn read(file: &Path) -> Result<String> {
    fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))
}

/// All files with this ending that are part of the project.
pub(crate) fn files(folder: &Path, ending: &str) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("{}", folder.display()))? {
        let entry = entry?;
        let (path, name) = (entry.path(), entry.file_name());
        if entry.file_type()?.is_dir() {
            if name != "target" && !name.to_string_lossy().starts_with('.') {
                found.extend(files(&path, ending)?);
            }
        } else if path.extension().is_some_and(|e| e == ending) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn too_long(file: &Path, text: &str) -> Option<String> {
    let lines = text.lines().count();
    (lines > LONGEST_FILE_LINES)
        .then(|| format!("{}: {lines} lines, at most {LONGEST_FILE_LINES}", file.display()))
}

fn unsafe_allowed(file: &Path, text: &str) -> Option<String> {
    let allowed = text.lines().any(|line| {
        let line = line.trim_start();
        (line.starts_with("#![allow(") || line.starts_with("#[allow("))
            && line.contains("unsafe_code")
    });
    let home = MAY_BE_UNSAFE.iter().any(|name| file.iter().any(|part| part == *name));
    (allowed && !home).then(|| format!("{}: unsafe code is not allowed here", file.display()))
}

fn members(manifest: &str) -> Vec<String> {
    let list = manifest.split("members = [").nth(1).and_then(|rest| rest.split("\n]").next());
    let lines = list.unwrap_or_default().lines().map(str::trim);
    lines.filter_map(|line| line.strip_prefix('"')?.strip_suffix("\",")).map(String::from).collect()
}

fn crates_not_forbidding_unsafe(root: &Path, members: &[String]) -> Vec<String> {
    let mut broken = Vec::new();
    for member in members {
        let home = MAY_BE_UNSAFE.iter().any(|name| member.split('/').any(|part| part == *name));
        for file in ["src/lib.rs", "src/main.rs"].map(|name| root.join(member).join(name)) {
            let text = fs::read_to_string(&file).unwrap_or_default();
            let image = text.contains("xen_guest::entry!");
            if !home && !image && !text.is_empty() && !text.contains("#![forbid(unsafe_code)]") {
                broken.push(format!("{}: lacks #![forbid(unsafe_code)]", file.display()));
            }
        }
    }
    broken
}

/// Crates other than images that depend on the guest runtime, and could not run in a test then.
fn on_the_runtime(root: &Path, members: &[String]) -> Vec<String> {
    let others = members.iter().filter(|m| !m.ends_with("-stubdom") && !m.starts_with("tests/"));
    let names = others.filter(|member| {
        let manifest = fs::read_to_string(root.join(member).join("Cargo.toml"));
        manifest.unwrap_or_default().lines().any(|line| line.starts_with("xen-guest"))
    });
    names.map(|name| format!("{name}: only images may depend on xen-guest")).collect()
}

fn members_not_in_architecture(page: &str, members: &[String]) -> Vec<String> {
    let lacking = members.iter().filter(|member| !page.contains(&format!("`{member}`")));
    lacking.map(|member| format!("ARCHITECTURE.md does not name `{member}`")).collect()
}

/// Links inside the project whose target does not exist.
fn dead_links(page: &Path, text: &str) -> Vec<String> {
    let folder = page.parent().unwrap_or(page);
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next());
    let inner = targets.filter(|t| !t.is_empty() && !t.contains("://") && !t.contains(' '));
    let dead = inner.filter(|target| !folder.join(target).exists());
    dead.map(|target| format!("{}: link to {target} leads nowhere", page.display())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_over_the_limit_is_named_with_its_length() {
        let text = "x\n".repeat(LONGEST_FILE_LINES + 1);
        let complaint = too_long(Path::new("a.rs"), &text).unwrap();
        assert!(complaint.contains("a.rs: 501 lines"), "{complaint}");
        assert_eq!(too_long(Path::new("a.rs"), "x\n"), None);
    }

    #[test]
    fn unsafe_is_allowed_in_its_homes_only() {
        let text = "#![allow(unsafe_code, reason = \"x\")]";
        assert!(unsafe_allowed(Path::new("stubdom-images/tpmback/src/lib.rs"), text).is_some());
        assert!(unsafe_allowed(Path::new("stubdom-images/xen-guest/src/lib.rs"), text).is_none());
    }

    #[test]
    fn members_are_read_from_the_manifest() {
        let text = "members = [\n    # words\n    \"a/b\",\n    \"c\",\n]\n";
        assert_eq!(members(text), ["a/b", "c"]);
    }

    #[test]
    fn a_link_that_leads_nowhere_is_found() {
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("x.md");
        let complaints = dead_links(&page, "[a](Cargo.toml) [b](nowhere.md#part) [c](https://d)");
        assert_eq!(complaints.len(), 1);
        assert!(complaints[0].contains("nowhere.md"));
    }
}

//! What the lab reads out of ELF files: needed libraries, kernel modules' dependencies.

use anyhow::{Context, Result};
use goblin::elf::Elf;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Names of the shared libraries `file` asks for; none for a script or a static program.
fn needed(file: &Path) -> Result<Vec<String>> {
    let bytes = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let Ok(elf) = Elf::parse(&bytes) else { return Ok(Vec::new()) };
    Ok(elf.libraries.iter().map(ToString::to_string).collect())
}

/// All libraries that `files` need, directly or not, as found in `folder`; the loader is left out.
pub(super) fn libraries(files: &[&Path], folder: &Path) -> Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    let mut open = Vec::new();
    for file in files {
        open.extend(needed(file)?);
    }
    while let Some(name) = open.pop() {
        if !name.starts_with("ld-linux") && found.insert(name.clone()) {
            open.extend(needed(&folder.join(&name))?);
        }
    }
    Ok(found)
}

/// The modules that a kernel module wants loaded before it (`depends` and `softdep` of .modinfo).
pub(super) fn module_dependencies(module: &[u8]) -> Result<Vec<String>> {
    let elf = Elf::parse(module).context("not an ELF file")?;
    let name = |section: &&goblin::elf::SectionHeader| elf.shdr_strtab.get_at(section.sh_name);
    let section = elf.section_headers.iter().find(|section| name(section) == Some(".modinfo"));
    let info = section.and_then(|section| module.get(section.file_range()?)).unwrap_or_default();
    Ok(dependencies_in(info))
}

fn dependencies_in(info: &[u8]) -> Vec<String> {
    let records =
        info.split(|byte| *byte == 0).filter_map(|record| std::str::from_utf8(record).ok());
    let mut all = Vec::new();
    for record in records {
        if let Some(names) = record.strip_prefix("depends=") {
            all.extend(names.split(',').filter(|name| !name.is_empty()).map(normal));
        } else if let Some(names) = record.strip_prefix("softdep=pre: ") {
            let before = names.split(" post:").next().unwrap_or_default();
            // "crypto-NAME" asks for an algorithm, which several modules may offer.
            let modules = before.split_whitespace().filter(|name| !name.starts_with("crypto-"));
            all.extend(modules.map(normal));
        }
    }
    all
}

/// The kernel takes `-` and `_` in module names for the same.
pub(super) fn normal(name: &str) -> String {
    name.replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_of_module_dependencies_are_read() {
        let info =
            b"license=GPL\0depends=virtio-ring,virtio\0softdep=pre: crc32c crypto-crc32c post: x\0depends=\0";
        assert_eq!(dependencies_in(info), ["virtio_ring", "virtio", "crc32c"]);
    }
}

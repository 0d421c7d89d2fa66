//! The exact packages each tree was made of. A tree's list is written last, so a tree without one
//! was interrupted.

use crate::place::Place;
use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};

/// In each tree: what was asked for, then one package file name per line.
const LIST: &str = ".packages";

/// Whether `tree` is complete and was made for this request.
pub(super) fn names(tree: &Path, wanted: &str) -> bool {
    fs::read_to_string(tree.join(LIST)).is_ok_and(|text| text.lines().next() == Some(wanted))
}

pub(super) fn read(tree: &Path) -> Result<String> {
    let list = tree.join(LIST);
    fs::read_to_string(&list).with_context(|| format!("cannot read {}", list.display()))
}

pub(super) fn write(tree: &Path, wanted: &str, debs: &[PathBuf]) -> Result<()> {
    let names = debs.iter().filter_map(|deb| deb.file_name()?.to_str());
    let text: Vec<_> = std::iter::once(wanted).chain(names).collect();
    let fresh = tree.join(".packages.new");
    fs::write(&fresh, text.join("\n") + "\n")?;
    fs::rename(fresh, tree.join(LIST))?;
    Ok(())
}

/// Writes `manifest.txt`: release, set, package, version, one package per line.
pub(super) fn gather(place: &Place) -> Result<()> {
    let mut lines = Vec::new();
    for release in folders(&place.lab.join("packages"))? {
        for set in folders(&release)? {
            let Ok(list) = read(&set) else { continue };
            let names = list.lines().skip(1).filter_map(package);
            let of = (name_of(&release), name_of(&set));
            lines.extend(
                names.map(|(name, version)| format!("{} {} {name} {version}\n", of.0, of.1)),
            );
        }
    }
    lines.sort();
    fs::write(place.manifest(), lines.concat())?;
    Ok(())
}

/// Name and version out of `NAME_VERSION_ARCH.deb`, where apt writes `:` as `%3a`.
fn package(file: &str) -> Option<(&str, String)> {
    let mut parts = file.strip_suffix(".deb")?.split('_');
    Some((parts.next()?, parts.next()?.replace("%3a", ":")))
}

fn folders(of: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(of)?.collect::<Result<Vec<_>, _>>()?;
    Ok(entries.into_iter().map(|entry| entry.path()).filter(|path| path.is_dir()).collect())
}

fn name_of(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_and_version_come_from_the_file_name() {
        let found = package("qemu-system-x86_1%3a7.2+dfsg-7+deb12u18_amd64.deb");
        assert_eq!(found, Some(("qemu-system-x86", "1:7.2+dfsg-7+deb12u18".into())));
        assert_eq!(package("partial"), None);
    }

    #[test]
    fn a_tree_without_its_list_or_made_for_another_request_is_not_complete() {
        let tree = tempfile::tempdir().unwrap();
        assert!(!names(tree.path(), "alone: a"));
        write(tree.path(), "alone: a", &[PathBuf::from("/x/a_1_amd64.deb")]).unwrap();
        assert!(names(tree.path(), "alone: a"));
        assert!(!names(tree.path(), "alone: a b"));
    }
}

//! Archives of packages: Debian's systemd and udev for guests and a dom0 that boot with them; what runs
//! containers; programs that use a TPM; the device model of HVM guests.

use crate::fetch::{self, Set};
use crate::place::Place;
use anyhow::{Context, Result};
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// What of the packages is needed: below these, and not below those.
const TAKEN: [&str; 4] = ["usr", "etc", "usr/share/qemu", "usr/share/seabios"];
const LEFT_OUT: [&str; 9] = [
    "usr/share",
    "usr/sbin",
    "usr/include",
    "usr/lib/locale",
    "usr/lib/x86_64-linux-gnu/gconv",
    "usr/lib/x86_64-linux-gnu/security",
    "usr/lib/systemd/catalog",
    "usr/lib/udev/hwdb.d",
    "etc/pam.d",
];

/// The word for an input disk that puts the archive of these packages into `/lab` of domain 0.
///
/// # Errors
/// As [`archive`].
pub(crate) fn input(place: &Place, set: Set) -> Result<String> {
    Ok(format!("{}:/lab/{}.tar", archive(place, set)?.display(), set.name()))
}

/// The archive, made where it is not there.
///
/// # Errors
/// The packages cannot be fetched, or the archive cannot be written.
fn archive(place: &Place, set: Set) -> Result<PathBuf> {
    let tree = fetch::tree(place, set)?;
    let key = crate::image::key(&[&fetch::versions(&tree)?], &LEFT_OUT);
    let file = place.lab.join(format!("{}-{key}.tar", set.name()));
    if file.exists() {
        return Ok(file);
    }
    let _one_at_a_time = fetch::lock(place, set.name())?;
    if !file.exists() {
        let fresh = file.with_extension("new");
        let mut archive = tar::Builder::new(BufWriter::new(File::create(&fresh)?));
        archive.follow_symlinks(false);
        for name in TAKEN.into_iter().filter(|name| tree.join(name).exists()) {
            add(&mut archive, &tree, Path::new(name))
                .with_context(|| format!("cannot pack {}", set.name()))?;
        }
        archive.into_inner()?.flush()?;
        fs::rename(&fresh, &file)?;
    }
    Ok(file)
}

fn add<W: Write>(archive: &mut tar::Builder<W>, tree: &Path, name: &Path) -> Result<()> {
    if LEFT_OUT.iter().any(|left| name == Path::new(left)) {
        return Ok(());
    }
    let path = tree.join(name);
    if !path.symlink_metadata()?.is_dir() {
        return Ok(archive.append_path_with_name(&path, name)?);
    }
    for entry in fs::read_dir(&path)? {
        add(archive, tree, &name.join(entry?.file_name()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_stay_links_and_what_is_left_out_is_not_there() {
        let tree = tempfile::tempdir().unwrap();
        for folder in ["usr/lib/systemd", "usr/share/doc"] {
            fs::create_dir_all(tree.path().join(folder)).unwrap();
        }
        fs::write(tree.path().join("usr/share/doc/x"), "x").unwrap();
        std::os::unix::fs::symlink("nowhere", tree.path().join("usr/lib/systemd/link")).unwrap();
        let mut archive = tar::Builder::new(Vec::new());
        archive.follow_symlinks(false);
        add(&mut archive, tree.path(), Path::new("usr")).unwrap();
        let bytes = archive.into_inner().unwrap();
        let mut read = tar::Archive::new(&bytes[..]);
        let names: Vec<_> = read
            .entries()
            .unwrap()
            .map(|entry| entry.unwrap())
            .map(|entry| (entry.path().unwrap().into_owned(), entry.header().entry_type()))
            .collect();
        assert_eq!(names, [("usr/lib/systemd/link".into(), tar::EntryType::Symlink)]);
    }
}

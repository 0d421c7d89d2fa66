//! `enable` and `disable`: vTPMs that are started at boot and outlive their guests. Each is a link to its
//! configuration in one folder, as guests that start at boot are for xendomains.

use crate::exit::Exit;
use crate::known::Places;
use crate::of_guest::vtpms_of;
use serde_json::json;
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The links.
pub(crate) const AUTO: &str = "/etc/xen/vtpm/auto";

/// The resident vTPMs' names, and their configurations.
pub(crate) fn all() -> Vec<(String, PathBuf)> {
    all_in(Path::new(AUTO))
}

/// The names alone.
pub(crate) fn names() -> BTreeSet<String> {
    all().into_iter().map(|(name, _)| name).collect()
}

fn all_in(folder: &Path) -> Vec<(String, PathBuf)> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found: Vec<_> = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "cfg"))
        .filter_map(|path| Some((path.file_stem()?.to_str()?.to_owned(), path)))
        .collect();
    found.sort();
    found
}

/// Makes a guest's vTPMs resident.
pub(crate) fn enable(guest: &str, named: &[PathBuf], json: bool) -> Result<(), Exit> {
    let places = Places { named, beside: None };
    let mut links = Vec::new();
    for name in known_vtpms(guest, named)? {
        let file = places.config(&name)?.map(|(file, _)| file).ok_or_else(|| {
            Exit::not_done(format!("{name} has no configuration; name it with --config FILE"))
        })?;
        links.push((name, file));
    }
    for (name, file) in &links {
        link(Path::new(AUTO), name, file).map_err(Exit::not_done)?;
    }
    let names: Vec<_> = links.into_iter().map(|(name, _)| name).collect();
    if json {
        println!("{:#}", json!({ "enabled": names }));
        return Ok(());
    }
    for name in names {
        println!("{name} is started at boot from now on; to start it now: xl-vtpm service up");
    }
    Ok(())
}

/// Makes a guest's vTPMs go with their guest again.
pub(crate) fn disable(guest: &str, json: bool) -> Result<(), Exit> {
    let mut disabled = Vec::new();
    for name in known_vtpms(guest, &[])? {
        match fs::remove_file(Path::new(AUTO).join(format!("{name}.cfg"))) {
            Ok(()) => disabled.push(name),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(Exit::not_done(format!("{AUTO}/{name}.cfg: {error}"))),
        }
    }
    if json {
        println!("{:#}", json!({ "disabled": disabled }));
    } else if disabled.is_empty() {
        println!("{guest} has no resident vTPM");
    } else {
        disabled.iter().for_each(|name| println!("{name} is not started at boot any more"));
    }
    Ok(())
}

fn known_vtpms(guest: &str, named: &[PathBuf]) -> Result<Vec<String>, Exit> {
    let mut vtpms = vtpms_of(guest)?;
    if vtpms.is_empty() && !named.is_empty() {
        vtpms.push(format!("{guest}-vtpm"));
    }
    if vtpms.is_empty() {
        return Err(Exit::not_done(format!(
            "no vTPM is known for {guest}: there is neither /etc/xen/vtpm/{guest}.cfg with a vTPM in it, \
             nor /etc/xen/vtpm/{guest}-vtpm.cfg; write them with xl-vtpm new {guest} --guest-config FILE"
        )));
    }
    Ok(vtpms)
}

/// Makes or renews a link; a file that somebody put there in its place stays.
fn link(folder: &Path, name: &str, file: &Path) -> Result<(), String> {
    let path = folder.join(format!("{name}.cfg"));
    let failed = |error: io::Error| format!("{}: {error}", path.display());
    fs::create_dir_all(folder).map_err(failed)?;
    let file = fs::canonicalize(file).map_err(failed)?;
    match fs::symlink_metadata(&path) {
        Ok(found) if found.is_symlink() => fs::remove_file(&path).map_err(failed)?,
        Ok(_) => return Err(format!("{} is there and is no link", path.display())),
        Err(_) => {}
    }
    std::os::unix::fs::symlink(&file, &path).map_err(failed)
}

#[test]
fn links_are_made_renewed_and_listed_and_files_stay() {
    let folder = tempfile::tempdir().unwrap();
    let (auto, file) = (folder.path().join("auto"), folder.path().join("v.cfg"));
    assert!(all_in(&auto).is_empty());
    fs::write(&file, "").unwrap();
    link(&auto, "v", &file).unwrap();
    link(&auto, "v", &file).unwrap();
    fs::write(auto.join("w.cfg"), "mine").unwrap();
    fs::write(auto.join("README"), "").unwrap();
    assert!(link(&auto, "w", &file).unwrap_err().ends_with("is no link"));
    let names: Vec<_> = all_in(&auto).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["v", "w"]);
    assert_eq!(fs::read_link(auto.join("v.cfg")).unwrap(), fs::canonicalize(&file).unwrap());
}

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
pub(crate) fn enable(
    guest: &str,
    named: &[PathBuf],
    dry_run: bool,
    json: bool,
) -> Result<(), Exit> {
    let places = Places { named, beside: None };
    let mut links = Vec::new();
    for name in known_vtpms(guest, named)? {
        let file = places.config(&name)?.map(|(file, _)| file).ok_or_else(|| {
            Exit::not_done(format!("{name} has no configuration; name it with --config FILE"))
        })?;
        links.push((name, file));
    }
    if dry_run {
        would("start at boot", "enables", links.iter().map(|(name, _)| name), json);
        return Ok(());
    }
    link_all(Path::new(AUTO), &links).map_err(Exit::not_done)?;
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

fn would<'n>(what: &str, key: &str, names: impl Iterator<Item = &'n String>, json: bool) {
    let names: Vec<_> = names.map(String::as_str).collect();
    if json {
        println!("{:#}", json!({ "done": false, key: names }));
    } else {
        println!("It would {what}: {}; nothing was changed", names.join(", "));
    }
}

/// Makes a guest's vTPMs go with their guest again.
pub(crate) fn disable(guest: &str, dry_run: bool, json: bool) -> Result<(), Exit> {
    let linked = linked(Path::new(AUTO), guest, || known_vtpms(guest, &[]))?;
    if dry_run {
        would("not start at boot any more", "disables", linked.iter(), json);
        return Ok(());
    }
    let mut disabled = Vec::new();
    for name in linked {
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

/// The guest's vTPMs that have a link. One of the usual name is the guest's also where the files that say so
/// are gone, or cannot be read.
fn linked(
    folder: &Path,
    guest: &str,
    known: impl FnOnce() -> Result<Vec<String>, Exit>,
) -> Result<Vec<String>, Exit> {
    let is_linked = |name: &String| folder.join(format!("{name}.cfg")).symlink_metadata().is_ok();
    let usual = format!("{guest}-vtpm");
    let known = known().or_else(|why| match is_linked(&usual) {
        true => Ok(vec![usual.clone()]),
        false => Err(why),
    })?;
    Ok(known.into_iter().filter(is_linked).collect())
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

/// Makes or renews all links, or leaves them as they were.
fn link_all(folder: &Path, links: &[(String, PathBuf)]) -> Result<(), String> {
    let mut done: Vec<(&str, Option<PathBuf>)> = Vec::new();
    for (name, file) in links {
        let before = fs::read_link(folder.join(format!("{name}.cfg"))).ok();
        if let Err(why) = link(folder, name, file) {
            for (name, before) in done.into_iter().rev() {
                // The first failure is the one to report.
                let path = folder.join(format!("{name}.cfg"));
                let _ = fs::remove_file(&path);
                let _ = before.map(|before| std::os::unix::fs::symlink(before, &path));
            }
            return Err(why);
        }
        done.push((name, before));
    }
    Ok(())
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

#[test]
fn all_links_are_made_or_none() {
    let folder = tempfile::tempdir().unwrap();
    let (auto, file) = (folder.path().join("auto"), folder.path().join("v.cfg"));
    fs::write(&file, "").unwrap();
    fs::create_dir(&auto).unwrap();
    fs::write(auto.join("w.cfg"), "mine").unwrap();
    std::os::unix::fs::symlink("/nowhere/u.cfg", auto.join("u.cfg")).unwrap();
    let links = ["u", "v", "w"].map(|name| (name.to_owned(), file.clone()));
    assert!(link_all(&auto, &links).unwrap_err().ends_with("is no link"));
    assert!(auto.join("v.cfg").symlink_metadata().is_err());
    assert_eq!(fs::read_link(auto.join("u.cfg")).unwrap(), Path::new("/nowhere/u.cfg"));
}

#[test]
fn a_link_that_leads_nowhere_can_be_removed() {
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink("/nowhere", folder.path().join("g-vtpm.cfg")).unwrap();
    let unknown = || Err(Exit::not_done("no vTPM is known"));
    assert_eq!(linked(folder.path(), "g", unknown).unwrap(), ["g-vtpm"]);
    assert!(linked(folder.path(), "h", unknown).is_err());
    let known = || Ok(vec!["g-vtpm".to_owned(), "other".to_owned()]);
    assert_eq!(linked(folder.path(), "g", known).unwrap(), ["g-vtpm"]);
}

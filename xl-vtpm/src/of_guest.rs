//! Which vTPM domains a guest has, by its name alone.

use crate::arguments::FOLDER;
use crate::exit::Exit;
use libxl_vtpm::guest::Guest;
use std::path::Path;

/// The names of a guest's vTPM domains: those that its file in /etc/xen/vtpm names, or else the one that
/// has its name with `-vtpm` behind it and a file there. None when there is neither.
pub(crate) fn vtpms_of(guest: &str) -> Result<Vec<String>, Exit> {
    vtpms_in(Path::new(FOLDER), guest)
}

fn vtpms_in(folder: &Path, guest: &str) -> Result<Vec<String>, Exit> {
    // A name is no path.
    if guest.contains('/') {
        return Ok(Vec::new());
    }
    let file = folder.join(format!("{guest}.cfg"));
    if file.exists() {
        let read = Guest::read(&file)?;
        if read.name.as_deref() == Some(guest) && !read.vtpms.is_empty() {
            return Ok(read.vtpms.into_iter().map(|vtpm| vtpm.backend).collect());
        }
    }
    let usual = format!("{guest}-vtpm");
    let has_file = folder.join(format!("{usual}.cfg")).exists();
    Ok(if has_file { vec![usual] } else { Vec::new() })
}

#[test]
fn a_guest_has_the_vtpm_of_its_name_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("g-vtpm.cfg"), "").unwrap();
    assert_eq!(vtpms_in(folder.path(), "g").unwrap(), ["g-vtpm"]);
    assert!(vtpms_in(folder.path(), "h").unwrap().is_empty());
    assert!(vtpms_in(folder.path(), "../g").unwrap().is_empty());
}

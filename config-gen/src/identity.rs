//! Which uuid a vTPM has: the one thing that must not change between two runs.

use crate::checks;
use crate::files;
use crate::wanted::{Text, Wanted};
use anyhow::{Result, anyhow};
use libxl_vtpm::Uuid;
use libxl_vtpm::line::VtpmLine;
use libxl_vtpm::text::{ListItem, Settings, settings};
use std::path::Path;

/// What to do about a file of an earlier run that does not say the uuid: another one would be another TPM.
const INSTEAD: &str = "correct this file, which has to say the uuid of the vTPM's TPM, or name that uuid \
                       yourself (uuid=, --uuid), or, where no TPM was ever made, remove the file";

/// The uuid that was asked for, or that files of an earlier run hold, or a new one.
///
/// # Errors
/// It is none, or another one than an earlier run wrote; or none is asked for, and a file of an earlier
/// run is there and cannot be understood, or has none and is not that of an ephemeral vTPM.
pub(crate) fn of(
    wanted: &Wanted,
    asked: Option<&Text>,
    vtpm_file: &Path,
    guest_file: &Path,
) -> Result<Uuid> {
    let earlier = earlier(vtpm_file, guest_file);
    let Some(text) = asked else { return Ok(earlier?.unwrap_or_else(Uuid::new_v4)) };
    let uuid = checks::uuid(wanted, text)?;
    match earlier.ok().flatten() {
        Some(earlier) if earlier != uuid => Err(wanted.error(
            text.span(),
            format!(
                "{} has the uuid {earlier}, and the TPM that belongs to it would be lost to its \
                 guest; take that uuid, or remove the file",
                vtpm_file.display()
            ),
        )),
        _ => Ok(uuid),
    }
}

/// What an earlier run wrote, if there was one.
fn earlier(vtpm_file: &Path, guest_file: &Path) -> Result<Option<Uuid>> {
    let vtpm = read(vtpm_file)?;
    let own = vtpm.as_ref().map(|found| written_in(vtpm_file, found, None)).transpose()?.flatten();
    if own.is_some() {
        return Ok(own);
    }
    let backend = vtpm_file.file_stem().unwrap_or_default().to_string_lossy();
    let of_guest = match read(guest_file)? {
        Some(found) => written_in(guest_file, &found, Some(&backend))?,
        None => None,
    };
    match vtpm {
        Some(vtpm) if of_guest.is_none() && !is_ephemeral(&vtpm) => {
            Err(anyhow!("{} has no vtpm= line with a uuid; {INSTEAD}", vtpm_file.display()))
        }
        _ => Ok(of_guest),
    }
}

/// The settings of a file; `None` where there is no such file.
fn read(file: &Path) -> Result<Option<Settings>> {
    if file.symlink_metadata().is_err() {
        return Ok(None);
    }
    let text = files::text(file, INSTEAD)?;
    let found = settings(&text);
    found.map(Some).map_err(|why| anyhow!("{}:{why}; {INSTEAD}", file.display()))
}

/// The uuid of the first `vtpm` item, or of that with this backend.
fn written_in(file: &Path, found: &Settings, backend: Option<&str>) -> Result<Option<Uuid>> {
    for item in found.list("vtpm") {
        let line = line(file, item)?;
        if backend.is_none_or(|name| line.backend == name) {
            return Ok(line.uuid);
        }
    }
    Ok(None)
}

fn line(file: &Path, item: &ListItem) -> Result<VtpmLine> {
    let read = VtpmLine::parse(&item.text).map_err(|error| {
        let (line, column) = (item.place.line, item.place.column + error.column - 1);
        anyhow!("{}:{line}:{column}: {}; {INSTEAD}", file.display(), error.mistake)
    })?;
    Ok(read.line)
}

/// Whether a vTPM's file asks for one that keeps nothing.
fn is_ephemeral(found: &Settings) -> bool {
    let extra = found.text("extra").unwrap_or_default();
    extra.split_whitespace().any(|word| word == "ephemeral")
}

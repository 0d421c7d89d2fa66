//! Which uuid a vTPM has: the one thing that must not change between two runs.

use crate::checks;
use crate::wanted::{Text, Wanted};
use anyhow::Result;
use libxl_vtpm::Uuid;
use libxl_vtpm::line::VtpmLine;
use libxl_vtpm::text::settings;
use std::path::Path;

/// The uuid that was asked for, or that files of an earlier run hold, or a new one.
///
/// # Errors
/// It is none, or another one than an earlier run wrote.
pub(crate) fn of(
    wanted: &Wanted,
    asked: Option<&Text>,
    vtpm_file: &Path,
    guest_file: &Path,
) -> Result<Uuid> {
    let backend = vtpm_file.file_stem().unwrap_or_default().to_string_lossy();
    let earlier = written_in(vtpm_file, None).or_else(|| written_in(guest_file, Some(&backend)));
    let Some(text) = asked else { return Ok(earlier.unwrap_or_else(Uuid::new_v4)) };
    let uuid = checks::uuid(wanted, text)?;
    match earlier {
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

/// The uuid of the first `vtpm` item, or of that with this backend, in a file that may be there.
fn written_in(file: &Path, backend: Option<&str>) -> Option<Uuid> {
    let text = std::fs::read_to_string(file).ok()?;
    let found = settings(&text).ok()?;
    let items = found.list("vtpm");
    let lines = items.iter().filter_map(|item| VtpmLine::parse(&item.text).ok());
    let mut named = lines.map(|read| read.line);
    named.find(|line| backend.is_none_or(|name| line.backend == name))?.uuid
}

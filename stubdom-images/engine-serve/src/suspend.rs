//! The file of a suspended TPM: secret, for one resume, for one state.

use crate::format::{self, Kind, Parts};
use anyhow::{Context, Result, bail};
use engine_serve::replace;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use vtpm_engine::{TpmState, TpmVersion};

/// Writes the file, readable by this user only.
///
/// # Errors
/// When it cannot be written; there is then no such file.
pub(crate) fn write(
    file: &Path,
    version: TpmVersion,
    state: &TpmState,
    volatile: Vec<u8>,
) -> Result<()> {
    let parts = Parts { first: format::fingerprint(state).to_vec(), second: Some(volatile) };
    let bytes = format::encode(Kind::Suspended, version, &parts);
    let written = || {
        let mut unfinished = file.as_os_str().to_owned();
        unfinished.push(".new");
        let unfinished = PathBuf::from(unfinished);
        // a left-over one may be readable by others
        if unfinished.exists() {
            fs::remove_file(&unfinished)?;
        }
        let (place, unfinished) = (file.file_name(), unfinished.file_name());
        let names = place.zip(unfinished).ok_or(std::io::ErrorKind::IsADirectory)?;
        replace(&folder_of(file)?, Path::new(names.0), Path::new(names.1), &bytes)
    };
    written().with_context(|| format!("cannot write {}", file.display()))
}

/// Reads the file and removes it, so that nobody resumes from it twice.
///
/// # Errors
/// When it is damaged or does not belong to `state`; it is then left where it is.
pub(crate) fn consume(file: &Path, version: TpmVersion, state: &TpmState) -> Result<Vec<u8>> {
    let shown = file.display();
    let bytes = fs::read(file).with_context(|| {
        format!("cannot read {shown}; start without --resume-from for a TPM after a power cut")
    })?;
    let parts = format::decode(Kind::Suspended, version, &bytes)
        .with_context(|| format!("cannot resume from {shown}"))?;
    let Some(volatile) = parts.second.filter(|_| parts.first == format::fingerprint(state)) else {
        bail!(
            "cannot resume from {shown}: the state in the state directory is not the one it was \
             suspended with; start without --resume-from, which is a power cut to the TPM"
        );
    };
    fs::remove_file(file).with_context(|| format!("cannot remove {shown}"))?;
    folder_of(file)?.sync_all().with_context(|| format!("cannot remove {shown} for good"))?;
    Ok(volatile)
}

fn folder_of(file: &Path) -> std::io::Result<File> {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => File::open(folder),
        _ => File::open("."),
    }
}

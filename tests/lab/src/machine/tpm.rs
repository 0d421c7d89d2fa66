//! swtpm as the machine's hardware TPM, with an endorsement key as real ones have.

use super::child::Child;
use super::{Parts, Tpm, Workshop};
use crate::fetch::{self, Set};
use crate::place::Place;
use crate::program;
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Which TPM is in the machine when it is started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Socket {
    /// The one that it has from the beginning.
    First,
    /// One with other keys.
    Other,
    /// None.
    Empty,
}

impl Socket {
    /// How a script asks: `LAB-TPM WORD`.
    pub(crate) fn named(word: &str) -> Result<Self> {
        match word {
            "first" => Ok(Self::First),
            "other" => Ok(Self::Other),
            "none" => Ok(Self::Empty),
            _ => bail!("a machine's TPM is first, other, none, held or answers, not {word}"),
        }
    }
}

/// The version of the TPM that is in the machine now.
pub(super) fn version(parts: &Parts<'_>, workshop: &Workshop) -> Option<Tpm> {
    parts.options.tpm.filter(|_| workshop.tpm.get() != Socket::Empty)
}

/// Powers up the machine's TPM and waits for its control socket. Its state is made at the machine's
/// first boot and found by later ones; all else is gone with the process that it was in.
pub(super) fn start(parts: &Parts<'_>, workshop: &Workshop, kind: Tpm) -> Result<Child> {
    let state = state(parts.place, workshop, kind)?;
    let (socket, log) = (workshop.path("tpm"), workshop.path("tpm.log"));
    let _of_an_earlier_boot = fs::remove_file(&socket);
    let tree = fetch::tree(parts.place, Set::Swtpm)?;
    let mut words = program::command_words(&tree, "usr/bin/swtpm", "swtpm");
    words.extend(["socket".into(), "--tpmstate".into(), format!("dir={}", state.display())]);
    words.extend(["--ctrl".into(), format!("type=unixio,path={}", socket.display())]);
    words.extend(["--log".into(), format!("file={},level=1", log.display())]);
    if kind == Tpm::V2 {
        words.push("--tpm2".into());
    }
    let mut tpm = Child::spawn(&words, &[], None)?;
    while !socket.exists() {
        parts.check_time()?;
        if let Some(status) = tpm.ended()? {
            bail!("swtpm ended with {status}: {}", super::tail(&log));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(tpm)
}

/// The folder with the state of the TPM in the machine.
fn state(place: &Place, workshop: &Workshop, kind: Tpm) -> Result<PathBuf> {
    let first = workshop.tpm.get() == Socket::First;
    let state = workshop.path(if first { "tpm-first" } else { "tpm-other" });
    if !state.exists() && first {
        copy_folder(&made(place, kind)?, &state)?;
    } else if !state.exists() {
        fs::create_dir(&state)?;
        manufacture(place, kind, &state)?;
    }
    Ok(state)
}

/// The state of a TPM as it leaves its factory: made once, then copied.
fn made(place: &Place, kind: Tpm) -> Result<PathBuf> {
    let name = match kind {
        Tpm::V1 => "tpm-1.2",
        Tpm::V2 => "tpm-2",
    };
    let kept = place.lab.join("tpm").join(name);
    let _one_at_a_time = fetch::lock(place, name)?;
    if !kept.exists() {
        let fresh = kept.with_extension("new");
        let _left_by_an_interruption = fs::remove_dir_all(&fresh);
        fs::create_dir_all(&fresh)?;
        manufacture(place, kind, &fresh)?;
        fs::rename(&fresh, &kept)?;
    }
    Ok(kept)
}

fn manufacture(place: &Place, kind: Tpm, state: &Path) -> Result<()> {
    let wrappers = program::tpm_wrappers(place)?;
    let settings = tempfile::NamedTempFile::new()?;
    let mut setup = Command::new(wrappers.join("swtpm_setup"));
    setup.arg("--tpm-state").arg(state).arg("--config").arg(settings.path());
    setup.arg("--tpm").arg(format!("{} socket", wrappers.join("swtpm").display()));
    setup.args(["--createek", "--overwrite"]);
    if kind == Tpm::V2 {
        setup.args(["--tpm2", "--pcr-banks", "sha1,sha256"]);
    }
    let done = setup.output().context("cannot make a software TPM with its endorsement key")?;
    if !done.status.success() {
        let said = [done.stdout, done.stderr].concat();
        bail!("swtpm_setup ended with {}: {}", done.status, String::from_utf8_lossy(&said));
    }
    Ok(())
}

fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        if entry.file_name() != ".lock" {
            fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tpm_is_known_by_three_names() {
        assert_eq!(Socket::named("other").unwrap(), Socket::Other);
        assert!(Socket::named("second").is_err());
    }
}

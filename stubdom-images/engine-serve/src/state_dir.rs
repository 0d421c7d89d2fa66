//! The state directory: one file that is replaced whole, and a lock.

use crate::format::{self, Damage, Kind, Parts};
use anyhow::{Context, Result, anyhow, bail};
use rustix::fs::FlockOperation;
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use vtpm_engine::{TpmState, TpmVersion};

/// The file that holds the state.
const STATE: &str = "state";

/// What a save writes before it becomes [`STATE`]; a left-over one was never acknowledged.
const UNFINISHED: &str = "state.new";

/// One TPM's directory, held by this process.
pub(crate) struct StateDir {
    path: PathBuf,
    /// Open and locked for as long as this value lives.
    folder: File,
    version: TpmVersion,
}

impl StateDir {
    /// Makes the directory if needed and takes it.
    ///
    /// # Errors
    /// When it cannot be made or another process has it.
    pub(crate) fn open(path: &Path, version: TpmVersion) -> Result<Self> {
        let shown = path.display();
        fs::create_dir_all(path).with_context(|| format!("cannot make {shown}"))?;
        let folder = File::open(path).with_context(|| format!("cannot open {shown}"))?;
        match rustix::fs::flock(&folder, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self { path: path.to_path_buf(), folder, version }),
            Err(rustix::io::Errno::WOULDBLOCK) => bail!(
                "{shown} is in use by another vtpm-engine: stop that one, or name another directory"
            ),
            Err(errno) => Err(errno).with_context(|| format!("cannot lock {shown}")),
        }
    }

    /// The state; `None` when this directory never held one.
    ///
    /// # Errors
    /// When there is a state and it cannot be used. A new TPM is never put over it.
    pub(crate) fn load(&self) -> Result<Option<TpmState>> {
        let file = self.path.join(STATE);
        let bytes = match fs::read(&file) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read {}", file.display()));
            }
        };
        match format::decode(Kind::State, self.version, &bytes) {
            Ok(Parts { first, second }) => Ok(Some(TpmState { permanent: first, saved: second })),
            Err(damage) => Err(advise(&file, &damage)),
        }
    }

    /// Keeps the state. When this returns it survives a crash and a power cut; when it does not,
    /// the one before is still there.
    ///
    /// # Errors
    /// Any failed step; what was acknowledged before is untouched.
    pub(crate) fn save(&self, state: &TpmState) -> Result<()> {
        let parts = Parts { first: state.permanent.clone(), second: state.saved.clone() };
        let bytes = format::encode(Kind::State, self.version, &parts);
        let place = self.path.join(STATE);
        replace(&self.path.join(UNFINISHED), &place, &self.folder, &bytes)
            .with_context(|| format!("cannot keep the TPM's state in {}", place.display()))
    }
}

fn advise(file: &Path, damage: &Damage) -> anyhow::Error {
    let next = match damage {
        Damage::OtherTpm(found) => {
            format!("serve it with --tpm {found}, or name another directory")
        }
        Damage::Newer(_) => "use a newer vtpm-engine".to_owned(),
        Damage::NotOurs => "name another directory".to_owned(),
        Damage::Damaged => {
            "put a backup in its place, or name another directory for a new TPM".to_owned()
        }
    };
    anyhow!("cannot use {}: {damage}; {next}", file.display())
}

/// Writes `bytes` to `unfinished`, then makes that `place`, each step durable before the next.
///
/// # Errors
/// Any failed step.
pub(crate) fn replace(
    unfinished: &Path,
    place: &Path,
    folder: &File,
    bytes: &[u8],
) -> std::io::Result<()> {
    let mut file = File::options().write(true).create(true).truncate(true).open(unfinished)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(unfinished, place)?;
    folder.sync_all()
}

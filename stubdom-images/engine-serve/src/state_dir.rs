//! The state directory: one file that is replaced whole, and a lock.

use anyhow::{Context, Result, bail};
use rustix::fs::FlockOperation;
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

/// The file that holds the state.
const STATE: &str = "state";

/// What a save writes before it becomes [`STATE`]; a left-over one was never acknowledged.
const UNFINISHED: &str = "state.new";

/// One TPM's directory, held by this process.
pub struct StateDir {
    path: PathBuf,
    /// Open and locked for as long as this value lives.
    folder: File,
}

impl StateDir {
    /// Makes the directory if needed and takes it.
    ///
    /// # Errors
    /// When it cannot be made or another process has it.
    pub fn open(path: &Path) -> Result<Self> {
        let shown = path.display();
        fs::create_dir_all(path).with_context(|| format!("cannot make {shown}"))?;
        let folder = File::open(path).with_context(|| format!("cannot open {shown}"))?;
        match rustix::fs::flock(&folder, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self { path: path.to_path_buf(), folder }),
            Err(rustix::io::Errno::WOULDBLOCK) => bail!(
                "{shown} is in use by another program that serves its TPM: stop that one, or name \
                 another directory"
            ),
            Err(errno) => Err(errno).with_context(|| format!("cannot lock {shown}")),
        }
    }

    /// Where the state's file is.
    #[must_use]
    pub fn file(&self) -> PathBuf {
        self.path.join(STATE)
    }

    /// What was last written; `None` when this directory never held a state.
    ///
    /// # Errors
    /// When there is a file and it cannot be read.
    pub fn read(&self) -> Result<Option<Vec<u8>>> {
        let file = self.file();
        match fs::read(&file) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", file.display())),
        }
    }

    /// Keeps the state. When this returns it survives a crash and a power cut; when it does not,
    /// the one before is still there.
    ///
    /// # Errors
    /// Any failed step; what was acknowledged before is untouched.
    pub fn write(&self, bytes: &[u8]) -> Result<()> {
        let place = self.file();
        replace(&self.path.join(UNFINISHED), &place, &self.folder, bytes)
            .with_context(|| format!("cannot keep the TPM's state in {}", place.display()))
    }
}

/// Writes `bytes` to `unfinished`, then makes that `place`, each step durable before the next.
///
/// # Errors
/// Any failed step.
pub fn replace(
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

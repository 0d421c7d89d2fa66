//! The state directory: one file that is replaced whole, and a lock.

use anyhow::{Context, Result, bail};
use rustix::fs::{FlockOperation, Mode, OFlags, openat, renameat};
use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
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
        fs::create_dir_all(path).with_context(|| {
            format!("cannot make {shown}; name another directory for the TPM's state")
        })?;
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
        match self.contents() {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => {
                Err(error).with_context(|| format!("cannot read {}", self.file().display()))
            }
        }
    }

    fn contents(&self) -> std::io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let file = openat(&self.folder, STATE, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
        File::from(file).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Keeps the state. When this returns it survives a crash and a power cut; when it does not,
    /// the one before is still there.
    ///
    /// # Errors
    /// Any failed step; what was acknowledged before is untouched.
    pub fn write(&self, bytes: &[u8]) -> Result<()> {
        replace(&self.folder, Path::new(STATE), Path::new(UNFINISHED), bytes)
            .with_context(|| format!("cannot keep the TPM's state in {}", self.file().display()))
    }
}

/// Writes `bytes` to `unfinished` of `folder`, then makes that `place`, each step durable before the
/// next. Both are names in the folder that is open: where its path leads meanwhile does not matter.
///
/// # Errors
/// Any failed step.
pub fn replace(
    folder: &File,
    place: &Path,
    unfinished: &Path,
    bytes: &[u8],
) -> std::io::Result<()> {
    let how = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut file = File::from(openat(folder, unfinished, how, Mode::RUSR | Mode::WUSR)?);
    file.write_all(bytes)?;
    file.sync_all()?;
    renameat(folder, unfinished, folder, place)?;
    folder.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_that_was_moved_away_keeps_its_state_and_the_new_one_keeps_its_own() {
        let root = tempfile::tempdir().unwrap();
        let (path, away) = (root.path().join("tpm"), root.path().join("away"));
        let first = StateDir::open(&path).unwrap();
        first.write(b"one").unwrap();
        fs::rename(&path, &away).unwrap();
        let second = StateDir::open(&path).unwrap();
        second.write(b"two").unwrap();
        first.write(b"one again").unwrap();
        assert_eq!(second.read().unwrap().as_deref(), Some(&b"two"[..]));
        assert_eq!(fs::read(away.join("state")).unwrap(), b"one again");
        assert!(StateDir::open(&away).is_err(), "it is still held");
    }
}

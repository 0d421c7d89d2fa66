//! Where a console is kept: a file that is renamed when it is full, so that it and the one before it
//! together always hold the last lines.

use crate::consoles;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Bytes of a full file: some thousand lines.
pub(super) const FULL: u64 = 256 << 10;

/// A console's file.
pub(super) struct Kept {
    /// `None` for a name that is no file's.
    file: Option<PathBuf>,
    complained: bool,
}

impl Kept {
    pub(super) fn new(folder: &Path, name: &str) -> Self {
        let file = (!name.contains('/')).then(|| consoles::file(folder, name));
        Self { file, complained: false }
    }

    /// Adds to it; says once if it cannot.
    pub(super) fn append(&mut self, bytes: &[u8]) {
        let Some(file) = &self.file else { return };
        match append(file, bytes) {
            Ok(()) => self.complained = false,
            Err(_) if self.complained => {}
            Err(error) => {
                println!(
                    "what a domain writes to its console is lost: {}: {error}",
                    file.display()
                );
                self.complained = true;
            }
        }
    }
}

fn append(file: &Path, bytes: &[u8]) -> io::Result<()> {
    if let Some(folder) = file.parent() {
        fs::DirBuilder::new().recursive(true).mode(0o750).create(folder)?;
    }
    let length = fs::metadata(file).map_or(0, |metadata| metadata.len());
    if length >= FULL {
        fs::rename(file, consoles::older(file))?;
    }
    let mut open = OpenOptions::new();
    open.append(true).create(true).mode(0o640).open(file)?.write_all(bytes)
}

//! Programs that have a TPM open.

use crate::error::Error;
use crate::roots::{Roots, names, text};
use std::fmt;
use std::fs;
use std::io;
use std::path::Path;

/// A program with a TPM open. While it has, the TPM is not taken from under it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The process.
    pub pid: u32,
    /// The program's name.
    pub program: String,
    /// What it has open, such as `/dev/tpmrm0`.
    pub path: String,
}

impl fmt::Display for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (process {}, {})", self.program, self.pid, self.path)
    }
}

/// Every program that has one of these device files open (`proc(5)`, `/proc/PID/fd`). A file that
/// is handed from one process to another at this moment, and one that is opened right afterwards,
/// are not seen; the kernel then fails every use of it, and nothing else happens.
///
/// # Errors
/// [`Error::Unreadable`] when another user's processes may not be looked into.
pub fn users(roots: &Roots, nodes: &[String]) -> Result<Vec<User>, Error> {
    let proc = roots.path("proc");
    let mut found = Vec::new();
    for pid in names(&proc).iter().filter_map(|name| name.parse().ok()) {
        found.extend(user(&proc.join(u32::to_string(&pid)), pid, nodes)?);
    }
    found.sort_by_key(|user| user.pid);
    Ok(found)
}

fn user(process: &Path, pid: u32, nodes: &[String]) -> Result<Option<User>, Error> {
    let folder = process.join("fd");
    let files = match fs::read_dir(&folder) {
        Ok(files) => files,
        Err(error) if has_ended(&error) => return Ok(None),
        Err(error) => return Err(Error::unreadable(&folder, error)),
    };
    let targets = files.flatten().filter_map(|file| fs::read_link(file.path()).ok());
    let path = targets.into_iter().find(|target| is_node(target, nodes));
    let program = || text(&process.join("comm")).unwrap_or_else(|| "a program".into());
    Ok(path.map(|path| User { pid, program: program(), path: path.display().to_string() }))
}

/// Also below other folders than `/dev`: a container sees its devices elsewhere.
fn is_node(target: &Path, nodes: &[String]) -> bool {
    let name = target.file_name().map(|name| name.to_string_lossy());
    name.is_some_and(|name| nodes.iter().any(|node| *node == name))
}

/// The process ended while it was looked at.
fn has_ended(error: &io::Error) -> bool {
    const NO_SUCH_PROCESS: i32 = 3;
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(NO_SUCH_PROCESS)
}

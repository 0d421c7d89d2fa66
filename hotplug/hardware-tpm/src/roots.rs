//! Where the kernel and the administrator's files are looked for.

use crate::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

/// The top of the tree that is examined. Everything below `sys`, `proc` and `etc` of it is read,
/// and written, as on a running machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roots {
    top: PathBuf,
}

impl Default for Roots {
    /// This machine.
    fn default() -> Self {
        Self::at("/")
    }
}

impl Roots {
    /// Another tree, such as one that was copied from a machine.
    #[must_use]
    pub fn at(top: impl Into<PathBuf>) -> Self {
        Self { top: top.into() }
    }

    /// Whether this is the machine that the program runs on.
    #[must_use]
    pub fn is_this_machine(&self) -> bool {
        self.top == Path::new("/")
    }

    /// A path such as `sys/class/tpm` below the top.
    #[must_use]
    pub fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        self.top.join(path)
    }

    /// Whether this is domain 0 of Xen, whose uuid is zero throughout (Linux,
    /// Documentation/ABI/stable/sysfs-hypervisor-xen).
    #[must_use]
    pub fn is_domain_0(&self) -> bool {
        let xen = text(&self.path("sys/hypervisor/type")).is_some_and(|kind| kind == "xen");
        let uuid = text(&self.path("sys/hypervisor/uuid"));
        xen && uuid.is_some_and(|uuid| uuid.bytes().all(|byte| matches!(byte, b'0' | b'-')))
    }
}

/// A short file's text without blanks around it; `None` when it cannot be read.
pub(crate) fn text(path: &Path) -> Option<String> {
    fs::read_to_string(path).ok().map(|text| text.trim().to_string())
}

/// The names in a folder, in order; none when there is no such folder.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<_> =
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// The last part of what a link points to.
pub(crate) fn link_name(path: &Path) -> Option<String> {
    Some(fs::read_link(path).ok()?.file_name()?.to_string_lossy().into_owned())
}

/// A file's bytes; `None` when there is no such file.
///
/// # Errors
/// [`Error::Unreadable`] when it is there and cannot be read.
pub(crate) fn bytes(path: &Path) -> Result<Option<Vec<u8>>, Error> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::unreadable(path, error)),
    }
}

//! libxl's headers and libraries of one release of Xen, as the lab unpacks them.

use crate::Missing;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The root of an unpacked tree of packages.
#[derive(Clone, Debug)]
pub struct XenTree {
    /// Major and minor number.
    pub release: &'static str,
    /// Holds `usr/include` and the libraries, the C library among them.
    pub root: PathBuf,
}

/// Debian's folder for libraries, below a tree's root.
const LIBRARIES: &str = "usr/lib/x86_64-linux-gnu";

impl XenTree {
    /// The tree of this release: `4.17` or `4.20`.
    ///
    /// # Errors
    /// [`Missing`] when the lab has not fetched it.
    pub fn of(release: &'static str) -> Result<Self, Missing> {
        let debian = if release == "4.17" { "bookworm" } else { "trixie" };
        let lab = std::env::var_os("LAB_DIR").filter(|named| !named.is_empty());
        let own = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/lab");
        let root = lab.map_or_else(own, PathBuf::from).join("packages").join(debian).join("libxl");
        if root.join("usr/include/libxl.h").exists() {
            return Ok(Self { release, root });
        }
        Err(Missing(format!("the headers and libraries of Xen {release} are not here")))
    }

    /// The root of the release's packages for domain 0: xenstored, its programs, their settings.
    ///
    /// # Errors
    /// [`Missing`] when the lab has not fetched them.
    pub fn system(&self) -> Result<PathBuf, Missing> {
        let system = self.root.with_file_name("system");
        if system.join("usr/bin/xenstore-ls").exists() {
            return Ok(system);
        }
        Err(Missing(format!("xenstored of Xen {} is not here", self.release)))
    }

    /// A program of those packages, by its path below `/usr`.
    ///
    /// # Errors
    /// As [`XenTree::system`].
    pub fn program(&self, path: &str) -> Result<PathBuf, Missing> {
        Ok(self.system()?.join("usr").join(path))
    }

    /// A command that runs one of them, with their own libraries.
    ///
    /// # Errors
    /// As [`XenTree::system`].
    pub fn system_command(&self, program: &Path) -> Result<Command, Missing> {
        Ok(with_libraries(&self.system()?, program))
    }

    /// A command that runs a program of this machine's with the tree's libraries.
    #[must_use]
    pub fn command(&self, program: &Path) -> Command {
        with_libraries(&self.root, program)
    }
}

fn with_libraries(root: &Path, program: &Path) -> Command {
    let libraries = root.join(LIBRARIES);
    let mut command = Command::new(libraries.join("ld-linux-x86-64.so.2"));
    command.arg("--library-path").arg(libraries).arg(program);
    command
}

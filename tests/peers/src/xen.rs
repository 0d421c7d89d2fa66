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

    /// A command that runs a program of this machine's with the tree's libraries.
    #[must_use]
    pub fn command(&self, program: &Path) -> Command {
        let libraries = self.root.join(LIBRARIES);
        let mut command = Command::new(libraries.join("ld-linux-x86-64.so.2"));
        command.arg("--library-path").arg(libraries).arg(program);
        command
    }
}

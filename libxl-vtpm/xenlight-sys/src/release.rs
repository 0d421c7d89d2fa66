//! Which Xen runs, and which of its libraries fit.

use std::fmt;
use std::fs;
use std::io;
use std::path::Path;

/// A release of Xen whose headers this crate's layouts were proved against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum XenRelease {
    /// Debian 12.
    V4_17,
    /// Debian 13.
    V4_20,
}

/// Where Linux says which hypervisor it runs on (Documentation/ABI/stable/sysfs-hypervisor-xen).
const HYPERVISOR: &str = "/sys/hypervisor";

impl XenRelease {
    /// Every one.
    pub const ALL: [Self; 2] = [Self::V4_17, Self::V4_20];

    /// Major and minor number, as in the libraries' names.
    #[must_use]
    pub const fn numbers(self) -> &'static str {
        match self {
            Self::V4_17 => "4.17",
            Self::V4_20 => "4.20",
        }
    }

    /// The release that this machine runs.
    ///
    /// # Errors
    /// This is not a domain of Xen, or Xen is of a release that this crate does not know.
    pub fn running() -> Result<Self, UnknownXen> {
        Self::said_in(Path::new(HYPERVISOR))
    }

    pub(crate) fn said_in(folder: &Path) -> Result<Self, UnknownXen> {
        let read = |name: &str| fs::read_to_string(folder.join(name)).map_err(UnknownXen::NoXen);
        if read("type")?.trim() != "xen" {
            return Err(UnknownXen::NoXen(io::ErrorKind::Unsupported.into()));
        }
        let (major, minor) = (read("version/major")?, read("version/minor")?);
        let numbers = format!("{}.{}", major.trim(), minor.trim());
        let known = Self::ALL.into_iter().find(|release| release.numbers() == numbers);
        known.ok_or(UnknownXen::Release(numbers))
    }
}

/// Why no library can be chosen.
#[derive(Debug)]
pub enum UnknownXen {
    /// There is no hypervisor to be asked, or it is not Xen.
    NoXen(io::Error),
    /// Major and minor number of a Xen that this crate does not know.
    Release(String),
}

impl fmt::Display for UnknownXen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoXen(error) => write!(
                f,
                "this machine does not run Xen ({HYPERVISOR}: {error}); start it with the Xen \
                 entry of its boot menu"
            ),
            Self::Release(numbers) => write!(
                f,
                "Xen {numbers} runs, and these tools know {}; use the tools that came for your Xen",
                XenRelease::ALL.map(XenRelease::numbers).join(" and ")
            ),
        }
    }
}

impl std::error::Error for UnknownXen {}

#[cfg(test)]
mod tests {
    use super::*;

    fn hypervisor(kind: &str, major: &str, minor: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("version")).unwrap();
        fs::write(folder.path().join("type"), kind).unwrap();
        fs::write(folder.path().join("version/major"), major).unwrap();
        fs::write(folder.path().join("version/minor"), minor).unwrap();
        folder
    }

    #[test]
    fn the_running_release_is_read_and_another_is_refused_by_number() {
        let debian12 = hypervisor("xen\n", "4\n", "17\n");
        assert_eq!(XenRelease::said_in(debian12.path()).unwrap(), XenRelease::V4_17);
        let next = hypervisor("xen\n", "4\n", "23\n");
        let complaint = XenRelease::said_in(next.path()).unwrap_err().to_string();
        assert!(complaint.contains("Xen 4.23") && complaint.contains("4.20"), "{complaint}");
    }

    #[test]
    fn a_machine_without_xen_is_told_so() {
        let nothing = tempfile::tempdir().unwrap();
        for folder in [nothing, hypervisor("kvm\n", "4", "17")] {
            let complaint = XenRelease::said_in(folder.path()).unwrap_err().to_string();
            assert!(complaint.contains("does not run Xen"), "{complaint}");
        }
    }
}

//! What is booted: the Debian releases the lab knows, as data.

use std::fmt;
use std::str::FromStr;

/// One Debian release and what the lab takes from it.
#[derive(Debug, PartialEq, Eq)]
pub struct Release {
    /// Debian's code name.
    pub name: &'static str,
    /// The Xen version, as in package and folder names.
    pub xen: &'static str,
    /// What differs in the names of the packages that dom0 and its guests are made of.
    tools: &'static [&'static str],
}

/// Debian 12: Xen 4.17, Linux 6.1. QEMU and the software TPM always come from here.
pub const BOOKWORM: Release =
    Release { name: "bookworm", xen: "4.17", tools: &["libtss2-tcti-device0"] };

/// Debian 13: Xen 4.20, Linux 6.12.
pub const TRIXIE: Release =
    Release { name: "trixie", xen: "4.20", tools: &["libtss2-tcti-device0t64"] };

/// Every release the lab knows.
pub const ALL: [&Release; 2] = [&BOOKWORM, &TRIXIE];

/// What dom0 and guests need under the same package name in every release.
const SYSTEM: &[&str] = &[
    "xen-utils-common",
    "xenstore-utils",
    "bash",
    "dash",
    "busybox-static",
    "coreutils",
    "util-linux",
    "mount",
    "grep",
    "sed",
    "gawk",
    "findutils",
    "procps",
    "tar",
    "kmod",
    "iproute2",
    "strace",
    "jq",
    "libc-bin",
    "openssl",
    "kexec-tools",
    "tpm2-tools",
    "tpm-tools",
    "trousers",
];

impl Release {
    /// The packages dom0 and guests are made of; their dependencies come by themselves.
    #[must_use]
    pub fn system_packages(&self) -> Vec<String> {
        let xen = [format!("xen-utils-{}", self.xen), format!("xen-hypervisor-{}-amd64", self.xen)];
        xen.into_iter().chain(SYSTEM.iter().chain(self.tools).map(ToString::to_string)).collect()
    }
}

/// A release of which the lab knows nothing.
#[derive(Debug, PartialEq, Eq)]
pub struct Unknown(String);

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = ALL.map(|release| release.name).join(", ");
        write!(f, "the lab does not know the Debian release \"{}\"; it knows {names}", self.0)
    }
}

impl std::error::Error for Unknown {}

/// A reference to a known release, as options and claims' headers name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice(pub &'static Release);

impl Default for Choice {
    fn default() -> Self {
        Self(&BOOKWORM)
    }
}

impl FromStr for Choice {
    type Err = Unknown;

    fn from_str(name: &str) -> Result<Self, Unknown> {
        let found = ALL.into_iter().find(|release| release.name == name);
        found.map(Choice).ok_or_else(|| Unknown(name.to_owned()))
    }
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_is_found_by_name_and_an_unknown_one_is_answered_with_the_known_names() {
        assert_eq!("trixie".parse(), Ok(Choice(&TRIXIE)));
        let complaint = "sarge".parse::<Choice>().unwrap_err().to_string();
        assert!(complaint.contains("sarge") && complaint.contains("bookworm"), "{complaint}");
    }

    #[test]
    fn the_xen_version_is_part_of_the_package_names() {
        let names = TRIXIE.system_packages();
        assert!(names.iter().any(|n| n == "xen-hypervisor-4.20-amd64"), "{names:?}");
    }
}

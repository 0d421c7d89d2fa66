//! What stands in the way.

use crate::acpi::TableError;
use crate::users::User;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use tpm_hw::StartMethod;

const WITHOUT: &str = "xl-vtpm new GUEST --guest-config FILE with --hardware none (a manager with \
                       hwtpm=none) or with --ephemeral (no manager)";

/// Why something was not done, or not found out.
#[derive(Debug)]
pub enum Error {
    /// A file cannot be read.
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A file cannot be written.
    Unwritable {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// An ACPI table is damaged.
    Table {
        /// Which.
        path: PathBuf,
        /// How.
        why: TableError,
    },
    /// There is no TPM.
    NoTpm,
    /// Firmware wants commands to be started in a way that only domain 0 can.
    StartMethod(StartMethod),
    /// A CRB device without a control area.
    NoControlArea,
    /// A TPM without mapped registers.
    NotMapped {
        /// Its driver.
        driver: String,
        /// The bus that it is on.
        bus: String,
    },
    /// More than one TPM with mapped registers.
    Several(Vec<String>),
    /// Programs have it open.
    InUse(Vec<User>),
    /// The kernel did not let go.
    StillHeld {
        /// The driver that holds it.
        driver: String,
    },
    /// A manager runs and uses the TPM.
    ManagerRuns {
        /// Its domain id.
        domain: String,
    },
    /// No driver took it back.
    NotTaken(Vec<String>),
    /// A file with our name that somebody else wrote.
    NotOurs(PathBuf),
    /// A path that cannot stand in a start script.
    Path(PathBuf),
    /// Another program's answer is needed and does not come.
    Program {
        /// Which.
        name: &'static str,
        /// What happened.
        what: String,
    },
}

impl Error {
    pub(crate) fn unreadable(path: &Path, error: io::Error) -> Self {
        Self::Unreadable { path: path.into(), error }
    }

    pub(crate) fn unwritable(path: &Path, error: io::Error) -> Self {
        Self::Unwritable { path: path.into(), error }
    }

    /// What is said of a file, with the next step where lacking rights are the reason.
    fn file(f: &mut fmt::Formatter<'_>, verb: &str, path: &Path, error: &io::Error) -> fmt::Result {
        write!(f, "{} cannot be {verb}: {error}", path.display())?;
        let denied = error.kind() == io::ErrorKind::PermissionDenied;
        f.write_str(if denied { "; run this as root" } else { "" })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { path, error } => Self::file(f, "read", path, error),
            Self::Unwritable { path, error } => Self::file(f, "written", path, error),
            Self::Table { path, why } => write!(f, "{} is damaged: {why}", path.display()),
            Self::NoTpm => write!(
                f,
                "this machine has no TPM that its firmware or its kernel knows; switch it on in \
                 the firmware's settings (\"TPM\", \"PTT\", \"fTPM\"), or do without one: {WITHOUT}"
            ),
            Self::StartMethod(method) => write!(
                f,
                "this machine's TPM is started by method {method}, which only domain 0 can carry \
                 out, unlike 6 (memory mapped) and 7 (plain command response buffer); do without \
                 it: {WITHOUT}"
            ),
            Self::NoControlArea => f.write_str(
                "the ACPI table TPM2 promises a command response buffer and does not say where \
                 it is; look for a newer firmware",
            ),
            Self::NotMapped { driver, bus } => write!(
                f,
                "the TPM is driven by {driver} over {bus} and has no mapped registers, so \
                 that only domain 0 can use it; do without it: {WITHOUT}"
            ),
            Self::Several(names) => write!(
                f,
                "there are several hardware TPMs ({}); switch all but one off in the firmware's \
                 settings",
                names.join(", ")
            ),
            Self::InUse(users) => {
                f.write_str("the TPM is in use by ")?;
                for (index, user) in users.iter().enumerate() {
                    write!(f, "{}{user}", if index == 0 { "" } else { ", " })?;
                }
                f.write_str("; stop that first")
            }
            Self::StillHeld { driver } => write!(
                f,
                "{driver} still holds the TPM although the kernel took the request; look into \
                 the kernel's log (dmesg)"
            ),
            Self::ManagerRuns { domain } => write!(
                f,
                "domain {domain} is a manager that may be using the TPM; shut it down first (xl \
                 shutdown {domain}), or say --force"
            ),
            Self::NotTaken(tried) if tried.is_empty() => f.write_str(
                "no driver of domain 0's kernel is for this TPM; was it kept away by the kernel's \
                 command line (initcall_blacklist=)?",
            ),
            Self::NotTaken(tried) => {
                write!(f, "no driver took the TPM back: {}", tried.join("; "))
            }
            Self::NotOurs(path) => write!(
                f,
                "{} was not written by vtpm-hwtpm and is left alone; move it away first",
                path.display()
            ),
            Self::Path(path) => write!(
                f,
                "{} cannot stand in a start script; copy the program to /usr/local/sbin and run \
                 it there",
                path.display()
            ),
            Self::Program { name, what } => write!(f, "{name}: {what}"),
        }
    }
}

impl std::error::Error for Error {}

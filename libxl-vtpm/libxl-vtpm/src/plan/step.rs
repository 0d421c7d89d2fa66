//! Single steps.

use serde::Serialize;
use std::fmt;
use std::path::PathBuf;

/// What a stub domain is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// It keeps all vTPMs' secrets.
    Manager,
    /// It holds one guest's TPM.
    Vtpm,
}

impl Role {
    /// The node, below the domain's part of xenstore, in which it says what it is at
    /// (docs/formats/xenstore-data-vtpm.md, xenstore-data-vtpmmgr.md).
    #[must_use]
    pub const fn node(self) -> &'static str {
        match self {
            Self::Manager => "data/vtpmmgr",
            Self::Vtpm => "data/vtpm",
        }
    }

    /// Its name in notes (docs/formats/xenstore-tool-xl-vtpm.md).
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Manager => "manager",
            Self::Vtpm => "vtpm",
        }
    }

    /// The one of this name.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        [Self::Manager, Self::Vtpm].into_iter().find(|role| role.word() == word)
    }

    /// MiB of a disk image that is made for it.
    #[must_use]
    pub const fn image_mib(self) -> u32 {
        match self {
            Self::Manager => 16,
            Self::Vtpm => 2,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Manager => "manager",
            Self::Vtpm => "vTPM domain",
        })
    }
}

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "step", rename_all = "kebab-case")]
pub enum Step {
    /// Makes a disk image where nothing is yet.
    MakeImage {
        /// Where.
        path: PathBuf,
        /// Its size.
        mib: u32,
        /// It has all its space from the start; else it is sparse.
        allocated: bool,
        /// The manager or vTPM domain that it is for.
        domain: String,
    },
    /// Starts a manager or a vTPM domain.
    StartDomain {
        /// Its name.
        name: String,
        /// What it is for.
        role: Role,
        /// Its configuration.
        file: PathBuf,
    },
    /// Waits until a manager or a vTPM domain says that it serves.
    AwaitReady {
        /// Its name.
        name: String,
        /// What it is for.
        role: Role,
        /// For at most so long.
        seconds: u64,
    },
    /// Starts the guest, by stock xl.
    StartGuest {
        /// Its name.
        name: String,
        /// Its configuration.
        file: PathBuf,
        /// The file's text without what stock xl would not understand; absent when it understands
        /// all of it.
        #[serde(skip_serializing_if = "Option::is_none")]
        for_xl: Option<String>,
    },
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MakeImage { path, mib, allocated, .. } => {
                let how = if *allocated { "allocated" } else { "sparse" };
                write!(f, "make the disk image {} ({mib} MiB, {how})", path.display())
            }
            Self::StartDomain { name, role, file } => {
                write!(f, "start the {role} {name} from {}", file.display())
            }
            Self::AwaitReady { name, role, seconds } => {
                write!(f, "wait until the {role} {name} is ready (at most {seconds} s)")
            }
            Self::StartGuest { name, file, for_xl } => {
                let how = if for_xl.is_some() { ", in the form that stock xl knows" } else { "" };
                write!(f, "start the guest {name} from {}{how}", file.display())
            }
        }
    }
}

/// What takes a step back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "undo", rename_all = "kebab-case")]
pub enum Undo {
    /// Removes a disk image that no domain has seen.
    RemoveImage {
        /// Where.
        path: PathBuf,
        /// The manager or vTPM domain that it was made for.
        domain: String,
    },
    /// Ends a domain, in order if it lets itself be.
    StopDomain {
        /// Its name.
        name: String,
    },
}

impl fmt::Display for Undo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RemoveImage { path, .. } => write!(f, "remove {}", path.display()),
            Self::StopDomain { name } => write!(f, "stop {name}"),
        }
    }
}

impl Step {
    /// What would take it back; `None` when there is nothing to take back.
    #[must_use]
    pub fn undo(&self) -> Option<Undo> {
        match self {
            Self::MakeImage { path, domain, .. } => {
                Some(Undo::RemoveImage { path: path.clone(), domain: domain.clone() })
            }
            Self::StartDomain { name, .. } | Self::StartGuest { name, .. } => {
                Some(Undo::StopDomain { name: name.clone() })
            }
            Self::AwaitReady { .. } => None,
        }
    }
}

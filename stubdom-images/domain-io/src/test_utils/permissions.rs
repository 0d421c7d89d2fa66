//! Who may read and write a xenstore node (Xen docs/misc/xenstore.txt, "Permissions").

use crate::sharing::DomainId;
use alloc::vec::Vec;

/// What one domain may do with a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Nothing (`n`).
    None,
    /// Reading (`r`).
    Read,
    /// Writing (`w`).
    Write,
    /// Both (`b`).
    Both,
}

impl Access {
    pub(super) fn reads(self) -> bool {
        matches!(self, Self::Read | Self::Both)
    }

    pub(super) fn writes(self) -> bool {
        matches!(self, Self::Write | Self::Both)
    }
}

/// An owner, what everybody else may do, and exceptions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permissions {
    pub(super) owner: DomainId,
    others: Access,
    exceptions: Vec<(DomainId, Access)>,
}

impl Permissions {
    /// Only `owner` (and domain 0) may do anything.
    #[must_use]
    pub fn owned(owner: DomainId) -> Self {
        Self { owner, others: Access::None, exceptions: Vec::new() }
    }

    /// Adds an exception for one domain.
    #[must_use]
    pub fn with(mut self, domain: DomainId, access: Access) -> Self {
        self.exceptions.push((domain, access));
        self
    }

    pub(super) fn of(&self, domain: DomainId) -> Access {
        if domain == DomainId(0) || domain == self.owner {
            return Access::Both;
        }
        let exception = self.exceptions.iter().find(|(who, _)| *who == domain);
        exception.map_or(self.others, |(_, access)| *access)
    }
}

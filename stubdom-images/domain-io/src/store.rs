//! Xenstore as a domain sees it (Xen docs/misc/xenstore.txt).

use crate::sharing::DomainId;
use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec::Vec;
use core::cell::RefCell;
use core::fmt;
use core::time::Duration;

/// Why xenstore did not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreError {
    /// xenstored's own word, such as `ENOENT`, `EACCES`, `EQUOTA`.
    Refused(String),
    /// No answer within the time limit; xenstored may be gone.
    NoAnswer,
    /// An answer that the protocol does not allow; says what was wrong with it.
    Malformed(&'static str),
}

impl StoreError {
    /// Whether the node does not exist.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Refused(word) if word == "ENOENT")
    }

    /// Whether the node is gone as far as we can know: xenstored answers `EACCES` rather than `ENOENT`
    /// when the directory above a missing node may not be read, as is the case for frontends.
    #[must_use]
    pub fn is_out_of_sight(&self) -> bool {
        self.is_absent() || matches!(self, Self::Refused(word) if word == "EACCES")
    }

    /// Whether this domain has as many nodes or watches as xenstored lets it have: the C xenstored
    /// answers `ENOSPC` for nodes and `E2BIG` for watches, oxenstored `EQUOTA` for both.
    #[must_use]
    pub fn is_over_quota(&self) -> bool {
        matches!(self, Self::Refused(word) if ["ENOSPC", "E2BIG", "EQUOTA"].contains(&word.as_str()))
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(word) => write!(f, "xenstored answered {word}"),
            Self::NoAnswer => f.write_str("xenstored did not answer in time"),
            Self::Malformed(what) => write!(f, "xenstored broke its protocol: {what}"),
        }
    }
}

/// One watch that fired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchEvent {
    /// The node that changed, in the form (relative or absolute) in which the watch was set.
    pub path: String,
    /// The token given to [`Xenstore::watch`].
    pub token: String,
}

/// A connection to xenstored. Paths are relative to `/local/domain/<own id>` unless they start
/// with `/`. Values are bytes in xenstore; those that are not UTF-8 arrive with replacement
/// characters and then fail to parse as whatever was expected.
pub trait Xenstore {
    /// The value of a node.
    ///
    /// # Errors
    /// [`StoreError`]; a missing node is `Refused("ENOENT")`.
    fn read(&mut self, path: &str) -> Result<String, StoreError>;

    /// Writes a node, creating it and its parents when needed.
    ///
    /// # Errors
    /// [`StoreError`].
    fn write(&mut self, path: &str, value: &str) -> Result<(), StoreError>;

    /// Removes a node and all below it.
    ///
    /// # Errors
    /// [`StoreError`].
    fn remove(&mut self, path: &str) -> Result<(), StoreError>;

    /// The names of a node's children.
    ///
    /// # Errors
    /// [`StoreError`].
    fn list(&mut self, path: &str) -> Result<Vec<String>, StoreError>;

    /// Asks for an event whenever the node or anything below it changes; fires once at once. One that is set
    /// already, as by a request whose answer did not come, is no error.
    ///
    /// # Errors
    /// [`StoreError`].
    fn watch(&mut self, path: &str, token: &str) -> Result<(), StoreError>;

    /// Takes a watch back.
    ///
    /// # Errors
    /// [`StoreError`].
    fn unwatch(&mut self, path: &str, token: &str) -> Result<(), StoreError>;

    /// Whether a domain of this number exists (`XS_IS_DOMAIN_INTRODUCED`). Numbers come again.
    ///
    /// # Errors
    /// [`StoreError`].
    fn is_introduced(&mut self, domain: DomainId) -> Result<bool, StoreError>;

    /// Whether xenstored answers at all, found out in no more than this time: for who would ask something that
    /// can wait, and has others to serve meanwhile. Where nobody asks, it does.
    fn answers_within(&mut self, limit: Duration) -> bool {
        let _ = limit;
        true
    }

    /// The next watch event that has already arrived. Never waits.
    fn next_event(&mut self) -> Option<WatchEvent>;
}

/// A connection with several handles is a connection: whoever takes an event takes it from the
/// others. Each call borrows it for its own length only.
impl<X: Xenstore + ?Sized> Xenstore for Rc<RefCell<X>> {
    fn read(&mut self, path: &str) -> Result<String, StoreError> {
        self.borrow_mut().read(path)
    }

    fn write(&mut self, path: &str, value: &str) -> Result<(), StoreError> {
        self.borrow_mut().write(path, value)
    }

    fn remove(&mut self, path: &str) -> Result<(), StoreError> {
        self.borrow_mut().remove(path)
    }

    fn list(&mut self, path: &str) -> Result<Vec<String>, StoreError> {
        self.borrow_mut().list(path)
    }

    fn watch(&mut self, path: &str, token: &str) -> Result<(), StoreError> {
        self.borrow_mut().watch(path, token)
    }

    fn unwatch(&mut self, path: &str, token: &str) -> Result<(), StoreError> {
        self.borrow_mut().unwatch(path, token)
    }

    fn is_introduced(&mut self, domain: DomainId) -> Result<bool, StoreError> {
        self.borrow_mut().is_introduced(domain)
    }

    fn answers_within(&mut self, limit: Duration) -> bool {
        self.borrow_mut().answers_within(limit)
    }

    fn next_event(&mut self) -> Option<WatchEvent> {
        self.borrow_mut().next_event()
    }
}

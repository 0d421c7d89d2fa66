//! What can go wrong on a shared page, and whose fault it is.

use crate::state::PageState;
use core::fmt;
use domain_io::OutsidePage;

/// The other side broke the protocol. The connection to it has to end; nothing else has to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerMisbehaved {
    /// The announced length is more than fits behind the header and the extra grant references.
    TooLong {
        /// What was announced, in bytes.
        length: u32,
        /// What fits, in bytes.
        room: usize,
    },
    /// The announced length is less than a TPM header.
    TooShort {
        /// What was announced, in bytes.
        length: u32,
    },
    /// The packet's own size field and the announced length differ.
    SizeDisagrees {
        /// What was announced, in bytes.
        length: u32,
        /// What the packet's header says, in bytes.
        header: u32,
    },
    /// The state byte has a value that does not exist.
    UnknownState {
        /// The byte.
        byte: u8,
    },
    /// The backend turned the state byte to one that only the frontend may write.
    ForeignState {
        /// What it was turned to.
        found: PageState,
    },
}

impl fmt::Display for PeerMisbehaved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { length, room } => {
                write!(f, "a message of {length} bytes was announced where {room} fit")
            }
            Self::TooShort { length } => {
                write!(f, "a message of {length} bytes was announced, less than a TPM header")
            }
            Self::SizeDisagrees { length, header } => {
                write!(f, "{length} bytes were announced, but the packet says it has {header}")
            }
            Self::UnknownState { byte } => write!(f, "the page's state byte is {byte}"),
            Self::ForeignState { found } => {
                write!(f, "the backend put the page into state {found:?}, the frontend's to write")
            }
        }
    }
}

/// Why a look at the page gave no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageFault {
    /// The other side's fault.
    Peer(PeerMisbehaved),
    /// Our own arithmetic left the page. Cannot be brought about by the other side.
    Own(OutsidePage),
}

impl From<PeerMisbehaved> for PageFault {
    fn from(fault: PeerMisbehaved) -> Self {
        Self::Peer(fault)
    }
}

impl From<OutsidePage> for PageFault {
    fn from(fault: OutsidePage) -> Self {
        Self::Own(fault)
    }
}

impl fmt::Display for PageFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Peer(fault) => fault.fmt(f),
            Self::Own(fault) => fault.fmt(f),
        }
    }
}

//! What the owner of a backend is told.

use alloc::vec::Vec;
use core::fmt;
use domain_io::SharingError;
use tpmif::nodes::DeviceId;
use tpmif::{PageFault, PeerMisbehaved, Uuid};

/// Something the owner of a [`Backend`](crate::Backend) needs to know or to answer.
#[derive(Debug)]
pub enum Event {
    /// The toolstack has attached a device. Nothing of the frontend's has been touched, and the
    /// toolstack is still waiting: refuse it before the next poll, or it is accepted.
    Attached {
        /// The frontend's domain and the device's number, from our own node.
        id: DeviceId,
        /// The uuid the toolstack gave the device.
        uuid: Uuid,
    },
    /// The frontend's page is mapped. Comes before the connection's first command.
    Connected(DeviceId),
    /// A connection ended, or could not be made. An unanswered command of it is void.
    Disconnected(DeviceId, Reason),
    /// The device is gone for good. May come without a `Disconnected` before it.
    Removed(DeviceId),
    /// A command to execute and answer.
    Command(Command),
}

/// A command from a frontend.
#[derive(Debug)]
pub struct Command {
    /// From whom.
    pub id: DeviceId,
    /// The right to answer.
    pub ticket: Ticket,
    /// The locality that the frontend claims, 0 to 255.
    pub locality: u8,
    /// The whole packet, 10 to 4088 bytes; its size field equals its length.
    pub bytes: Vec<u8>,
}

/// The right to answer one command, once. An answer given after the connection ended goes nowhere,
/// also when the same frontend has connected anew.
#[derive(Debug)]
#[must_use = "a command that is never answered blocks its frontend for minutes"]
pub struct Ticket {
    pub(crate) id: DeviceId,
    pub(crate) connection: u64,
}

/// Why a connection ended or could not be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The frontend closed it; it may open again.
    FrontendClosed,
    /// The frontend published another page or port without closing first, as a driver does that
    /// was loaded anew.
    FrontendReopened,
    /// The frontend's nodes are gone: its domain, or the device, was destroyed.
    FrontendGone,
    /// The toolstack asked for it.
    DetachRequested,
    /// This domain is stopping.
    ShuttingDown,
    /// The frontend broke the page's protocol.
    Misbehaved(PeerMisbehaved),
    /// The frontend does not announce protocol version 2.
    NoProtocolV2,
    /// This node of the frontend's is missing or is no number.
    BadNode(&'static str),
    /// Xen did not let us map the frontend's page or bind to its port.
    NotShared(SharingError),
    /// A mistake in this domain's own code.
    OwnMistake,
}

impl From<PageFault> for Reason {
    fn from(fault: PageFault) -> Self {
        match fault {
            PageFault::Peer(fault) => Self::Misbehaved(fault),
            PageFault::Own(_) => Self::OwnMistake,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FrontendClosed => f.write_str("the frontend closed"),
            Self::FrontendReopened => f.write_str("the frontend opened anew without closing"),
            Self::FrontendGone => f.write_str("the frontend is gone"),
            Self::DetachRequested => f.write_str("the toolstack detaches the device"),
            Self::ShuttingDown => f.write_str("this domain is shutting down"),
            Self::Misbehaved(fault) => write!(f, "the frontend broke the protocol: {fault}"),
            Self::NoProtocolV2 => {
                f.write_str("the frontend does not announce feature-protocol-v2 = 1")
            }
            Self::BadNode(name) => write!(f, "the frontend's node {name} is missing or no number"),
            Self::NotShared(error) => write!(f, "the frontend's page or port is unusable: {error}"),
            Self::OwnMistake => f.write_str("this domain made a mistake in using the page"),
        }
    }
}

/// Why an answer did not reach its frontend as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotAnswered {
    /// The connection that the command came from has ended.
    Gone,
    /// The answer is no TPM packet or does not fit into the page. The frontend got a TPM failure
    /// instead, so that it does not wait.
    DoesNotFit {
        /// How long the answer is, in bytes.
        length: usize,
        /// How much fits, in bytes.
        room: usize,
    },
}

impl fmt::Display for NotAnswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gone => f.write_str("the frontend that asked has disconnected"),
            Self::DoesNotFit { length, room } => write!(
                f,
                "an answer of {length} bytes does not fit into {room}; the frontend got a failure"
            ),
        }
    }
}

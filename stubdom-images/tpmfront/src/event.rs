//! What the owner of a frontend is told.

use alloc::vec::Vec;
use core::fmt;
use domain_io::{DomainId, SharingError};
use tpmif::{NotSubmitted, PeerMisbehaved};

/// Something the owner of a [`Frontend`](crate::Frontend) waits for.
#[derive(Debug, PartialEq, Eq)]
pub enum Event {
    /// Commands can be sent.
    Connected {
        /// The device's number in this domain.
        device: u32,
        /// The domain that serves it, as the toolstack says.
        backend: DomainId,
    },
    /// The answer to the command: a whole packet, 10 to 4088 bytes, whose size field equals its
    /// length.
    Answer(Vec<u8>),
    /// The backend gave the command up, as it may after a cancel.
    Aborted,
    /// The connection ended or could not be made; a command without an answer is lost, and may or
    /// may not have been executed.
    Disconnected(Reason),
    /// What [`close`](crate::Frontend::close) asked for is done.
    Closed,
}

/// Why a connection ended or could not be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The backend closed it, or refused it. It is made anew when the backend offers that.
    BackendClosed,
    /// The backend's nodes are gone: its domain was destroyed. The device has to be attached anew.
    BackendGone,
    /// The toolstack has taken the device away.
    Detached,
    /// The backend broke the page's protocol. The device has to be attached anew.
    Misbehaved(PeerMisbehaved),
    /// The backend announces another protocol than version 2.
    NoProtocolV2,
    /// This domain could not offer a page and a port.
    NotShared(SharingError),
    /// A mistake in this domain's own code.
    OwnMistake,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BackendClosed => f.write_str("the backend closed"),
            Self::BackendGone => f.write_str("the backend is gone; attach the device anew"),
            Self::Detached => f.write_str("the device was detached"),
            Self::Misbehaved(fault) => {
                write!(f, "the backend broke the protocol: {fault}; attach the device anew")
            }
            Self::NoProtocolV2 => {
                f.write_str("the backend announces feature-protocol-v2, and not as 1")
            }
            Self::NotShared(error) => write!(f, "no page or port could be offered: {error}"),
            Self::OwnMistake => f.write_str("this domain made a mistake in using the page"),
        }
    }
}

/// Why a command was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotSent {
    /// There is no connection.
    NotConnected,
    /// The page did not take it.
    Page(NotSubmitted),
}

impl fmt::Display for NotSent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotConnected => f.write_str("no vTPM device is connected"),
            Self::Page(fault) => fault.fmt(f),
        }
    }
}

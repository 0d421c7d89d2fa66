//! What can go wrong between this domain and the TPM.

use crate::locality::Locality;
use crate::relay::RelayFault;
use core::fmt;
use core::time::Duration;

/// What was waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Registers whose contents count (`tpmRegValidSts`).
    Registers,
    /// Readiness for a command (`commandReady`).
    Ready,
    /// Room or data in the FIFO (`burstCount`).
    Burst,
    /// A valid status after bytes were sent (`stsValid`).
    Status,
    /// The whole transfer of one packet.
    Transfer,
    /// The end of a command.
    Execution,
    /// Bytes of the response (`dataAvail`).
    Response,
    /// A CRB device's way to idle (`goIdle`).
    Idle,
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Registers => "make its registers valid",
            Self::Ready => "become ready for a command",
            Self::Burst => "offer room in its FIFO (burst count 0)",
            Self::Status => "show a valid status while a packet was sent",
            Self::Transfer => "take or give a whole packet",
            Self::Execution => "finish the command",
            Self::Response => "give the rest of its response",
            Self::Idle => "go idle",
        })
    }
}

/// How the device broke the rules of its interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It stopped expecting bytes before the command was whole.
    CommandCutShort,
    /// It expects more bytes although the command is whole.
    CommandNotEnough,
    /// It went back to ready without a response.
    Aborted,
    /// The response's size field claims this many bytes.
    ResponseLength(u32),
    /// Bytes are left over behind the response.
    LeftOver,
    /// A CRB device set its error bit; only a platform reset clears that (PTP 6.5.3.9).
    Fatal,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CommandCutShort => f.write_str("stopped taking the command before its end"),
            Self::CommandNotEnough => f.write_str("asks for more bytes than the command has"),
            Self::Aborted => f.write_str("dropped the command without a response"),
            Self::ResponseLength(claimed) => {
                write!(f, "claims a response of {claimed} bytes, which cannot be")
            }
            Self::LeftOver => f.write_str("has bytes left over behind its response"),
            Self::Fatal => f.write_str("reports a fatal error; only a reset of the machine helps"),
        }
    }
}

/// A command did not get a response from the TPM. A TPM's own error response is none of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HardwareError {
    /// Every register reads as all ones: nothing is there, or nothing any more.
    Absent,
    /// The register pages, or part of them, are not mapped into this domain.
    NotMapped {
        /// The first physical address needed.
        address: u64,
        /// How many bytes.
        bytes: u64,
    },
    /// The locality was not granted in time.
    LocalityDenied(Locality),
    /// Another locality took the TPM away in the middle of a command.
    LocalityLost(Locality),
    /// The TPM did not do something in time.
    TimedOut {
        /// What.
        what: Wait,
        /// The limit that ran out.
        after: Duration,
    },
    /// A command that was given up did not end, also not after letting go of the TPM.
    Stuck,
    /// The TPM broke the rules of its interface.
    Fault(Fault),
    /// The command does not fit; nothing was sent.
    CommandLength {
        /// Its length.
        bytes: usize,
        /// The largest possible.
        limit: usize,
    },
    /// The command's size field is not its length; nothing was sent.
    CommandMalformed,
    /// `TPM_INTERFACE_ID` names an interface that this driver does not know.
    UnknownInterface(u8),
    /// A CRB device's buffer is outside what is mapped, or too small for a header.
    BadBuffer {
        /// `command` or `response`.
        which: &'static str,
        /// The physical address in the control area.
        address: u64,
        /// The length in the control area.
        bytes: u64,
    },
    /// The TPM domain in between did not pass the command on.
    Relay(RelayFault),
}

impl fmt::Display for HardwareError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str(
                "no hardware TPM answers (its registers read as all ones); check iomem= and \
                 tpmiomem= in the domain's file, and that no driver in domain 0 holds the TPM",
            ),
            Self::NotMapped { address, bytes } => write!(
                f,
                "the hardware TPM's {bytes} bytes at {address:#x} are not mapped; add them to \
                 iomem= and tpmiomem= in the domain's file"
            ),
            Self::LocalityDenied(locality) => write!(
                f,
                "the hardware TPM does not grant locality {locality}; another locality holds it"
            ),
            Self::LocalityLost(locality) => {
                write!(f, "locality {locality} was taken away in the middle of a command")
            }
            Self::TimedOut { what, after } => {
                write!(f, "the hardware TPM did not {what} within {} ms", after.as_millis())
            }
            Self::Stuck => f.write_str(
                "the hardware TPM is stuck in a command that was given up; if this stays, reset \
                 the machine",
            ),
            Self::Fault(fault) => write!(f, "the hardware TPM {fault}"),
            Self::CommandLength { bytes, limit } => write!(
                f,
                "a command of {bytes} bytes cannot be sent; the hardware TPM takes {limit}"
            ),
            Self::CommandMalformed => f.write_str("the command's size field is not its length"),
            Self::UnknownInterface(kind) => {
                write!(f, "the hardware TPM's interface type {kind} is not known")
            }
            Self::BadBuffer { which, address, bytes } => write!(
                f,
                "the hardware TPM's {which} buffer ({bytes} bytes at {address:#x}) is not mapped \
                 or too small; add it to iomem= and tpmiomem= in the domain's file"
            ),
            Self::Relay(fault) => {
                write!(f, "the TPM domain in front of the hardware TPM did not answer: {fault}")
            }
        }
    }
}

impl core::error::Error for HardwareError {}

//! Why a vTPM cannot go on, or does not serve a frontend.

use crate::boot::BootError;
use crate::keeper::{NotBegun, NotKept};
use crate::life::Refusal;
use core::fmt;
use vtpm_engine::EngineError;

/// The TPM must not be used any more; the domain says why and stops.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServiceError {
    /// The TPM could not be started, stopped or reset.
    Boot(BootError),
    /// The engine gave no answer to a guest's command.
    Engine(EngineError),
    /// The state could not be kept.
    NotKept(NotKept),
    /// A fresh boot could not begin.
    NotBegun(NotBegun),
}

impl From<BootError> for ServiceError {
    fn from(error: BootError) -> Self {
        Self::Boot(error)
    }
}

impl From<EngineError> for ServiceError {
    fn from(error: EngineError) -> Self {
        Self::Engine(error)
    }
}

impl From<NotBegun> for ServiceError {
    fn from(error: NotBegun) -> Self {
        Self::NotBegun(error)
    }
}

impl From<NotKept> for ServiceError {
    fn from(error: NotKept) -> Self {
        Self::NotKept(error)
    }
}

impl fmt::Display for ServiceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Boot(error) => error.fmt(f),
            Self::Engine(error) => error.fmt(f),
            Self::NotKept(error) => error.fmt(f),
            Self::NotBegun(error) => error.fmt(f),
        }
    }
}

/// A frontend that is not served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttachError {
    /// Close this frontend with the message; everything else goes on.
    Refused(Refusal),
    /// The TPM must not be used any more.
    Failed(ServiceError),
}

impl From<Refusal> for AttachError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<ServiceError> for AttachError {
    fn from(error: ServiceError) -> Self {
        Self::Failed(error)
    }
}

impl fmt::Display for AttachError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refusal) => refusal.fmt(f),
            Self::Failed(error) => error.fmt(f),
        }
    }
}

//! Executes TPM commands and keeps one TPM's state: libtpms behind a small safe trait.
//!
//! [`Engine`] is all that the rest of a vTPM needs to know. [`LibTpms`] is the engine of both TPM
//! versions. libtpms keeps its TPM in process-wide variables: one process, or one domain, runs one
//! [`LibTpms`] at a time, and a second one is refused.
#![no_std]
#![forbid(unsafe_code)]
extern crate alloc;

mod engine;
mod entropy;
mod libtpms;
mod resume;
mod state;

pub use engine::{Engine, EngineError, Locality};
pub use libtpms::{LibTpms, StartConfig};
pub use state::TpmState;
pub use tpm_wire::TpmVersion;

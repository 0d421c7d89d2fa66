//! Executes TPM commands and keeps one TPM's state: libtpms behind a small safe trait.
#![no_std]
#![forbid(unsafe_code)]
extern crate alloc;

mod engine;

pub use engine::{Engine, EngineError, Locality};
pub use tpm_wire::TpmVersion;

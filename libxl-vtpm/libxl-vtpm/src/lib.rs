//! What the tools for domain 0 know about virtual TPMs in xl's configuration.
//!
//! [`mod@line`] is one item of `vtpm=[...]`, with the words that stock xl does not have, and exactly what
//! stock xl would make of it. [`text`] is a configuration file as text: where things stand, and how a
//! vTPM is added without touching anything else. [`guest`] is a whole guest file, read through
//! libxlutil as xl reads it. [`plan`] is what has to be done to start a guest, step by step. [`watch`]
//! tells which domains come and go meanwhile.
#![forbid(unsafe_code)]

pub mod guest;
pub mod line;
pub mod plan;
pub mod text;
pub mod watch;

pub use tpm_wire::TpmVersion;
pub use uuid::Uuid;

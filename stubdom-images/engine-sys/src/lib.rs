//! libtpms and its libcrypto, linked statically: the engine's foreign function interface.
//!
//! libtpms keeps everything in process-wide variables, so there is one [`Library`] at a time, and
//! one process or domain runs one TPM. The unsafe code of the engine is here and in `engine-crt`,
//! nowhere else.
#![no_std]
extern crate alloc;
// the C library where there is none
#[cfg(target_os = "none")]
extern crate engine_crt as _;

mod fallback;
mod ffi;
mod library;
mod nv;
mod random;

pub use fallback::{fallback_calls, fallback_failed};
pub use ffi::{TPM_BAD_PARAMETER, TPM_FAIL, TPM_RETRY, TPM_SUCCESS};
pub use library::{Failed, Library, OpenError, Version};
pub use nv::Stored;
pub use random::{fill_random, system_entropy};

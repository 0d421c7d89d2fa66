//! TPM devices as a Linux kernel lists them: in domain 0, in guests, anywhere. Only `/sys` is read; no device
//! is opened.
#![forbid(unsafe_code)]

mod chip;
mod frontends;

pub use chip::is_no_tpm;
pub use frontends::frontends;

//! TPM devices as a Linux kernel lists them: in domain 0, in guests, anywhere.
#![forbid(unsafe_code)]

mod chip;
mod frontends;

pub use chip::is_none;
pub use frontends::frontends;

//! TPM 1.2 and 2.0 packets: headers, tags, codes, and the few commands the domains issue themselves.
#![forbid(unsafe_code)]
#![no_std]

mod version;

pub use version::TpmVersion;

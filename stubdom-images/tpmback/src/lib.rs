//! The answering end of shared TPM pages, many frontends served fairly.
#![forbid(unsafe_code)]
#![no_std]

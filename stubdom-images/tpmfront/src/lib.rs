//! The asking end of a shared TPM page.
#![forbid(unsafe_code)]
#![no_std]

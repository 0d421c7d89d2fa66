//! The asking end of a shared TPM page.
#![no_std]

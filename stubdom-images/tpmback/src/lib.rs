//! The answering end of shared TPM pages, many frontends served fairly.
#![no_std]

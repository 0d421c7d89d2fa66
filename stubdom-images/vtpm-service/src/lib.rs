//! The rules of a vTPM domain: arguments, a TPM's boot life, the probe answers for stock frontends.
#![forbid(unsafe_code)]
#![no_std]

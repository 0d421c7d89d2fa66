//! The rules of a vTPM domain: arguments, a TPM's boot life, the probe answers for stock frontends.
#![no_std]

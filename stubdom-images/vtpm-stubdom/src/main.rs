//! The image of a vTPM domain: joins backend, engine and rules with the guest runtime.
#![forbid(unsafe_code)]
fn main() {}

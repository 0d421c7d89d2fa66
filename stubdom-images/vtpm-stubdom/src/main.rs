//! The image of a vTPM domain: joins backend, engine and rules with the guest runtime.
fn main() {}

//! The smallest image, and the image that proves each claim of the guest runtime.
#![forbid(unsafe_code)]
fn main() {}

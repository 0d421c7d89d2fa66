//! Builds, tests and shows the project: what `./x` calls.
fn main() {}

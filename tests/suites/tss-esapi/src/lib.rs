//! Nothing of its own: its manifest and `Cargo.lock` say what `./x suites` fetches.
#![forbid(unsafe_code)]

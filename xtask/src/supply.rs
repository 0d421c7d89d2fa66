//! What goes into images and programs besides our own sources: which crates, from where, under which
//! licence.

pub(crate) mod deny;
mod graph;
pub(crate) mod notices;
pub(crate) mod policy;
pub(crate) mod sbom;

/// What programs of domain 0 and of guests are built for.
pub(crate) const LINUX: &str = "x86_64-unknown-linux-gnu";

/// What images are built for.
pub(crate) const BARE: &str = "x86_64-unknown-none";

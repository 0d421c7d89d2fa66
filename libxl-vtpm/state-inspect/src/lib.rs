//! What the manager's store and a vTPM's disk say about themselves.
//!
//! Everything here is readable without any secret, and a claim: whoever can write to the disk can
//! change it. Only the manager, which has the store's secret, and the vTPM, which asks the manager, can
//! tell whether it is true. Nothing secret is read, and nothing is written.
//!
//! The bytes are in docs/formats/manager-store.md, vtpm-disk.md and sealed-secret.md.
#![forbid(unsafe_code)]

mod file;
mod report;
mod sealed;

pub use file::{DiskFile, NoDisk};
pub use report::{Report, StoreReport, VtpmReport, WhatElse, inspect};
pub use sealed::SealedReport;
pub use vtpm_store::state_disk::written_sectors;

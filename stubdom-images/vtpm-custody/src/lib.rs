//! Custody of the root secret of the manager's store: sealed to the platform's TPM under a policy
//! over PCRs, and to a recovery key that an administrator holds.
//!
//! Pure logic over [`HardwareTpm`], a clock and an entropy source. On a TPM 2.0 every secret on the
//! bus goes through a session salted to a storage primary whose Name was recorded at first start,
//! with parameter encryption, and every answer that matters is authenticated. On a TPM 1.2 answers
//! are authenticated and secrets cross the bus in clear; nothing in that TPM's Seal prevents it.
//! The bytes of what is kept are in `docs/formats/sealed-secret.md`.
//!
//! Sources, by the short names used below: *Part 1*, *Part 2*, *Part 3* = TPM 2.0 Library rev 1.59,
//! Parts 1 to 3; *1.2 Part 1*, *1.2 Part 2*, *1.2 Part 3* = TPM Main Specification level 2 version
//! 1.2 rev 116, Parts 1 to 3.
//!
//! [`HardwareTpm`]: tpm_hw::HardwareTpm
#![no_std]
#![forbid(unsafe_code)]
extern crate alloc;

mod access;
mod administrator;
mod bytes;
mod counters;
mod crypto;
mod custody;
mod error;
mod error_text;
mod link;
mod pcr;
mod policy;
mod recovery;
mod sealed;
mod tpm12;
mod tpm20;
mod without_tpm;

pub use access::Access;
pub use counters::{COUNTER_INDEX, Counter, Former, FoundCounter, Leftover, MadeCounter};
pub use custody::Custody;
pub use error::CustodyError;
pub use link::Platform;
pub use pcr::{Differences, PcrMask, PcrSelection, PcrState, SelectionError, StateError};
pub use policy::{AdministratorKey, Approval, Force, Policy};
pub use recovery::{RecoveryKey, recover, set_recovery_key};
pub use sealed::{Accepted, CounterId, FORMAT_VERSION, Kind, Overview, inspect};
pub use tpm12::MonotonicCounter;
pub use tpm20::{EPOCH_INDEX, NvCounter, approval_digest, is_ours, policy_digest};
pub use without_tpm::{begin_anew_without_tpm, first_start_without_tpm, open_without_tpm};

//! The manager's store: one disk that holds every vTPM's record.
//!
//! A tree of fixed height over 4096-byte pages: root, branches, leaves with records in the order of
//! their uuids. Nothing is overwritten in place: a commit writes the changed leaves, their branches
//! and the other of two roots, then flushes once. Every page is encrypted and authenticated with its
//! place and the commit that wrote it, and is named by its tag in the page above, so the root vouches
//! for the whole store.
//!
//! The order of writes, the meaning of a half-written commit and every byte are in
//! `docs/formats/manager-store.md`.

mod change;
mod commit;
mod create;
mod drop;
mod error;
mod header;
mod inspect;
mod layout;
mod leaf;
mod open;
mod pages;
mod pointer;
mod record;
mod record_bytes;
mod root;
mod root_head;
mod sealed;
mod space;
mod store;

pub use commit::{Change, Committed};
pub use error::{Damage, StoreError};
pub use inspect::{Overview, inspect};
pub use layout::{FORMAT_VERSION, LARGEST_SEALED_BYTES, LEAST_SECTORS, PAGE_BYTES, RESERVED_PAGES};
pub use open::{Accept, LastCommit, Opening, StartNotes};
pub use record::{EK_NAME_BYTES, EK_PUBLIC_BYTES, Flags, Frontend, Record, SHORT_HASH_BYTES};
pub use root::{AcceptedBackup, Budget, Fields, RollbackMode};
pub use sealed::SealedSecret;
pub use store::{Store, Verdict};

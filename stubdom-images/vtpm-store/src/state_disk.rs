//! A vTPM domain's own disk: two slots, of which the manager names the one that counts.
//!
//! A save goes into the slot that the manager does not name and is flushed before the manager hears
//! of it; the manager keeps the hash of the whole slot and the key ([`HashKey`]). At the next start
//! only the slot with that hash is loaded, so an older copy of the disk, a disk of another vTPM or a
//! changed byte is refused, and what it is instead is said.
//!
//! Every byte is in `docs/formats/vtpm-disk.md`.
//!
//! [`HashKey`]: crate::HashKey

mod disk;
mod error;
mod examine;
mod load;
mod mark;
mod slot;

pub use disk::{Over, StateDisk};
pub use error::{SlotReport, StateDiskError};
pub use examine::{Content, examine, written_sectors};
pub use load::Loaded;
pub use mark::{FORMAT_VERSION, LEAST_SECTORS};
pub use slot::LARGEST_IMAGE_BYTES;

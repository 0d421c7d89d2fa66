//! Commands from domain 0 to the manager of all vTPMs.
//!
//! The way is a vTPM device whose frontend is domain 0 itself and whose backend is the manager
//! (`xl vtpm-attach 0 backend=vtpmmgr`): the hypervisor vouches for both ends, and no command
//! and no secret passes xenstore or a console. Linux's xen-tpmfront makes `/dev/tpmN` of it.
//!
//! ```no_run
//! use manager_client::Channel;
//! let mut manager = Channel::find()?;
//! for vtpm in manager.list()? {
//!     println!("{} {}", manager_client::uuid_text(&vtpm.uuid), vtpm.generation);
//! }
//! # Ok::<(), manager_client::ChannelError>(())
//! ```
//!
//! The bytes are in docs/formats/manager-commands.md.
#![forbid(unsafe_code)]

mod channel;
mod commands;
mod endorsement;
mod error;
mod policy;
mod uuid;
mod waiting;

pub use channel::Channel;
pub use endorsement::endorsement_pem;
pub use error::ChannelError;
pub use tpm_wire::TpmVersion;
pub use tpm_wire::manager::{AnswerError, Entry, Force, PolicyReport, Show, Stats, UuidBytes};
pub use tpm_wire::tpm12::TpmResult;
pub use uuid::{parse_uuid, uuid_text};
pub use vtpm_custody::{Accepted, AdministratorKey, Approval, PcrSelection, PcrState};

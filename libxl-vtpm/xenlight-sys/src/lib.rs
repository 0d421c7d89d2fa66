//! libxl, libxlutil and xentoollog, loaded at run time for the Xen that runs.
//!
//! libxl's soname changes with every release of Xen, so a program that links it serves one release.
//! This crate loads the library of the running release instead, and uses only calls and structures
//! that are the same in all releases of [`XenRelease`]. That is proved, not assumed: a test hands
//! every signature, size, offset and constant used here to a C compiler together with the headers of
//! each release. The one structure that differs, `libxl_domain_config`, is never looked into: libxl
//! fills it from JSON and empties it ([`DomainConfig`]).
//!
//! In the order of use: [`Library`] (loading), [`GuestFile`] (an xl configuration file, read by
//! libxlutil as xl reads it; needs no Xen), [`Context`] (everything that asks Xen).
//!
//! ```no_run
//! use xenlight_sys::{Context, Library};
//! let library = Library::of_this_host()?;
//! let context = Context::open(library)?;
//! for domain in context.domains()? {
//!     println!("{} {:?}", domain.domid, context.name_of(domain.domid));
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Sources: Xen tools/include/libxl.h, libxl_event.h, libxl_utils.h, libxlutil.h and xentoollog.h,
//! and the generated _libxl_types.h, of Xen 4.17 and 4.20 as Debian ships them.

mod abilities;
mod autoballoon;
mod calls;
mod config;
mod context;
mod death;
mod domains;
mod error;
mod guest_file;
mod layout;
mod library;
mod memory;
mod messages;
#[cfg(test)]
mod proof;
mod release;
mod said;
mod vtpm;

pub use abilities::Abilities;
pub use autoballoon::Autoballoon;
pub use config::DomainConfig;
pub use context::Context;
pub use death::End;
pub use domains::{Domain, ShutdownReason};
pub use error::{Code, Error, LoadError};
pub use guest_file::{BadFile, GuestFile, Setting};
pub use library::Library;
pub use release::{UnknownXen, XenRelease};
pub use said::cause_first;
pub use vtpm::{NewVtpm, Vtpm, VtpmState};

/// Sixteen bytes in the order in which a uuid is written (libxl_uuid.h).
pub type UuidBytes = [u8; 16];

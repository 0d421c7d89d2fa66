//! TPM 1.2 and 2.0 packets: header, tags, codes, and the few commands the domains issue
//! themselves, with the parsers of their answers.
//!
//! Every packet, command or response, of either family starts with the same ten bytes
//! ([`Header`]), all numbers big-endian. Codes on the wire are open: a value nobody has named is
//! data, not an error. What a peer sent is parsed without panics and without trust.
//!
//! Sources, by the short names used below: *Part 2*, *Part 3* = TPM 2.0 Library rev 1.59, Parts 2
//! and 3; *1.2 Part 2*, *1.2 Part 3* = TPM Main Specification level 2 version 1.2 rev 116, Parts 2
//! and 3.
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing))]
extern crate alloc;

mod open_enum;

mod builder;
mod header;
mod locality;
pub mod manager;
mod reader;
mod tag;
pub mod tpm12;
pub mod tpm20;
mod version;

pub use builder::PacketBuilder;
pub use header::{HEADER_BYTES, Header, HeaderError, MAX_PACKET_BYTES};
pub use locality::Locality;
pub use reader::{Malformed, Reader};
pub use tag::{Family, Tag};
pub use version::TpmVersion;

//! The command line of a vTPM domain. The domain reads it; vtpm-config-gen checks with the same reader
//! what it writes.
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing))]
extern crate alloc;

mod banks;
mod error;
mod locality;
mod parse;
mod pcrs;
#[cfg(test)]
mod tests;

pub use banks::{BankSelection, DEFAULT_BANKS};
pub use error::ArgumentError;
pub use locality::{LocalityGrant, LocalityRules, LocalitySet};
pub use pcrs::PcrSet;

use alloc::string::String;
use alloc::vec::Vec;
use log::LevelFilter;
use tpm_wire::TpmVersion;
use tpmif::Uuid;

/// Where the TPM's state lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Custody {
    /// On the domain's own disk, under the manager's key.
    Managed,
    /// Nowhere: it ends with the domain (`ephemeral`).
    Ephemeral,
}

/// How the TPM is started when the domain starts (xen-vtpm(7): `clear`, `save`, `deactivated`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Startup {
    /// A fresh boot.
    Clear,
    /// Goes on from the state kept at the last orderly stop; a fresh boot when there is none.
    Save,
    /// TPM 1.2 only: deactivated, at every boot of every guest.
    Deactivated,
}

/// Whether the guest may use the platform hierarchy of a TPM 2.0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlatformHierarchy {
    /// Its authorisation is random and forgotten, as firmware leaves it on a real machine.
    Closed,
    /// Its authorisation stays empty (`platform=open`).
    Open,
}

/// What happens to a guest that comes back after its TPM was reset under it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reattach {
    /// It is refused: it could extend measurements of its choice into blank PCRs.
    Refuse,
    /// It gets a TPM with blank PCRs (`reattach=blank-pcrs`).
    BlankPcrs,
}

/// Everything that can be said on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arguments {
    /// `tpm2` or `tpm2=1`: TPM 2.0; nothing: TPM 1.2.
    pub version: TpmVersion,
    /// `ephemeral`; managed when absent.
    pub custody: Custody,
    /// `loglevel=error|info|debug`; info when absent.
    pub log_level: LevelFilter,
    /// `clear`, `save` or `deactivated`; clear when absent.
    pub startup: Startup,
    /// `locality=`: what a guest may claim; when absent, every claim counts as locality 0.
    pub localities: LocalityRules,
    /// `banks=`: the PCR banks that a fresh TPM 2.0 gets.
    pub banks: BankSelection,
    /// `platform=open`.
    pub platform: PlatformHierarchy,
    /// `reattach=blank-pcrs`.
    pub reattach: Reattach,
    /// `hwinitpcr=`: PCRs that a fresh boot extends by the hardware TPM's values; none when absent.
    pub hardware_pcrs: PcrSet,
    /// `guest=`: the only uuid of a guest's `vtpm=` line that is served; any when absent. The toolstack
    /// writes it into the vTPM domain's own backend directory, where no guest can.
    pub guest: Option<Uuid>,
}

/// A sentence for the console about an argument that is accepted but does less than it says.
pub type Notice = String;

impl Arguments {
    /// The name of every word. No other reaches the reader; the manual page describes each.
    pub const WORDS: [&str; 13] = [
        "tpm2",
        "ephemeral",
        "clear",
        "save",
        "deactivated",
        "loglevel",
        "maintcmds",
        "hwinitpcr",
        "locality",
        "banks",
        "platform",
        "reattach",
        "guest",
    ];

    /// Reads the words of a command line (split at blanks, quotes resolved).
    ///
    /// A word that is not known is left out and named in a notice, as upstream's image does. A
    /// known word with a value that it cannot have stops the domain.
    ///
    /// # Errors
    /// [`ArgumentError`], which names the word and what to write instead.
    pub fn parse<W: AsRef<str>>(
        words: impl IntoIterator<Item = W>,
    ) -> Result<(Self, Vec<Notice>), ArgumentError> {
        parse::parse(words)
    }
}

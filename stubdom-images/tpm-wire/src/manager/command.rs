//! Commands from domain 0.

use super::request::NoRequest;
use super::{Ordinal, UuidBytes, u64_of, version, version_byte};
use crate::builder::PacketBuilder;
use crate::reader::{Malformed, Reader};
use crate::tag::Tag;
use crate::version::TpmVersion;
use alloc::vec::Vec;

/// How many vTPMs one answer to LIST holds at most.
pub const MOST_LISTED: u16 = 80;

/// Whether a command is to be done in spite of what speaks against it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Force {
    /// It is not.
    No,
    /// It is.
    Yes,
}

/// A command with [`Tag::VTPM_REQ2`] from domain 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// What the manager is and does.
    Stats,
    /// The vTPMs after this one, in the order of their uuids.
    List {
        /// The last uuid that is known already.
        after: Option<UuidBytes>,
        /// How many at most; never more than [`MOST_LISTED`] come.
        most: u16,
    },
    /// One vTPM.
    Show(UuidBytes),
    /// A record for a vTPM that will come.
    New {
        /// Its uuid.
        uuid: UuidBytes,
        /// Which TPM it will be.
        version: TpmVersion,
        /// Its group.
        group: u32,
    },
    /// Removes a record and with it the key of the vTPM's state.
    Delete {
        /// Whose.
        uuid: UuidBytes,
        /// Also when it has saved state.
        force: Force,
    },
    /// Finishes everything and ends the manager.
    PrepareShutdown(
        /// Also while vTPMs are attached.
        Force,
    ),
    /// Serves a vTPM, or does not.
    Enable {
        /// Which.
        uuid: UuidBytes,
        /// Whether it is served.
        enabled: bool,
    },
    /// Lets a vTPM go on once from an older state, such as a backup of its disk.
    Accept {
        /// Which.
        uuid: UuidBytes,
        /// The state's generation; `None` takes the word back.
        generation: Option<u64>,
    },
    /// What the store's secret is sealed under; its body is not described here.
    Policy,
}

impl Command {
    /// Takes the parts of a packet whose tag is [`Tag::VTPM_REQ2`].
    ///
    /// # Errors
    /// [`NoRequest`].
    pub fn parse(ordinal: Ordinal, body: &[u8]) -> Result<Self, NoRequest> {
        if ordinal == Ordinal::POLICY {
            return Ok(Self::Policy);
        }
        let mut reader = Reader::new(body);
        let command = Self::read(ordinal, &mut reader)?;
        reader.end().map_err(NoRequest::Body)?;
        Ok(command)
    }

    fn read(ordinal: Ordinal, from: &mut Reader<'_>) -> Result<Self, NoRequest> {
        let mut read = || {
            Ok(Some(match ordinal {
                Ordinal::STATS => Self::Stats,
                Ordinal::LIST => {
                    let after: UuidBytes = from.array()?;
                    let after = (after != [0; 16]).then_some(after);
                    Self::List { after, most: from.u16()? }
                }
                Ordinal::SHOW => Self::Show(from.array()?),
                Ordinal::NEW => {
                    let (uuid, version) = (from.array()?, version(from)?);
                    Self::New { uuid, version, group: from.u32()? }
                }
                Ordinal::DELETE => Self::Delete { uuid: from.array()?, force: force(from)? },
                Ordinal::PREPARE_SHUTDOWN => Self::PrepareShutdown(force(from)?),
                Ordinal::ENABLE => {
                    Self::Enable { uuid: from.array()?, enabled: force(from)? == Force::Yes }
                }
                Ordinal::ACCEPT => {
                    let (uuid, generation) = (from.array()?, u64_of(from)?);
                    Self::Accept { uuid, generation: (generation != 0).then_some(generation) }
                }
                _ => return Ok(None),
            }))
        };
        read().map_err(NoRequest::Body)?.ok_or(NoRequest::Ordinal(ordinal))
    }

    /// The whole packet.
    #[must_use]
    pub fn packet(&self) -> Vec<u8> {
        let start = |ordinal: Ordinal| PacketBuilder::new(Tag::VTPM_REQ2, ordinal.0);
        match self {
            Self::Stats => start(Ordinal::STATS),
            Self::List { after, most } => {
                start(Ordinal::LIST).bytes(&after.unwrap_or_default()).u16(*most)
            }
            Self::Show(uuid) => start(Ordinal::SHOW).bytes(uuid),
            Self::New { uuid, version, group } => {
                start(Ordinal::NEW).bytes(uuid).u8(version_byte(*version)).u32(*group)
            }
            Self::Delete { uuid, force } => {
                start(Ordinal::DELETE).bytes(uuid).u8(u8::from(*force == Force::Yes))
            }
            Self::PrepareShutdown(force) => {
                start(Ordinal::PREPARE_SHUTDOWN).u8(u8::from(*force == Force::Yes))
            }
            Self::Enable { uuid, enabled } => {
                start(Ordinal::ENABLE).bytes(uuid).u8(u8::from(*enabled))
            }
            Self::Accept { uuid, generation } => {
                start(Ordinal::ACCEPT).bytes(uuid).bytes(&generation.unwrap_or(0).to_be_bytes())
            }
            Self::Policy => start(Ordinal::POLICY),
        }
        .finish()
    }
}

fn force(reader: &mut Reader<'_>) -> Result<Force, Malformed> {
    match reader.u8()? {
        0 => Ok(Force::No),
        1 => Ok(Force::Yes),
        _ => Err(Malformed::Value),
    }
}

/// A POLICY command with this body.
#[must_use]
pub fn policy_request(body: &[u8]) -> Vec<u8> {
    PacketBuilder::new(Tag::VTPM_REQ2, Ordinal::POLICY.0).bytes(body).finish()
}

//! Requests of a vTPM domain.

use super::{Ordinal, version, version_byte};
use crate::builder::PacketBuilder;
use crate::reader::{Malformed, Reader};
use crate::tag::Tag;
use crate::version::TpmVersion;
use alloc::vec::Vec;
use core::ops::RangeInclusive;

/// How long the body of SAVEHASHKEY may be.
pub const HASH_KEY_BYTES: RangeInclusive<usize> = 52..=64;

/// The longest Name of an endorsement key.
pub const EK_NAME_BYTES: usize = 66;

/// The longest public part of an endorsement key.
pub const EK_PUBLIC_BYTES: usize = 600;

/// What a new vTPM says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Register<'a> {
    /// Which TPM it is.
    pub version: TpmVersion,
    /// The endorsement key's Name; empty when there is none. At most [`EK_NAME_BYTES`].
    pub ek_name: &'a [u8],
    /// The endorsement key's public part; empty when there is none. At most [`EK_PUBLIC_BYTES`].
    pub ek_public: &'a [u8],
}

/// A request with [`Tag::VTPM_REQ`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Request<'a> {
    /// [`Ordinal::SAVE_HASH_KEY`] with its body of [`HASH_KEY_BYTES`]. Secret.
    Save(&'a [u8]),
    /// [`Ordinal::LOAD_HASH_KEY`].
    Load,
    /// [`Ordinal::GET_BOOT_HASH`].
    BootHash,
    /// [`Ordinal::STATUS`].
    Status,
    /// [`Ordinal::REGISTER`].
    Register(Register<'a>),
}

/// Why a request is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoRequest {
    /// There is no such ordinal, or it is not served.
    Ordinal(Ordinal),
    /// The body does not have the ordinal's form.
    Body(Malformed),
}

impl<'a> Request<'a> {
    /// Takes the parts of a packet whose tag is [`Tag::VTPM_REQ`].
    ///
    /// # Errors
    /// [`NoRequest`].
    pub fn parse(ordinal: Ordinal, body: &'a [u8]) -> Result<Self, NoRequest> {
        let empty = || Reader::new(body).end().map_err(NoRequest::Body);
        match ordinal {
            Ordinal::SAVE_HASH_KEY if HASH_KEY_BYTES.contains(&body.len()) => Ok(Self::Save(body)),
            Ordinal::SAVE_HASH_KEY => Err(NoRequest::Body(Malformed::Short)),
            Ordinal::LOAD_HASH_KEY => empty().map(|()| Self::Load),
            Ordinal::GET_BOOT_HASH => empty().map(|()| Self::BootHash),
            Ordinal::STATUS => empty().map(|()| Self::Status),
            Ordinal::REGISTER => {
                Register::parse(Reader::new(body)).map(Self::Register).map_err(NoRequest::Body)
            }
            other => Err(NoRequest::Ordinal(other)),
        }
    }

    /// The whole packet.
    #[must_use]
    pub fn packet(&self) -> Vec<u8> {
        let start = |ordinal: Ordinal| PacketBuilder::new(Tag::VTPM_REQ, ordinal.0);
        match self {
            Self::Save(body) => start(Ordinal::SAVE_HASH_KEY).bytes(body).finish(),
            Self::Load => start(Ordinal::LOAD_HASH_KEY).finish(),
            Self::BootHash => start(Ordinal::GET_BOOT_HASH).finish(),
            Self::Status => start(Ordinal::STATUS).finish(),
            Self::Register(register) => start(Ordinal::REGISTER)
                .u8(version_byte(register.version))
                .sized(register.ek_name)
                .sized(register.ek_public)
                .finish(),
        }
    }
}

impl<'a> Register<'a> {
    fn parse(mut reader: Reader<'a>) -> Result<Self, Malformed> {
        let version = version(&mut reader)?;
        let (ek_name, ek_public) = (reader.sized()?, reader.sized()?);
        reader.end()?;
        if ek_name.len() > EK_NAME_BYTES || ek_public.len() > EK_PUBLIC_BYTES {
            return Err(Malformed::Value);
        }
        Ok(Self { version, ek_name, ek_public })
    }
}

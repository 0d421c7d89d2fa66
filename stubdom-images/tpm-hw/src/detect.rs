//! Finding out what is there.

use crate::arguments::{HardwareArguments, VersionOutcome};
use crate::bus::{Bus, Mmio};
use crate::crb::Crb;
use crate::error::HardwareError;
use crate::hardware::HardwareTpm;
use crate::locality::{Locality, REGISTER_PAGE_BYTES, register_page};
use crate::tis::Tis;
use crate::wait::Time;
use alloc::boxed::Box;
use core::fmt;
use tpm_wire::tpm20::{Capability, CommandCode};
use tpm_wire::{Header, PacketBuilder, Tag, TpmVersion};

/// `TPM_INTERFACE_ID` in a locality's page (PTP 6.2); reserved in TIS 1.2.
const INTERFACE_ID: u64 = 0x30;
/// `TPM_ACCESS` of a FIFO, which never reads as all ones.
const ACCESS: u64 = 0x00;

/// How a TPM is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interface {
    /// Bytes through a FIFO (TIS).
    Fifo,
    /// A command and a response buffer (CRB).
    Crb,
    /// Another TPM domain, by tpmfront.
    Relay,
}

impl fmt::Display for Interface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fifo => "FIFO (tpm_tis)",
            Self::Crb => "CRB (tpm_crb)",
            Self::Relay => "another TPM domain (tpmfront)",
        })
    }
}

/// A hardware TPM that answers.
pub struct Found {
    /// The TPM.
    pub tpm: Box<dyn HardwareTpm>,
    /// Its version, by its own answer.
    pub version: TpmVersion,
    /// How it is reached.
    pub interface: Interface,
    /// What this means for the version that was asked for.
    pub outcome: VersionOutcome,
}

impl Found {
    /// Asks a TPM that is reached already for its version.
    ///
    /// # Errors
    /// [`HardwareError`] when it does not answer.
    pub fn behind(
        mut tpm: Box<dyn HardwareTpm>,
        interface: Interface,
        asked_for_tpm2: bool,
    ) -> Result<Self, HardwareError> {
        let version = version(tpm.as_mut())?;
        let outcome = VersionOutcome::of(asked_for_tpm2, version);
        Ok(Self { tpm, version, interface, outcome })
    }
}

impl fmt::Debug for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Found")
            .field("version", &self.version)
            .field("interface", &self.interface)
            .field("outcome", &self.outcome)
            .finish_non_exhaustive()
    }
}

/// Finds interface and version of the TPM whose registers are among the windows of `bus`.
///
/// # Errors
/// [`HardwareError`] when nothing usable answers.
pub fn detect<M, T>(
    mut bus: Bus<M>,
    arguments: &HardwareArguments,
    time: T,
) -> Result<Found, HardwareError>
where
    M: Mmio + 'static,
    T: Time + 'static,
{
    let (base, locality) = (arguments.base(), arguments.locality);
    let interface = match arguments.control_area {
        Some(_) => Interface::Crb,
        None => interface(&mut bus, base, locality)?,
    };
    let tpm: Box<dyn HardwareTpm> = match (interface, arguments.control_area) {
        (Interface::Crb, Some(control)) => Box::new(Crb::open_control_area(bus, control, time)?),
        (Interface::Crb, None) => Box::new(Crb::open(bus, base, locality, time)?),
        (Interface::Fifo | Interface::Relay, _) => Box::new(Tis::open(bus, base, locality, time)?),
    };
    Found::behind(tpm, interface, arguments.tpm2)
}

fn interface<M: Mmio>(
    bus: &mut Bus<M>,
    base: u64,
    locality: Locality,
) -> Result<Interface, HardwareError> {
    let page = register_page(locality, base);
    if !bus.covers(page, REGISTER_PAGE_BYTES) {
        return Err(HardwareError::NotMapped { address: page, bytes: REGISTER_PAGE_BYTES });
    }
    let [kind, ..] = bus.read32(page + INTERFACE_ID).to_le_bytes();
    match kind & 0xF {
        0x1 => Ok(Interface::Crb),
        _ if bus.read8(page + ACCESS) == u8::MAX => Err(HardwareError::Absent),
        // 0 is the PTP's FIFO, 0xF the FIFO of TIS 1.3; on TIS 1.2 nothing is decoded there.
        0x0 | 0xF => Ok(Interface::Fifo),
        other => Err(HardwareError::UnknownInterface(other)),
    }
}

/// Every TPM answers a TPM 2.0 command: a TPM 2.0 with a TPM 2.0 tag, before Startup too, a TPM 1.2
/// with its own tag and an error.
fn version(tpm: &mut dyn HardwareTpm) -> Result<TpmVersion, HardwareError> {
    const FAMILY_INDICATOR: u32 = 0x100;
    let probe = PacketBuilder::new(Tag::NO_SESSIONS, CommandCode::GET_CAPABILITY.0)
        .u32(Capability::TPM_PROPERTIES.0)
        .u32(FAMILY_INDICATOR)
        .u32(1)
        .finish();
    let response = tpm.transmit(&probe)?;
    let is_tpm20 = Header::parse(&response).is_ok_and(|(header, _)| header.tag == Tag::NO_SESSIONS);
    Ok(if is_tpm20 { TpmVersion::Tpm20 } else { TpmVersion::Tpm12 })
}

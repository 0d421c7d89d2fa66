//! `hwinitpcr=`: a fresh boot begins with the hardware TPM's measurements.
//!
//! An engine's PCR cannot be set, so it is extended, once, by the hardware PCR of the same bank: a
//! verifier computes H(zeros | value). Upstream's image wrote the value itself into the PCR.

use crate::engine::KeptEngine;
use crate::link::ManagerLink;
use crate::manager::{ManagerError, Session};
use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;
use core::time::Duration;
use tpm_wire::tpm12::Ordinal;
use tpm_wire::tpm20::{self, Capability, HashAlgorithm, Property};
use tpm_wire::{Header, PacketBuilder, Tag, TpmVersion};
use vtpm_engine::Locality;
use vtpm_service::NotBegun;
use vtpm_service::arguments::PcrSet;

/// How long to wait before a manager that cannot answer now is asked again.
const AGAIN: Duration = Duration::from_millis(500);

/// A bank's digests of one PCR.
type Digests = Vec<(HashAlgorithm, Vec<u8>)>;

/// Extends the engine's PCRs.
pub(crate) fn extend<E: KeptEngine, L: ManagerLink>(
    engine: &mut E,
    version: TpmVersion,
    pcrs: PcrSet,
    hardware: Option<TpmVersion>,
    link: &mut L,
    until: Duration,
) -> Result<(), NotBegun> {
    let Some(hardware) = hardware else {
        log::warn!(
            "hwinitpcr: the manager has no hardware TPM; the PCRs stay at their reset values"
        );
        return Ok(());
    };
    let mut banks = banks(engine, version)?;
    for pcr in pcrs.iter() {
        let digests = read(link, &banks, hardware, pcr, until)?;
        banks.retain(|bank| {
            let there = digests.iter().any(|(algorithm, _)| algorithm == bank);
            if !there {
                log::warn!(
                    "hwinitpcr: the hardware TPM has no bank {bank}; this TPM's stays at its reset \
                     values from PCR {pcr} on"
                );
            }
            there
        });
        if !digests.is_empty() {
            extend_one(engine, version, pcr, &digests)?;
        }
    }
    Ok(())
}

/// The banks of the engine's PCRs.
fn banks<E: KeptEngine>(
    engine: &mut E,
    version: TpmVersion,
) -> Result<Vec<HashAlgorithm>, NotBegun> {
    if version == TpmVersion::Tpm12 {
        return Ok([HashAlgorithm::SHA1].to_vec());
    }
    let ask = tpm20::get_capability(Capability::PCRS, Property(0), 1);
    let answer = engine.execute(Locality::ZERO, &ask);
    let answer = answer.map_err(|error| NotBegun(error.to_string()))?;
    tpm20::active_banks(&answer).map_err(|error| NotBegun(error.to_string()))
}

/// What the hardware's PCR holds in those of the banks that it has.
fn read<L: ManagerLink>(
    link: &mut L,
    banks: &[HashAlgorithm],
    hardware: TpmVersion,
    pcr: u32,
    until: Duration,
) -> Result<Digests, NotBegun> {
    let mut digests = Vec::new();
    for bank in banks {
        let value = read_bank(link, *bank, hardware, pcr, until);
        let value = value.map_err(|why| NotBegun(format!("hwinitpcr: PCR {pcr}: {why}")))?;
        digests.extend(value.map(|value| (*bank, value)));
    }
    Ok(digests)
}

fn read_bank<L: ManagerLink>(
    link: &mut L,
    bank: HashAlgorithm,
    hardware: TpmVersion,
    pcr: u32,
    until: Duration,
) -> Result<Option<Vec<u8>>, ManagerError> {
    loop {
        let connection = link.connect(until)?;
        let mut session = Session { link, connection, until };
        let value = match (hardware, bank) {
            (TpmVersion::Tpm20, bank) => session.pcr_20(bank, pcr),
            (TpmVersion::Tpm12, HashAlgorithm::SHA1) => session.pcr_12(pcr),
            (TpmVersion::Tpm12, _) => Ok(None),
        };
        match value {
            Err(error) if error.is_passing() && link.now() < until => {
                let now = link.now();
                link.pause(now.saturating_add(AGAIN).min(until))?;
            }
            value => return value,
        }
    }
}

fn extend_one<E: KeptEngine>(
    engine: &mut E,
    version: TpmVersion,
    pcr: u32,
    digests: &Digests,
) -> Result<(), NotBegun> {
    let packet = match (version, digests.first()) {
        (TpmVersion::Tpm12, Some((_, digest))) => {
            PacketBuilder::new(Tag::RQU_COMMAND, Ordinal::EXTEND.0).u32(pcr).bytes(digest).finish()
        }
        _ => tpm20::pcr_extend(pcr, digests),
    };
    let answer = engine.execute(locality(pcr), &packet);
    let answer = answer.map_err(|error| NotBegun(error.to_string()))?;
    match Header::parse(&answer) {
        Ok((Header { code: 0, .. }, _)) => Ok(()),
        Ok((Header { code, .. }, _)) => {
            Err(NotBegun(format!("hwinitpcr: PCR {pcr} could not be extended: {code:#x}")))
        }
        Err(_) => Err(NotBegun(format!("hwinitpcr: PCR {pcr}: the answer is malformed"))),
    }
}

/// PCRs 17 to 22 belong to a dynamic launch, and locality 2 may extend each of them (PC Client
/// Platform TPM Profile 1.05, table 5).
fn locality(pcr: u32) -> Locality {
    match (17..=22).contains(&pcr) {
        true => Locality::new(2).unwrap_or(Locality::ZERO),
        false => Locality::ZERO,
    }
}

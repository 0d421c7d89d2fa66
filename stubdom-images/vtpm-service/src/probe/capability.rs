//! TPM 1.2 GetCapability (TPM Main Part 3, 7.1).

use super::{Probe, Refusal, is_answered};
use alloc::vec::Vec;
use tpm_wire::tpm12::{Capability, Ordinal, Property, TpmResult, permanent_flags, volatile_flags};
use tpm_wire::{MAX_PACKET_BYTES, Reader, tpm20};
use vtpm_engine::Engine;

/// Time-outs A, B, C, D in microseconds, as upstream's images give them and as the TIS
/// specification has them: 0.75, 2, 0.75, 0.75 s. Linux waits C before it may submit.
const TIMEOUTS: [u32; 4] = [750_000, 2_000_000, 750_000, 750_000];

/// Short, medium and long durations in microseconds: 3, 3 and 600 s. They hold for TPM 1.2
/// ordinals; a TPM 2.0 command code is larger than every ordinal Linux knows and gets the kernel's
/// own 120 s. The longest that was measured, CreatePrimary of an RSA-3072 key, took 1.6 s on a
/// machine with seven times more to do than processors (docs/performance.md); one without hardware
/// virtualisation takes some twenty times longer.
const DURATIONS: [u32; 3] = [3_000_000, 3_000_000, 600_000_000];

/// PCRs of a PC (PC Client Platform TPM Profile 1.05, 4.6).
pub(super) const PCR_COUNT: u32 = 24;

/// `TPM_CAP_VERSION`: 1.1.0.0, as 1.2 Part 2, 21.6 demands of every TPM 1.2.
const VERSION: [u8; 4] = [1, 1, 0, 0];

impl<E: Engine> Probe<'_, E> {
    pub(super) fn capability(&mut self, mut parameters: Reader<'_>) -> Result<Vec<u8>, Refusal> {
        let area = Capability(parameters.u32()?);
        let length = usize::try_from(parameters.u32()?).unwrap_or(usize::MAX);
        let sub = Reader::new(parameters.bytes(length)?);
        parameters.end()?;
        let value = self.capability_value(area, sub)?;
        let length = u32::try_from(value.len()).map_err(|_| TpmResult::SIZE)?;
        Ok([&length.to_be_bytes(), value.as_slice()].concat())
    }

    fn capability_value(
        &mut self,
        area: Capability,
        mut sub: Reader<'_>,
    ) -> Result<Vec<u8>, Refusal> {
        match area {
            Capability::VERSION => Ok(VERSION.to_vec()),
            Capability::VERSION_VAL => self.version_info(),
            Capability::ORD => Ok([u8::from(is_answered(Ordinal(sub.u32()?)))].to_vec()),
            Capability::FLAG => flags(Property(sub.u32()?)),
            Capability::PROPERTY => self.property(Property(sub.u32()?)),
            _ => Err(TpmResult::BAD_MODE.into()),
        }
    }

    fn property(&mut self, property: Property) -> Result<Vec<u8>, Refusal> {
        match property {
            Property::PCR => Ok(PCR_COUNT.to_be_bytes().to_vec()),
            Property::MANUFACTURER => Ok(self.manufacturer()?.to_vec()),
            Property::OWNER => Ok([0].to_vec()),
            Property::TIS_TIMEOUT => Ok(numbers(&TIMEOUTS)),
            Property::DURATION => Ok(numbers(&DURATIONS)),
            Property::INPUT_BUFFER => {
                Ok(u32::try_from(MAX_PACKET_BYTES).unwrap_or(u32::MAX).to_be_bytes().to_vec())
            }
            _ => Err(TpmResult::BAD_MODE.into()),
        }
    }

    /// The manufacturer that the TPM 2.0 itself names.
    fn manufacturer(&mut self) -> Result<[u8; 4], Refusal> {
        let wanted = tpm20::Property::MANUFACTURER;
        let command = tpm20::get_capability(tpm20::Capability::TPM_PROPERTIES, wanted, 1);
        let value = tpm20::property(&self.send(&command)?, wanted)?;
        Ok(value.ok_or(TpmResult::FAIL)?.to_be_bytes())
    }

    /// `TPM_CAP_VERSION_INFO` (1.2 Part 2, 21.6): version 1.2, specification level 2, errata 3.
    fn version_info(&mut self) -> Result<Vec<u8>, Refusal> {
        let head = [0x00, 0x30, 1, 2, 0, 0, 0, 2, 3];
        let no_vendor_bytes = [0, 0];
        Ok([&head[..], &self.manufacturer()?, &no_vendor_bytes].concat())
    }
}

fn numbers(values: &[u32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_be_bytes()).collect()
}

fn flags(which: Property) -> Result<Vec<u8>, Refusal> {
    match which {
        Property::FLAG_PERMANENT => Ok(permanent_flags()),
        Property::FLAG_VOLATILE => Ok(volatile_flags().to_vec()),
        _ => Err(TpmResult::BAD_MODE.into()),
    }
}

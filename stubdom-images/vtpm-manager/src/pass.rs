//! The few commands that are passed on to the hardware TPM.
//!
//! Each is taken apart, checked and made anew, so that nothing of a vTPM's reaches the hardware as
//! it was sent. One command of a vTPM's costs the hardware a bounded number of its own.

use crate::hardware::{Hardware, HardwareFault};
use alloc::vec::Vec;
use domain_io::Entropy;
use tpm_wire::tpm12::{Capability, Ordinal, Property, TpmResult, error_response, success_response};
use tpm_wire::tpm20::{CommandCode, HashAlgorithm, ResponseCode};
use tpm_wire::{Header, MAX_PACKET_BYTES, Malformed, PacketBuilder, Reader, Tag, TpmVersion};

/// The most random bytes in one answer.
const MOST_RANDOM: u16 = 256;

/// PCRs of a PC (PC Client Platform TPM Profile 1.05, 4.6).
const PCR_COUNT: u32 = 24;

/// Time-outs A to D and durations in microseconds that Linux believes of a TPM 1.2: what the manager
/// answers takes no longer.
const TIMEOUTS: [u32; 4] = [750_000, 2_000_000, 750_000, 750_000];
const DURATIONS: [u32; 3] = [3_000_000, 60_000_000, 600_000_000];

/// What commands are passed on to.
pub(crate) struct Pass<'a> {
    pub(crate) hardware: Option<&'a mut Hardware>,
    pub(crate) entropy: &'a mut dyn Entropy,
    /// The asker is Linux's driver in domain 0, which takes every backend for a TPM 1.2 and asks
    /// for capabilities.
    pub(crate) capabilities: bool,
}

impl Pass<'_> {
    /// Answers a command with a TPM's own tag.
    pub(crate) fn answer(&mut self, header: Header, body: &[u8]) -> Vec<u8> {
        if header.tag == Tag::NO_SESSIONS {
            return self
                .answer_20(CommandCode(header.code), Reader::new(body))
                .unwrap_or_else(|code| PacketBuilder::new(Tag::NO_SESSIONS, code.0).finish());
        }
        // Upstream's dispatcher makes the tag of an error from the request's.
        let refusal = |result: TpmResult| {
            PacketBuilder::new(Tag(header.tag.0.wrapping_add(3)), result.0).finish()
        };
        if header.tag != Tag::RQU_COMMAND {
            return refusal(TpmResult::DISABLED_CMD);
        }
        match self.answer_12(Ordinal(header.code), Reader::new(body)) {
            Ok(body) => success_response(&body),
            Err(result) => error_response(result),
        }
    }

    fn answer_12(&mut self, ordinal: Ordinal, mut from: Reader<'_>) -> Result<Vec<u8>, TpmResult> {
        let bad_size = |_: Malformed| TpmResult::BAD_PARAM_SIZE;
        match ordinal {
            Ordinal::GET_RANDOM => {
                let wanted = u16::try_from(from.u32().map_err(bad_size)?).unwrap_or(MOST_RANDOM);
                from.end().map_err(bad_size)?;
                let bytes = self.random(wanted).map_err(|_| TpmResult::FAIL)?;
                let length = u32::try_from(bytes.len()).map_err(|_| TpmResult::SIZE)?;
                Ok([&length.to_be_bytes(), &bytes[..]].concat())
            }
            Ordinal::PCR_READ => {
                let pcr = from.u32().map_err(bad_size)?;
                from.end().map_err(bad_size)?;
                self.sha1_pcr(pcr)
            }
            Ordinal::GET_CAPABILITY if self.capabilities => capability(from),
            Ordinal::CONTINUE_SELF_TEST if self.capabilities => Ok(Vec::new()),
            _ => Err(TpmResult::DISABLED_CMD),
        }
    }

    fn sha1_pcr(&mut self, pcr: u32) -> Result<Vec<u8>, TpmResult> {
        if pcr >= PCR_COUNT {
            return Err(TpmResult::BAD_INDEX);
        }
        let hardware = self.hardware.as_mut().ok_or(TpmResult::DISABLED)?;
        let value = hardware.sha1_pcr(pcr).map_err(|fault| {
            log::debug!("a PCR was not read: {fault}");
            TpmResult::FAIL
        })?;
        value.ok_or(TpmResult::DISABLED)
    }

    fn random(&mut self, wanted: u16) -> Result<Vec<u8>, HardwareFault> {
        let wanted = wanted.min(MOST_RANDOM);
        if let Some(hardware) = self.hardware.as_mut() {
            return hardware.random(wanted);
        }
        let mut bytes = alloc::vec![0; usize::from(wanted)];
        self.entropy.fill(&mut bytes).map_err(|_| HardwareFault::Malformed(Malformed::Short))?;
        Ok(bytes)
    }

    fn answer_20(
        &mut self,
        code: CommandCode,
        mut from: Reader<'_>,
    ) -> Result<Vec<u8>, ResponseCode> {
        let bad_size = |_: Malformed| ResponseCode::COMMAND_SIZE;
        match code {
            CommandCode::GET_RANDOM => {
                let wanted = from.u16().map_err(bad_size)?;
                from.end().map_err(bad_size)?;
                let bytes = self.random(wanted).map_err(|_| ResponseCode::FAILURE)?;
                Ok(PacketBuilder::new(Tag::NO_SESSIONS, 0).sized(&bytes).finish())
            }
            CommandCode::PCR_READ => {
                let (bank, bits) = selection(from).map_err(bad_size)?;
                self.pcr_read_20(bank, bits)
            }
            _ => Err(ResponseCode::COMMAND_CODE),
        }
    }

    fn pcr_read_20(&mut self, bank: HashAlgorithm, bits: [u8; 3]) -> Result<Vec<u8>, ResponseCode> {
        let hardware = self.hardware.as_mut().ok_or(ResponseCode::COMMAND_CODE)?;
        if hardware.version != TpmVersion::Tpm20 {
            return Err(ResponseCode::COMMAND_CODE);
        }
        let command = PacketBuilder::new(Tag::NO_SESSIONS, CommandCode::PCR_READ.0)
            .u32(1)
            .u16(bank.0)
            .u8(3)
            .bytes(&bits)
            .finish();
        let answer = hardware.tpm.transmit(&command).map_err(|_| ResponseCode::FAILURE)?;
        let fits = answer.len() <= MAX_PACKET_BYTES && Header::parse(&answer).is_ok();
        if fits { Ok(answer) } else { Err(ResponseCode::FAILURE) }
    }
}

/// The one bank and its PCRs 0 to 23 that TPM2_PCR_Read names.
fn selection(mut from: Reader<'_>) -> Result<(HashAlgorithm, [u8; 3]), Malformed> {
    if from.u32()? != 1 {
        return Err(Malformed::Value);
    }
    let bank = HashAlgorithm(from.u16()?);
    if from.u8()? != 3 {
        return Err(Malformed::Value);
    }
    let bits = from.array()?;
    from.end()?;
    Ok((bank, bits))
}

/// TPM 1.2 GetCapability, as far as Linux's driver asks at its probe and for sysfs.
fn capability(mut from: Reader<'_>) -> Result<Vec<u8>, TpmResult> {
    let mut read = || {
        let area = Capability(from.u32()?);
        let length = usize::try_from(from.u32()?).unwrap_or(usize::MAX);
        let sub = from.bytes(length)?;
        from.end()?;
        Ok((area, sub.first_chunk().copied().map_or(0, u32::from_be_bytes)))
    };
    let (area, sub) = read().map_err(|_: Malformed| TpmResult::BAD_PARAM_SIZE)?;
    let value = match (area, Property(sub)) {
        (Capability::VERSION, _) => [1, 1, 0, 0].to_vec(),
        (Capability::PROPERTY, Property::TIS_TIMEOUT) => numbers(&TIMEOUTS),
        (Capability::PROPERTY, Property::DURATION) => numbers(&DURATIONS),
        (Capability::PROPERTY, Property::PCR) => numbers(&[PCR_COUNT]),
        (Capability::PROPERTY, Property::MANUFACTURER) => b"XENM".to_vec(),
        (Capability::PROPERTY, Property::OWNER) => [0].to_vec(),
        _ => return Err(TpmResult::BAD_MODE),
    };
    let length = u32::try_from(value.len()).map_err(|_| TpmResult::SIZE)?;
    Ok([&length.to_be_bytes(), &value[..]].concat())
}

fn numbers(values: &[u32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_be_bytes()).collect()
}

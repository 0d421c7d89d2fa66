//! TPM2_CreatePrimary in the endorsement hierarchy (TPM 2.0 Part 3, 24.1), then the key is flushed.

use super::{EndorsementKey, NoKey, spki};
use alloc::vec::Vec;
use tpm_wire::tpm20::{
    CommandCode, Handle, HashAlgorithm, ResponseError, acknowledged, authorised,
};
use tpm_wire::{Header, Malformed, PacketBuilder, Reader, Tag};
use vtpm_engine::{Engine, Locality};

/// `TPM_ALG_ID` (TPM 2.0 Part 2, 6.3).
const RSA: u16 = 0x0001;
const AES: u16 = 0x0006;
const NULL: u16 = 0x0010;
const CFB: u16 = 0x0043;

/// fixedTPM, fixedParent, sensitiveDataOrigin, adminWithPolicy, restricted, decrypt.
const ATTRIBUTES: u32 = 0x0003_00B2;

/// PolicySecret of the endorsement hierarchy (TCG EK Credential Profile 2.5, B.6.2 PolicyA, SHA-256).
const POLICY: [u8; 32] = [
    0x83, 0x71, 0x97, 0x67, 0x44, 0x84, 0xB3, 0xF8, 0x1A, 0x90, 0xCC, 0x8D, 0x46, 0xA5, 0xD7, 0x24,
    0xFD, 0x52, 0xD7, 0x6E, 0x06, 0x52, 0x0B, 0x64, 0xF2, 0xA1, 0xDA, 0x1B, 0x33, 0x14, 0x69, 0xAA,
];

pub(super) fn read<E: Engine>(engine: &mut E) -> Result<EndorsementKey, NoKey> {
    let answer = engine.execute(Locality::ZERO, &create())?;
    let (handle, key) = created(&answer)?;
    let flush = PacketBuilder::new(Tag::NO_SESSIONS, CommandCode::FLUSH_CONTEXT.0).u32(handle);
    acknowledged(&engine.execute(Locality::ZERO, &flush.finish())?)?;
    Ok(key)
}

/// `TPM2B` of what `build` appends.
fn structure(build: impl FnOnce(PacketBuilder) -> PacketBuilder) -> Vec<u8> {
    let packet = build(PacketBuilder::new(Tag::NO_SESSIONS, 0)).finish();
    packet.get(tpm_wire::HEADER_BYTES..).unwrap_or_default().to_vec()
}

fn create() -> Vec<u8> {
    let no_password = structure(|sensitive| sensitive.sized(&[]).sized(&[]));
    let template = structure(|public| {
        let head = public.u16(RSA).u16(HashAlgorithm::SHA256.0).u32(ATTRIBUTES).sized(&POLICY);
        let protects = head.u16(AES).u16(128).u16(CFB);
        protects.u16(NULL).u16(2048).u32(0).sized(&[0; 256])
    });
    authorised(CommandCode::CREATE_PRIMARY, Handle::ENDORSEMENT.0, &[])
        .sized(&no_password)
        .sized(&template)
        .sized(&[])
        .u32(0)
        .finish()
}

/// Handle and key of a successful answer.
fn created(answer: &[u8]) -> Result<(u32, EndorsementKey), ResponseError> {
    let (header, body) = Header::parse(answer).map_err(|_| Malformed::Short)?;
    if header.code != 0 {
        return Err(ResponseError::Refused(tpm_wire::tpm20::ResponseCode(header.code)));
    }
    let mut from = Reader::new(body);
    let (handle, _parameters) = (from.u32()?, from.u32()?);
    let public = public(Reader::new(from.sized()?))?;
    let (_creation_data, _creation_hash) = (from.sized()?, from.sized()?);
    let (_ticket_tag, _ticket_hierarchy, _ticket) = (from.u16()?, from.u32()?, from.sized()?);
    let name = from.sized()?.to_vec();
    Ok((handle, EndorsementKey { name, public }))
}

/// `TPMT_PUBLIC` (Part 2, 12.2.4) of a key after the template.
fn public(mut from: Reader<'_>) -> Result<Vec<u8>, Malformed> {
    let (_algorithm, _name, _attributes) = (from.u16()?, from.u16()?, from.u32()?);
    let _policy = from.sized()?;
    let (_cipher, _bits, _mode, _scheme) = (from.u16()?, from.u16()?, from.u16()?, from.u16()?);
    let (_key_bits, exponent) = (from.u16()?, from.u32()?);
    let exponent = exponent.to_be_bytes();
    let exponent = if exponent == [0; 4] { &spki::DEFAULT_EXPONENT[..] } else { &exponent };
    Ok(spki::rsa(from.sized()?, exponent))
}

//! TPM_ReadPubek (TPM 1.2 Part 3, 14.4), while the TPM has no owner.

use super::{EndorsementKey, NoKey, spki};
use alloc::vec::Vec;
use tpm_wire::{Header, Malformed, Reader, tpm12};
use vtpm_engine::{Engine, Locality};

/// `TPM_ALG_RSA` (TPM 1.2 Part 2, 4.8).
const RSA: u32 = 1;

pub(super) fn read<E: Engine>(engine: &mut E) -> Result<EndorsementKey, NoKey> {
    // Nobody who could replay an answer stands between this domain and its own engine.
    let answer = engine.execute(Locality::ZERO, &tpm12::read_pubek([0; 20]))?;
    let (header, body) = Header::parse(&answer).map_err(|_| Malformed::Short)?;
    if header.code != 0 {
        return Err(NoKey::Refused(header.code));
    }
    Ok(EndorsementKey { name: Vec::new(), public: public(Reader::new(body))? })
}

/// `TPM_PUBKEY` (TPM 1.2 Part 2, 10.5), then a checksum.
fn public(mut from: Reader<'_>) -> Result<Vec<u8>, Malformed> {
    if from.u32()? != RSA {
        return Err(Malformed::Value);
    }
    let _schemes = from.u32()?;
    let _size_of_parameters = from.u32()?;
    let (_bits, _primes) = (from.u32()?, from.u32()?);
    let exponent = long(&mut from)?;
    let modulus = long(&mut from)?;
    let exponent = if exponent.is_empty() { &spki::DEFAULT_EXPONENT[..] } else { exponent };
    Ok(spki::rsa(modulus, exponent))
}

/// Bytes after a length of four bytes.
fn long<'a>(from: &mut Reader<'a>) -> Result<&'a [u8], Malformed> {
    let length = usize::try_from(from.u32()?).map_err(|_| Malformed::Short)?;
    from.bytes(length)
}

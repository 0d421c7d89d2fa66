//! Answers as a TPM gives them, and any bytes at all.

use super::{ResponseError, active_banks, pcr_digest, property, random_bytes};
use crate::builder::PacketBuilder;
use crate::reader::Malformed;
use crate::tag::Tag;
use crate::tpm20::{HashAlgorithm, Property, ResponseCode, error_response, pcr_allocated};
use proptest::prelude::{any, proptest};

fn success() -> PacketBuilder {
    PacketBuilder::new(Tag::NO_SESSIONS, 0)
}

#[test]
fn random_bytes_are_those_behind_the_length() {
    let answer = success().sized(b"four").finish();
    assert_eq!(random_bytes(&answer), Ok(&b"four"[..]));
    let longer = success().sized(b"four").u8(0).finish();
    assert_eq!(random_bytes(&longer), Err(ResponseError::Malformed(Malformed::Trailing)));
}

#[test]
fn a_refusal_keeps_its_code() {
    let answer = error_response(ResponseCode::RETRY);
    assert_eq!(random_bytes(&answer), Err(ResponseError::Refused(ResponseCode::RETRY)));
}

#[test]
fn an_inactive_bank_has_no_digest() {
    let answer = success().u32(20).u32(1).u16(4).u8(3).bytes(&[0; 3]).u32(0).finish();
    assert_eq!(pcr_digest(&answer), Ok(None));
}

#[test]
fn an_empty_selection_is_not_an_active_bank() {
    let head = success().u8(0).u32(5).u32(2);
    let answer = head.u16(4).u8(3).bytes(&[0xFF; 3]).u16(0xB).u8(3).bytes(&[0; 3]).finish();
    assert_eq!(active_banks(&answer), Ok([HashAlgorithm::SHA1].to_vec()));
}

#[test]
fn a_property_is_found_by_its_number() {
    let answer = success().u8(1).u32(6).u32(1).u32(0x20E).u32(3).finish();
    assert_eq!(property(&answer, Property::LOCKOUT_COUNTER), Ok(Some(3)));
    assert_eq!(property(&answer, Property::MANUFACTURER), Ok(None));
}

#[test]
fn parameters_behind_sessions_end_before_the_authorisation() {
    let answer = PacketBuilder::new(Tag::SESSIONS, 0).u32(1).u8(1).bytes(&[0; 5]).finish();
    assert_eq!(pcr_allocated(&answer), Ok(true));
}

proptest! {
    #[test]
    fn no_bytes_make_a_parser_panic(
        tag in proptest::sample::select(&[Tag::NO_SESSIONS, Tag::SESSIONS]),
        mut bytes in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        if let Some(head) = bytes.get_mut(..2) {
            head.copy_from_slice(&tag.0.to_be_bytes());
        }
        let length = u32::try_from(bytes.len()).unwrap_or(0);
        if let Some(field) = bytes.get_mut(2..6) {
            field.copy_from_slice(&length.to_be_bytes());
        }
        if let Some(code) = bytes.get_mut(6..10) {
            code.fill(0);
        }
        let _ = random_bytes(&bytes);
        let _ = pcr_digest(&bytes);
        let _ = active_banks(&bytes);
        let _ = property(&bytes, Property::MANUFACTURER);
        let _ = pcr_allocated(&bytes);
    }
}

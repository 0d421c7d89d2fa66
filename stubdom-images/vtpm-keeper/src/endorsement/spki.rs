//! An RSA key as DER SubjectPublicKeyInfo (RFC 5280, 4.1; RFC 8017, A.1.1; X.690).

use alloc::vec::Vec;

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const SEQUENCE: u8 = 0x30;

/// AlgorithmIdentifier: rsaEncryption (1.2.840.113549.1.1.1), NULL.
const RSA_ENCRYPTION: [u8; 15] =
    [SEQUENCE, 13, 6, 9, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 1, 1, 5, 0];

/// The exponent that a TPM means when it says none (TPM 2.0 Part 2, 12.2.3.5; TPM 1.2 Part 2, 10.6).
pub(super) const DEFAULT_EXPONENT: [u8; 3] = [1, 0, 1];

/// Modulus and exponent are big-endian.
pub(super) fn rsa(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
    let key = element(SEQUENCE, &[integer(modulus), integer(exponent)].concat());
    let no_unused_bits = [&[0][..], &key].concat();
    let bits = element(BIT_STRING, &no_unused_bits);
    element(SEQUENCE, &[&RSA_ENCRYPTION[..], &bits].concat())
}

/// A number that is not negative: no needless zeros before it, one where its first bit is set.
fn integer(number: &[u8]) -> Vec<u8> {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    let digits = number.get(zeros..).unwrap_or_default();
    let sign = digits.first().is_none_or(|first| first & 0x80 != 0);
    let sign: &[u8] = if sign { &[0] } else { &[] };
    element(INTEGER, &[sign, digits].concat())
}

fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut element = [tag].to_vec();
    let bytes = content.len().to_be_bytes();
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    let length = bytes.get(zeros..).unwrap_or_default();
    match (length, u8::try_from(length.len())) {
        ([], _) => element.push(0),
        ([one @ 0..0x80], _) => element.push(*one),
        (more, count) => {
            element.push(0x80 | count.unwrap_or(0));
            element.extend_from_slice(more);
        }
    }
    element.extend_from_slice(content);
    element
}

#[cfg(test)]
mod tests {
    use super::{DEFAULT_EXPONENT, element, integer, rsa};
    use alloc::vec;

    #[test]
    fn lengths_have_one_byte_or_as_many_as_they_need() {
        assert_eq!(element(4, &[]), [4, 0]);
        assert_eq!(element(4, &[7; 127])[..2], [4, 127]);
        assert_eq!(element(4, &[7; 128])[..3], [4, 0x81, 128]);
        assert_eq!(element(4, &[7; 256])[..4], [4, 0x82, 1, 0]);
    }

    #[test]
    fn numbers_are_not_negative_and_as_short_as_can_be() {
        assert_eq!(integer(&[0, 0, 0x7F]), [2, 1, 0x7F]);
        assert_eq!(integer(&[0x80]), [2, 2, 0, 0x80]);
        assert_eq!(integer(&[0, 0]), [2, 1, 0]);
    }

    /// Beginning and end as `openssl pkey -pubin -outform DER` writes a key of 2048 bits.
    #[test]
    fn a_key_of_2048_bits_is_as_openssl_writes_it() {
        let der = rsa(&[0xC5; 256], &DEFAULT_EXPONENT);
        let begin = [
            0x30, 0x82, 0x01, 0x22, 0x30, 0x0D, 0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D,
            0x01, 0x01, 0x01, 0x05, 0x00, 0x03, 0x82, 0x01, 0x0F, 0x00, 0x30, 0x82, 0x01, 0x0A,
            0x02, 0x82, 0x01, 0x01, 0x00,
        ];
        let expected = [&begin[..], &vec![0xC5; 256], &[0x02, 0x03, 0x01, 0x00, 0x01]].concat();
        assert_eq!(der, expected);
    }
}

//! The key itself, and how people write it down.

use crate::crypto::sha256;
use crate::error::CustodyError;
use alloc::string::String;
use core::fmt;
use domain_io::{Entropy, NoEntropy};
use zeroize::{Zeroize, Zeroizing};

/// 160 bits.
const KEY_BYTES: usize = 20;
/// Bits that tell a mistyped key from a wrong one: four characters.
const CHECK_BITS: u32 = 20;
/// 32 characters for the key, four for the check.
const CHARACTERS: usize = 36;
const GROUP: usize = 4;

/// Digits and letters without I, L, O and U, which are taken for others (Crockford's base 32).
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// A recovery key: 160 random bits. Wiped when dropped; its `Debug` form does not show it.
pub struct RecoveryKey([u8; KEY_BYTES]);

impl RecoveryKey {
    pub(crate) fn random(entropy: &mut dyn Entropy) -> Result<Self, NoEntropy> {
        let mut key = Self([0; KEY_BYTES]);
        entropy.fill(&mut key.0)?;
        Ok(key)
    }

    pub(crate) const fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Nine groups of four characters, the last a check of the others. For a person's eyes only:
    /// never for a console or a log.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(CHARACTERS + CHARACTERS / GROUP));
        for (at, value) in self.values().iter().enumerate() {
            if at > 0 && at % GROUP == 0 {
                text.push('-');
            }
            text.push(char::from(ALPHABET[usize::from(*value & 31)]));
        }
        text
    }

    /// Reads what [`to_text`](Self::to_text) wrote; small letters, blanks and missing dashes do
    /// not matter, and O, I and L are read as the digits they are mistaken for.
    ///
    /// # Errors
    /// [`CustodyError::MistypedRecoveryKey`].
    pub fn parse(text: &str) -> Result<Self, CustodyError> {
        let mut values = Zeroizing::new([0_u8; CHARACTERS]);
        let mut characters =
            text.bytes().filter(|byte| *byte != b'-' && !byte.is_ascii_whitespace());
        for value in values.iter_mut() {
            let character = characters.next().ok_or(CustodyError::MistypedRecoveryKey)?;
            *value = read(character).ok_or(CustodyError::MistypedRecoveryKey)?;
        }
        let key = Self::from_values(&values);
        let good = characters.next().is_none() && *key.values() == *values;
        if good { Ok(key) } else { Err(CustodyError::MistypedRecoveryKey) }
    }

    /// Five bits for each character: eight characters for five bytes, then the check.
    fn values(&self) -> Zeroizing<[u8; CHARACTERS]> {
        let mut values = Zeroizing::new([0; CHARACTERS]);
        let (key, check) = values.split_at_mut(CHARACTERS - GROUP);
        for (five, eight) in self.0.chunks(5).zip(key.chunks_mut(8)) {
            let bits = five.iter().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
            spread(bits, eight);
        }
        let [a, b, c, ..] = sha256(&[b"xen-vtpmmgr recovery key", &self.0]);
        spread(u64::from(u32::from_be_bytes([0, a, b, c]) >> (24 - CHECK_BITS)), check);
        values
    }

    fn from_values(values: &[u8; CHARACTERS]) -> Self {
        let mut key = Self([0; KEY_BYTES]);
        for (five, eight) in key.0.chunks_mut(5).zip(values.chunks(8)) {
            let bits = eight.iter().fold(0_u64, |bits, value| bits << 5 | u64::from(*value));
            five.copy_from_slice(&bits.to_be_bytes()[3..]);
        }
        key
    }
}

/// The lowest bits of `bits`, five to each place, the last place lowest.
fn spread(bits: u64, places: &mut [u8]) {
    for (at, place) in places.iter_mut().rev().enumerate() {
        *place = (bits >> (5 * at) & 31) as u8;
    }
}

fn read(character: u8) -> Option<u8> {
    let meant = match character.to_ascii_uppercase() {
        b'O' => b'0',
        b'I' | b'L' => b'1',
        other => other,
    };
    let at = ALPHABET.iter().position(|letter| *letter == meant)?;
    u8::try_from(at).ok()
}

impl Drop for RecoveryKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for RecoveryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::RecoveryKey;
    use crate::CustodyError;
    use domain_io::test_utils::FakeEntropy;

    #[test]
    fn what_is_written_down_is_read_back() {
        let key = RecoveryKey::random(&mut FakeEntropy::new(1)).unwrap();
        let text = key.to_text();
        assert_eq!(text.len(), 44);
        assert_eq!(RecoveryKey::parse(&text).unwrap().0, key.0);
        let sloppy = text.to_lowercase().replace('-', " ").replace('0', "o").replace('1', "l");
        assert_eq!(RecoveryKey::parse(&sloppy).unwrap().0, key.0);
    }

    #[test]
    fn each_single_typing_error_is_noticed() {
        let text = RecoveryKey::random(&mut FakeEntropy::new(2)).unwrap().to_text();
        for at in (0..text.len()).filter(|at| text.as_bytes()[*at] != b'-') {
            let other = if text.as_bytes()[at] == b'7' { "8" } else { "7" };
            let mut typed = text.clone();
            typed.replace_range(at..=at, other);
            let error = RecoveryKey::parse(&typed).unwrap_err();
            assert_eq!(error, CustodyError::MistypedRecoveryKey);
        }
        for wrong in ["", "7", &text[..43], &alloc::format!("{}7", *text)] {
            assert!(RecoveryKey::parse(wrong).is_err());
        }
    }
}

//! Which image a vTPM domain was started from, as domain 0 names it: the value of the node `image`
//! (docs/formats/xenstore-vtpm-nodes.md).

use core::fmt;

/// What the value begins with.
const PREFIX: &str = "sha256:";

/// SHA-256 of an image's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ImageDigest(pub(crate) [u8; 32]);

impl ImageDigest {
    /// From `sha256:` and 64 lower-case hexadecimal digits, and nothing else.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix(PREFIX)?.as_bytes();
        let (pairs, rest) = digits.as_chunks::<2>();
        let mut bytes = [0; 32];
        if !rest.is_empty() || pairs.len() != bytes.len() {
            return None;
        }
        for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
            *byte = digit(*high)? << 4 | digit(*low)?;
        }
        Some(Self(bytes))
    }
}

const fn digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

/// What is known of the image of a session's domain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Named {
    /// Domain 0's node is still to be read.
    #[default]
    Unread,
    /// Domain 0 names none.
    Nothing,
    /// Domain 0 names this one.
    Image(ImageDigest),
}

/// The beginning of a digest, for people.
pub(crate) struct Start<'a>(pub(crate) &'a [u8]);

impl fmt::Display for Start<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().take(8).try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use alloc::string::ToString;

    #[test]
    fn a_digest_is_64_lower_case_digits_behind_its_algorithm() {
        let digits = "0123456789abcdef".repeat(4);
        let digest = ImageDigest::parse(&format!("sha256:{digits}")).unwrap();
        assert_eq!(digest.0[..8], [0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef]);
        assert_eq!(Start(&digest.0).to_string(), "0123456789abcdef");
        for other in [
            "",
            "sha256:",
            &digits,
            &format!("sha1:{digits}"),
            &format!("SHA256:{digits}"),
            &format!("sha256:{}", digits.to_uppercase()),
            &format!("sha256:{}", &digits[1..]),
            &format!("sha256:{digits}0"),
            &format!("sha256:{digits}00"),
            &format!("sha256:{digits}\n"),
            &format!("sha256: {digits}"),
            &format!("sha256:{}g", &digits[1..]),
            &format!("sha256:{}\u{fffd}", &digits[3..]),
            &format!("sha256:+{}", &digits[1..]),
        ] {
            assert_eq!(ImageDigest::parse(other), None, "{other}");
        }
    }
}

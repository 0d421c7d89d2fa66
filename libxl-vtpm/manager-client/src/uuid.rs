//! uuids as people write them.

use tpm_wire::manager::UuidBytes;

/// Reads the form `8-4-4-4-12` of hexadecimal digits; `None` for everything else.
#[must_use]
pub fn parse_uuid(text: &str) -> Option<UuidBytes> {
    let groups: Vec<&str> = text.split('-').collect();
    if !groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12]) {
        return None;
    }
    let digits = groups.concat();
    if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    u128::from_str_radix(&digits, 16).ok().map(u128::to_be_bytes)
}

/// The same, written.
#[must_use]
pub fn uuid_text(uuid: &UuidBytes) -> String {
    let hex = format!("{:032x}", u128::from_be_bytes(*uuid));
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_comes_back_as_it_was_written() {
        let text = "00010203-0405-0607-0809-0a0b0c0d0e0f";
        let uuid = parse_uuid(text).unwrap();
        assert_eq!(uuid, core::array::from_fn(|at| u8::try_from(at).unwrap()));
        assert_eq!(uuid_text(&uuid), text);
        for wrong in [
            "",
            "0001",
            "00010203-0405-0607-0809-0a0b0c0d0e0g",
            "+0010203-0405-0607-0809-0a0b0c0d0e0f",
        ] {
            assert_eq!(parse_uuid(wrong), None, "{wrong}");
        }
    }
}

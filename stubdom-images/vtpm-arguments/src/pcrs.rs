//! `hwinitpcr=`: which PCRs a fresh boot extends by the hardware TPM's values.

/// What may be written after `hwinitpcr=`.
pub(super) const EXPECTED: &str =
    "hwinitpcr=all, hwinitpcr=none, or numbers 0 to 23 and ranges such as 0-7, separated by commas";

/// PCRs of a PC (PC Client Platform TPM Profile 1.05, 4.6).
const PCRS: u32 = 24;

/// Some of the PCRs 0 to 23.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PcrSet(u32);

impl PcrSet {
    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Their numbers, lowest first.
    pub fn iter(self) -> impl Iterator<Item = u32> {
        (0..PCRS).filter(move |pcr| self.0 & (1 << pcr) != 0)
    }

    /// Reads what stands after `hwinitpcr=`; `None` when it has no meaning.
    #[must_use]
    pub fn parse(value: &str) -> Option<Self> {
        match value {
            "all" => Some(Self((1 << PCRS) - 1)),
            "none" => Some(Self(0)),
            list => list.split(',').try_fold(Self(0), |set, item| Some(Self(set.0 | range(item)?))),
        }
    }
}

fn range(item: &str) -> Option<u32> {
    let (first, last) = item.split_once('-').unwrap_or((item, item));
    let (first, last) = (number(first)?, number(last)?);
    (first <= last).then(|| (first..=last).fold(0, |bits, pcr| bits | 1 << pcr))
}

/// Digits alone: `parse` would also take a sign.
fn number(digits: &str) -> Option<u32> {
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|number| plain && *number < PCRS)
}

#[cfg(test)]
mod tests {
    use super::PcrSet;
    use alloc::vec::Vec;

    fn parsed(value: &str) -> Option<Vec<u32>> {
        PcrSet::parse(value).map(|set| set.iter().collect())
    }

    #[test]
    fn numbers_ranges_and_both_words_are_understood() {
        assert_eq!(parsed("all"), Some((0..24).collect()));
        assert_eq!(parsed("none"), Some([].to_vec()));
        assert_eq!(parsed("7"), Some([7].to_vec()));
        assert_eq!(parsed("0-3,12-13,3,23"), Some([0, 1, 2, 3, 12, 13, 23].to_vec()));
    }

    #[test]
    fn anything_else_has_no_meaning() {
        for value in ["", "24", "3-1", "0-24", "-1", "1-", "+1", "1,,2", "all,1", "1 2", "x"] {
            assert_eq!(parsed(value), None, "{value}");
        }
    }
}

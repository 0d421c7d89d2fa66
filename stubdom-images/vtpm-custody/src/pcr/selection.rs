//! Banks and their PCRs, as an administrator writes them.

use super::mask::PcrMask;
use alloc::vec::Vec;
use core::fmt;
use tpm_wire::tpm20::HashAlgorithm;

/// PCRs of one or more banks. A bank comes at most once and is never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PcrSelection {
    banks: Vec<(HashAlgorithm, PcrMask)>,
}

/// The text is no selection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SelectionError {
    /// No bank at all.
    Empty,
    /// A bank's name is none of `sha1`, `sha256`, `sha384`, `sha512`.
    Bank,
    /// A PCR's number is not one from 0 to 23.
    Pcr,
    /// A bank is named twice.
    Twice,
    /// A TPM 1.2 has the bank `sha1` only.
    OnlySha1,
}

impl fmt::Display for SelectionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let problem = self.problem();
        write!(f, "the selection of PCRs is not usable: {problem}; write it as in sha256:5,7")
    }
}

impl SelectionError {
    /// Without what to write instead.
    pub(super) const fn problem(self) -> &'static str {
        match self {
            Self::Empty => "it selects nothing",
            Self::Bank => "a bank is none of sha1, sha256, sha384, sha512",
            Self::Pcr => "a PCR is not a number from 0 to 23",
            Self::Twice => "a bank is named twice",
            Self::OnlySha1 => "a TPM 1.2 has the bank sha1 only",
        }
    }
}

impl core::error::Error for SelectionError {}

/// The PCRs of the default policy: 5, which medium was booted and how it is partitioned; 7, Secure
/// Boot's state, keys and the authority that vouched for the boot loader. Neither changes with a
/// routine update of Xen, GRUB or the kernel (TCG PC Client Platform Firmware Profile 1.06, 3.3.4).
const DEFAULT_PCRS: [u32; 2] = [5, 7];

impl PcrSelection {
    /// The default policy's selection in this bank.
    #[must_use]
    pub fn default_in(bank: HashAlgorithm) -> Self {
        Self { banks: [(bank, PcrMask::of(&DEFAULT_PCRS))].into() }
    }

    /// Banks and PCRs.
    ///
    /// # Errors
    /// [`SelectionError`].
    pub fn new(banks: &[(HashAlgorithm, PcrMask)]) -> Result<Self, SelectionError> {
        if banks.is_empty() || banks.iter().any(|(_, pcrs)| pcrs.is_empty()) {
            return Err(SelectionError::Empty);
        }
        if banks.iter().any(|(bank, _)| bank.digest_bytes().is_none()) {
            return Err(SelectionError::Bank);
        }
        let repeated = |at: usize| banks.iter().skip(at + 1).map(|(bank, _)| bank);
        let mut twice = banks.iter().enumerate();
        if twice.any(|(at, (bank, _))| repeated(at).any(|other| other == bank)) {
            return Err(SelectionError::Twice);
        }
        Ok(Self { banks: banks.to_vec() })
    }

    /// No PCR at all, written `none`: every boot of the machine is as good as any other.
    #[must_use]
    pub const fn nothing() -> Self {
        Self { banks: Vec::new() }
    }

    /// Whether it selects no PCR at all.
    #[must_use]
    pub const fn is_nothing(&self) -> bool {
        self.banks.is_empty()
    }

    /// The same without these PCRs of a bank.
    pub(crate) fn without(&self, bank: HashAlgorithm, pcrs: PcrMask) -> Self {
        let left =
            |of: HashAlgorithm, mask: PcrMask| if of == bank { mask.without(pcrs) } else { mask };
        let banks = self.banks.iter().map(|(of, mask)| (*of, left(*of, *mask)));
        Self { banks: banks.filter(|(_, mask)| !mask.is_empty()).collect() }
    }

    /// Reads `sha256:5,7` or, for several banks, `sha256:5,7+sha384:0`; or `none`.
    ///
    /// # Errors
    /// [`SelectionError`].
    pub fn parse(text: &str) -> Result<Self, SelectionError> {
        if text == NOTHING {
            return Ok(Self::nothing());
        }
        let banks: Result<Vec<_>, _> = text.split('+').map(parse_bank).collect();
        Self::new(&banks?)
    }

    /// Banks and PCRs, in the order in which they were given.
    #[must_use]
    pub fn banks(&self) -> &[(HashAlgorithm, PcrMask)] {
        &self.banks
    }

    /// Whether it looks at any PCR that the default policy leaves out, so that it may refuse after
    /// a routine update.
    #[must_use]
    pub fn goes_beyond_default(&self) -> bool {
        let default = PcrMask::of(&DEFAULT_PCRS);
        self.banks.iter().any(|(_, pcrs)| !pcrs.without(default).is_empty())
    }
}

/// How [`PcrSelection::nothing`] is written, and the state of it.
pub(super) const NOTHING: &str = "none";

fn parse_bank(text: &str) -> Result<(HashAlgorithm, PcrMask), SelectionError> {
    let (name, numbers) = text.split_once(':').ok_or(SelectionError::Empty)?;
    let bank = bank_of(name)?;
    let parse = |number: &str| number.parse().ok().filter(|pcr| *pcr < PcrMask::PCRS);
    let pcrs: Option<Vec<u32>> = numbers.split(',').map(parse).collect();
    Ok((bank, PcrMask::of(&pcrs.ok_or(SelectionError::Pcr)?)))
}

/// A bank by its name.
pub(super) fn bank_of(name: &str) -> Result<HashAlgorithm, SelectionError> {
    match name {
        "sha1" => Ok(HashAlgorithm::SHA1),
        "sha256" => Ok(HashAlgorithm::SHA256),
        "sha384" => Ok(HashAlgorithm::SHA384),
        "sha512" => Ok(HashAlgorithm::SHA512),
        _ => Err(SelectionError::Bank),
    }
}

/// The name of a bank, as [`bank_of`] reads it.
pub(super) const fn word(bank: HashAlgorithm) -> &'static str {
    match bank {
        HashAlgorithm::SHA1 => "sha1",
        HashAlgorithm::SHA256 => "sha256",
        HashAlgorithm::SHA384 => "sha384",
        _ => "sha512",
    }
}

//! Values of selected PCRs.

use super::mask::PcrMask;
use super::selection::PcrSelection;
use crate::bytes::Bytes;
use crate::crypto::{of_bank, sha256};
use crate::error::CustodyError;
use alloc::vec::Vec;
use tpm_wire::tpm20::HashAlgorithm;

/// A selection and the value of each of its PCRs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PcrState {
    selection: PcrSelection,
    /// Bank by bank, ascending, one value for each selected PCR, as long as the bank's digest.
    values: Vec<Vec<u8>>,
}

/// One PCR and its value.
pub(crate) type Reading<'a> = (HashAlgorithm, u32, &'a [u8]);

/// PCRs that are not as they should be, bank by bank.
pub type Differences = Vec<(HashAlgorithm, PcrMask)>;

/// The one with the fewest PCRs; `None` when there is none at all.
pub(crate) fn nearest(all: Vec<Differences>) -> Option<Differences> {
    let count = |one: &Differences| one.iter().map(|(_, pcrs)| pcrs.len()).sum::<usize>();
    all.into_iter().min_by_key(count)
}

impl PcrState {
    /// The values in the selection's order, PCRs of a bank ascending. `None` when their number or
    /// a length is wrong.
    #[must_use]
    pub fn new(selection: PcrSelection, values: Vec<Vec<u8>>) -> Option<Self> {
        let expected = selection.banks().iter().flat_map(|(bank, pcrs)| {
            core::iter::repeat_n(bank.digest_bytes().unwrap_or(0), pcrs.len())
        });
        let fits = expected.eq(values.iter().map(Vec::len));
        fits.then_some(Self { selection, values })
    }

    /// Which PCRs.
    #[must_use]
    pub const fn selection(&self) -> &PcrSelection {
        &self.selection
    }

    pub(crate) fn values(&self) -> &[Vec<u8>] {
        &self.values
    }

    pub(crate) fn readings(&self) -> impl Iterator<Item = Reading<'_>> {
        let names = self.selection.banks().iter();
        let names = names.flat_map(|(bank, pcrs)| pcrs.iter().map(move |pcr| (*bank, pcr)));
        names.zip(&self.values).map(|((bank, pcr), value)| (bank, pcr, value.as_slice()))
    }

    /// The state after measurements, of which each value is the digest that extends its PCR: the
    /// PCR becomes the digest of its old value and this one (Part 1, 17.2). `None` when a PCR is
    /// extended that is not selected.
    #[must_use]
    pub fn extended(&self, with: &Self) -> Option<Self> {
        let mut values = self.values.clone();
        for (bank, pcr, digest) in with.readings() {
            let at = self.readings().position(|(of, there, _)| (of, there) == (bank, pcr))?;
            let value = values.get_mut(at)?;
            *value = of_bank(bank, &[value, digest])?;
        }
        Some(Self { selection: self.selection.clone(), values })
    }

    /// SHA-256 of all values: what TPM2_PolicyPCR compares under a SHA-256 policy (Part 3, 23.7).
    pub(crate) fn digest(&self) -> [u8; 32] {
        let parts: Vec<&[u8]> = self.values.iter().map(Vec::as_slice).collect();
        sha256(&parts)
    }

    /// The PCRs that a test holds for, bank by bank.
    fn those(&self, mut test: impl FnMut(Reading<'_>) -> bool) -> Differences {
        let mut found: Differences = Vec::new();
        for (bank, pcr, value) in self.readings() {
            if !test((bank, pcr, value)) {
                continue;
            }
            match found.iter_mut().find(|(of, _)| *of == bank) {
                Some((_, pcrs)) => *pcrs = pcrs.with(PcrMask::of(&[pcr])),
                None => found.push((bank, PcrMask::of(&[pcr]))),
            }
        }
        found
    }

    /// Those whose value is another in `present`, or is missing there.
    pub(crate) fn differences(&self, present: &Self) -> Differences {
        self.those(|wanted| present.readings().all(|there| there != wanted))
    }

    /// Refuses PCRs that nobody measured anything into: all zeros as after a reset, or all ones as
    /// in PCRs 17 to 22 before a dynamic launch; and no PCRs at all.
    pub(crate) fn check_measured(&self) -> Result<(), CustodyError> {
        if self.selection.is_nothing() {
            return Err(CustodyError::NothingSelected);
        }
        let same = |value: &[u8], byte| value.iter().all(|found| *found == byte);
        let blank = self.those(|(_, _, value)| same(value, 0) || same(value, 0xFF));
        match blank.first() {
            Some((bank, pcrs)) => Err(CustodyError::Unmeasured { bank: *bank, pcrs: *pcrs }),
            None => Ok(()),
        }
    }
}

impl PcrSelection {
    /// `TPML_PCR_SELECTION` (Part 2, 10.9.7).
    pub(crate) fn marshal(&self) -> Vec<u8> {
        let count = u32::try_from(self.banks().len()).unwrap_or(u32::MAX);
        let start = Bytes::new().u32(count);
        let all = self.banks().iter().fold(start, |bytes, (bank, pcrs)| {
            bytes.u16(bank.0).u8(PcrMask::BYTES).bytes(&pcrs.bytes())
        });
        all.finish().to_vec()
    }
}

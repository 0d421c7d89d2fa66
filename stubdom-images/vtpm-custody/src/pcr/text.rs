//! Selections and states as people write them.

use super::mask::PcrMask;
use super::selection::{NOTHING, PcrSelection, SelectionError, bank_of, word};
use super::state::PcrState;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::fmt;

/// The text is no state of PCRs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateError {
    /// The selection in it is none.
    Selection(SelectionError),
    /// A PCR has no value, or one that is not as long as its bank's digests.
    Value,
    /// A PCR is named twice.
    Twice,
}

impl fmt::Display for StateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Selection(SelectionError::Empty) => f.write_str("it names no PCR of a bank")?,
            Self::Selection(error) => f.write_str(error.problem())?,
            Self::Value => f.write_str("a PCR's value is missing or not as long as its bank's")?,
            Self::Twice => f.write_str("a PCR is named twice")?,
        }
        f.write_str("; write a state as in sha256:5=HEX,7=HEX")
    }
}

impl core::error::Error for StateError {}

impl From<SelectionError> for StateError {
    fn from(error: SelectionError) -> Self {
        Self::Selection(error)
    }
}

/// As in `sha256:5,7+sha384:0`.
impl fmt::Display for PcrSelection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_nothing() {
            return f.write_str(NOTHING);
        }
        for (at, (bank, pcrs)) in self.banks().iter().enumerate() {
            write!(f, "{}{}:{pcrs}", if at == 0 { "" } else { "+" }, word(*bank))?;
        }
        Ok(())
    }
}

/// As in `sha256:5=HEX,7=HEX+sha384:0=HEX`, in small letters.
impl fmt::Display for PcrState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.selection().is_nothing() {
            return f.write_str(NOTHING);
        }
        let mut last = None;
        for (bank, pcr, value) in self.readings() {
            match last {
                Some(same) if same == bank => f.write_str(",")?,
                None => write!(f, "{}:", word(bank))?,
                Some(_) => write!(f, "+{}:", word(bank))?,
            }
            last = Some(bank);
            write!(f, "{pcr}=")?;
            value.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        }
        Ok(())
    }
}

impl PcrState {
    /// Reads what [`Display`](fmt::Display) writes; the PCRs of a bank may stand in any order.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn parse(text: &str) -> Result<Self, StateError> {
        let (mut banks, mut values) = (Vec::new(), Vec::new());
        if text == NOTHING {
            return Self::new(PcrSelection::nothing(), values).ok_or(StateError::Value);
        }
        for part in text.split('+') {
            let (name, pcrs) = part.split_once(':').ok_or(SelectionError::Empty)?;
            let pcrs = readings(pcrs)?;
            let numbers: Vec<u32> = pcrs.keys().copied().collect();
            banks.push((bank_of(name)?, PcrMask::of(&numbers)));
            values.extend(pcrs.into_values());
        }
        Self::new(PcrSelection::new(&banks)?, values).ok_or(StateError::Value)
    }

    /// The values one after the other, in the selection's order.
    #[must_use]
    pub fn value_bytes(&self) -> Vec<u8> {
        self.values().concat()
    }

    /// Values that stand one after the other; `None` when they do not fit the selection.
    #[must_use]
    pub fn of_bytes(selection: PcrSelection, mut bytes: &[u8]) -> Option<Self> {
        let mut values = Vec::new();
        for (bank, pcrs) in selection.banks() {
            for _ in pcrs.iter() {
                let (value, rest) = bytes.split_at_checked(bank.digest_bytes()?)?;
                values.push(value.to_vec());
                bytes = rest;
            }
        }
        if bytes.is_empty() { Self::new(selection, values) } else { None }
    }
}

/// `5=HEX,7=HEX`.
fn readings(text: &str) -> Result<BTreeMap<u32, Vec<u8>>, StateError> {
    let mut found = BTreeMap::new();
    for one in text.split(',') {
        let (number, value) = one.split_once('=').ok_or(StateError::Value)?;
        let number = number.parse().ok().filter(|pcr| *pcr < PcrMask::PCRS);
        let number = number.ok_or(SelectionError::Pcr)?;
        if found.insert(number, bytes_of(value).ok_or(StateError::Value)?).is_some() {
            return Err(StateError::Twice);
        }
    }
    Ok(found)
}

/// Bytes from hexadecimal digits.
fn bytes_of(text: &str) -> Option<Vec<u8>> {
    let digit = |letter: &u8| char::from(*letter).to_digit(16).and_then(|d| u8::try_from(d).ok());
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs.iter().map(|[high, low]| Some(digit(high)? << 4 | digit(low)?)).collect()
}

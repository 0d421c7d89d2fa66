//! What LIST answers.

use super::{AnswerError, Entry, MOST_LISTED, body_of};
use crate::reader::{Malformed, Reader};
use alloc::vec::Vec;

/// A part of the vTPMs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List {
    /// In the order of their uuids.
    pub entries: Vec<Entry>,
    /// Others follow the last one.
    pub more: bool,
}

impl List {
    /// The body of the answer.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let entries = self.entries.iter().take(usize::from(MOST_LISTED));
        let count = u16::try_from(entries.len()).unwrap_or(MOST_LISTED);
        let mut body = count.to_be_bytes().to_vec();
        body.extend_from_slice(&[u8::from(self.more), 0]);
        entries.for_each(|entry| entry.encode(&mut body));
        body
    }

    /// Reads a whole answer.
    ///
    /// # Errors
    /// [`AnswerError`].
    pub fn of_answer(answer: &[u8]) -> Result<Self, AnswerError> {
        let mut reader = Reader::new(body_of(answer)?);
        let (count, more) = (reader.u16()?, reader.u8()? != 0);
        let _reserved = reader.u8()?;
        let read = |_| Entry::decode(&mut reader);
        let entries = (0..count).map(read).collect::<Result<_, Malformed>>()?;
        reader.end()?;
        Ok(Self { entries, more })
    }
}

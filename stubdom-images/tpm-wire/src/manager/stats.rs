//! What STATS answers.

use super::{AnswerError, PROTOCOL_VERSION, UuidBytes, body_of, optional_version};
use super::{optional_version_byte, u64_of};
use crate::reader::Reader;
use crate::version::TpmVersion;
use alloc::vec::Vec;

/// What a manager is and does. Numbers count from its start unless they say otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// The hardware TPM in use.
    pub hardware: Option<TpmVersion>,
    /// Records are made only by a command from domain 0.
    pub explicit: bool,
    /// The random name of the store.
    pub store: UuidBytes,
    /// The number of the store's last commit, since it was made.
    pub sequence: u64,
    /// What the hardware TPM's counter is to say.
    pub counter: u64,
    /// vTPMs in the store.
    pub records: u64,
    /// Free pages in the store, of 4096 bytes.
    pub free_pages: u64,
    /// vTPMs that are attached now.
    pub sessions: u64,
    /// Seconds.
    pub uptime: u64,
    /// Saves that were kept.
    pub saves: u64,
    /// Commits: writes of the store with one flush each.
    pub commits: u64,
    /// Requests that were answered with success.
    pub answered: u64,
    /// Requests that were refused.
    pub refused: u64,
}

impl Stats {
    /// The body of the answer.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut body = PROTOCOL_VERSION.to_be_bytes().to_vec();
        body.push(optional_version_byte(self.hardware));
        body.push(u8::from(self.explicit));
        body.extend_from_slice(&[0; 2]);
        body.extend_from_slice(&self.store);
        let numbers = [
            self.sequence,
            self.counter,
            self.records,
            self.free_pages,
            self.sessions,
            self.uptime,
            self.saves,
            self.commits,
            self.answered,
            self.refused,
        ];
        body.extend(numbers.iter().flat_map(|number| number.to_be_bytes()));
        body
    }

    /// Reads a whole answer; passes over what a later version may add.
    ///
    /// # Errors
    /// [`AnswerError`].
    pub fn of_answer(answer: &[u8]) -> Result<Self, AnswerError> {
        let mut from = Reader::new(body_of(answer)?);
        let _protocol = from.u32()?;
        let hardware = optional_version(&mut from)?;
        let explicit = from.u8()? & 1 != 0;
        let _reserved = from.u16()?;
        Ok(Self {
            hardware,
            explicit,
            store: from.array()?,
            sequence: u64_of(&mut from)?,
            counter: u64_of(&mut from)?,
            records: u64_of(&mut from)?,
            free_pages: u64_of(&mut from)?,
            sessions: u64_of(&mut from)?,
            uptime: u64_of(&mut from)?,
            saves: u64_of(&mut from)?,
            commits: u64_of(&mut from)?,
            answered: u64_of(&mut from)?,
            refused: u64_of(&mut from)?,
        })
    }
}

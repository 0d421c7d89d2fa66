//! The answering end of the page.

use crate::fault::{PageFault, PeerMisbehaved};
use crate::layout::{EXTRA_PAGES, LENGTH, LOCALITY, SMALLEST_MESSAGE, STATE, data_offset, room};
use crate::message::{copy_out, tag_of_short};
use crate::state::PageState;
use alloc::vec::Vec;
use core::fmt;
use domain_io::{OutsidePage, SharedPage};

/// The backend's end: may write only [`PageState::Idle`] and [`PageState::Finish`].
#[derive(Debug)]
pub struct BackendEnd<P> {
    page: P,
}

/// What the backend found in the page.
#[derive(Debug)]
pub enum Seen {
    /// Nothing to do.
    Nothing,
    /// The frontend took a command back; see [`BackendEnd::acknowledge_cancel`].
    Cancel,
    /// A command, copied out and checked.
    Command(Submission),
    /// What is shorter than a TPM header, and so no command: to be answered with an error at once.
    Short(Short),
}

/// A packet of 1 to 9 bytes. Linux's driver sends what a program has written to its device, also this.
#[derive(Debug)]
pub struct Short {
    /// Its tag; 0 where it has none.
    pub tag: u16,
    /// The right to answer, once.
    pub reply: Reply,
}

/// A command as the frontend submitted it.
#[derive(Debug)]
pub struct Submission {
    /// The locality that the frontend claims, 0 to 255. A claim: whoever executes the command
    /// decides what it is worth.
    pub locality: u8,
    /// The whole packet, at least a TPM header; its size field equals its length.
    pub bytes: Vec<u8>,
    /// The right to answer, once.
    pub reply: Reply,
}

/// The right to answer one command, once. Remembers where the answer goes, so that what the
/// frontend writes into the page meanwhile has no influence.
#[derive(Debug)]
#[must_use = "a command that is never answered blocks its frontend for minutes"]
pub struct Reply {
    extra_pages: u8,
}

impl Reply {
    /// How many bytes of answer fit.
    #[must_use]
    pub fn room(&self) -> usize {
        room(self.extra_pages)
    }
}

/// The answer is too long for the page or is no TPM packet. Nothing was written; the right to
/// answer comes back.
#[derive(Debug)]
pub struct AnswerDoesNotFit {
    /// How long the answer is, in bytes.
    pub length: usize,
    /// How much fits, in bytes.
    pub room: usize,
    /// For the answer that is given instead.
    pub reply: Reply,
}

impl fmt::Display for AnswerDoesNotFit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { length, room, .. } = self;
        write!(f, "an answer of {length} bytes does not fit: {SMALLEST_MESSAGE} to {room} do")
    }
}

impl<P: SharedPage> BackendEnd<P> {
    /// Takes the backend's end of `page`.
    #[must_use]
    pub fn new(page: P) -> Self {
        Self { page }
    }

    /// Looks at the page: the state byte once, and for a command each other field once.
    ///
    /// Not to be called while a [`Reply`] is outstanding: it would find the same command again.
    ///
    /// # Errors
    /// [`PageFault`]; after one caused by the peer the connection has to end.
    pub fn look(&self) -> Result<Seen, PageFault> {
        let byte = self.page.load_u8(STATE)?;
        match PageState::from_byte(byte) {
            None => Err(PeerMisbehaved::UnknownState { byte }.into()),
            Some(PageState::Idle | PageState::Finish) => Ok(Seen::Nothing),
            Some(PageState::Cancel) => Ok(Seen::Cancel),
            Some(PageState::Submit) => self.take(),
        }
    }

    fn take(&self) -> Result<Seen, PageFault> {
        let length = self.page.load_u32(LENGTH)?;
        let locality = self.page.load_u8(LOCALITY)?;
        let extra_pages = self.page.load_u8(EXTRA_PAGES)?;
        let reply = Reply { extra_pages };
        if matches!(usize::try_from(length), Ok(1..SMALLEST_MESSAGE)) {
            let tag = tag_of_short(&self.page, length, extra_pages)?;
            return Ok(Seen::Short(Short { tag, reply }));
        }
        let bytes = copy_out(&self.page, length, extra_pages)?;
        Ok(Seen::Command(Submission { locality, bytes, reply }))
    }

    /// Answers a command: the packet, its length, and only then [`PageState::Finish`]. A cancel
    /// that came meanwhile is acknowledged by the same.
    ///
    /// # Errors
    /// [`AnswerDoesNotFit`] for an answer that is no TPM packet or too long for the page.
    pub fn finish(&self, reply: Reply, answer: &[u8]) -> Result<(), AnswerDoesNotFit> {
        let (length, room) = (answer.len(), reply.room());
        let refusal = |reply| AnswerDoesNotFit { length, room, reply };
        if length < SMALLEST_MESSAGE || length > room {
            return Err(refusal(reply));
        }
        // Cannot fail: the answer was just measured against the page.
        let written = u32::try_from(length)
            .map_err(|_| OutsidePage)
            .and_then(|words| self.put(data_offset(reply.extra_pages), words, answer));
        written.map_err(|_| refusal(reply))
    }

    fn put(&self, offset: usize, length: u32, answer: &[u8]) -> Result<(), OutsidePage> {
        self.page.write(offset, answer)?;
        self.page.store_u32(LENGTH, length)?;
        self.page.store_u8(STATE, PageState::Finish.byte())
    }

    /// Tells the frontend that nothing runs any more after [`Seen::Cancel`].
    ///
    /// # Errors
    /// [`OutsidePage`] would be a mistake of this crate.
    pub fn acknowledge_cancel(&self) -> Result<(), OutsidePage> {
        self.page.store_u8(STATE, PageState::Idle.byte())
    }
}

//! The asking end of the page.

use crate::fault::{PageFault, PeerMisbehaved};
use crate::layout::{
    EXTRA_PAGES, LARGEST_MESSAGE, LENGTH, LOCALITY, SMALLEST_MESSAGE, STATE, data_offset,
};
use crate::message::{copy_out, size_field};
use crate::state::PageState;
use alloc::vec::Vec;
use core::fmt;
use domain_io::{OutsidePage, SharedPage};

/// The frontend's end: may write only [`PageState::Submit`] and [`PageState::Cancel`].
#[derive(Debug)]
pub struct FrontendEnd<P> {
    page: P,
    /// A command is with the backend.
    outstanding: bool,
}

/// What became of a submitted command.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    /// The backend is still at it.
    NotYet,
    /// The backend gave the command up, as it may after a cancel.
    Aborted,
    /// The response packet, copied out and checked.
    Response(Vec<u8>),
}

/// Why a command was not submitted. The page is unchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotSubmitted {
    /// The packet is shorter than a TPM header, longer than the page holds, or its size field is
    /// not its length.
    BadPacket {
        /// The packet's length in bytes.
        length: usize,
    },
    /// An earlier command, or its cancel, is still with the backend.
    Busy,
    /// The page could not be used.
    Page(PageFault),
}

impl fmt::Display for NotSubmitted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadPacket { length } => {
                write!(f, "{length} bytes are no TPM command of at most {LARGEST_MESSAGE} bytes")
            }
            Self::Busy => f.write_str("the backend still has an earlier command"),
            Self::Page(fault) => fault.fmt(f),
        }
    }
}

impl From<OutsidePage> for NotSubmitted {
    fn from(fault: OutsidePage) -> Self {
        Self::Page(fault.into())
    }
}

impl<P: SharedPage> FrontendEnd<P> {
    /// Takes the frontend's end of a zeroed `page` that was granted to the backend.
    #[must_use]
    pub fn new(page: P) -> Self {
        Self { page, outstanding: false }
    }

    /// Puts a command into the page: packet, length, locality, and only then
    /// [`PageState::Submit`]. The backend is to be notified next.
    ///
    /// # Errors
    /// [`NotSubmitted`].
    pub fn submit(&mut self, locality: u8, packet: &[u8]) -> Result<(), NotSubmitted> {
        let bad = NotSubmitted::BadPacket { length: packet.len() };
        let length = u32::try_from(packet.len()).map_err(|_| bad)?;
        let fits = (SMALLEST_MESSAGE..=LARGEST_MESSAGE).contains(&packet.len());
        if !fits || size_field(packet) != length {
            return Err(bad);
        }
        if self.outstanding {
            return Err(NotSubmitted::Busy);
        }
        match self.state().map_err(NotSubmitted::Page)? {
            PageState::Idle | PageState::Finish => {}
            found @ (PageState::Submit | PageState::Cancel) => {
                return Err(NotSubmitted::Page(PeerMisbehaved::ForeignState { found }.into()));
            }
        }
        self.page.store_u8(EXTRA_PAGES, 0)?;
        self.page.write(data_offset(0), packet)?;
        self.page.store_u32(LENGTH, length)?;
        self.page.store_u8(LOCALITY, locality)?;
        self.page.store_u8(STATE, PageState::Submit.byte())?;
        self.outstanding = true;
        Ok(())
    }

    /// Whether a command is with the backend.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.outstanding
    }

    /// Looks for the answer to what was submitted. Without that, [`Answer::NotYet`].
    ///
    /// # Errors
    /// [`PageFault`]; after one caused by the peer the connection has to end.
    pub fn answer(&mut self) -> Result<Answer, PageFault> {
        if !self.outstanding {
            return Ok(Answer::NotYet);
        }
        let answer = match self.state()? {
            PageState::Submit | PageState::Cancel => return Ok(Answer::NotYet),
            PageState::Idle => Answer::Aborted,
            PageState::Finish => {
                let length = self.page.load_u32(LENGTH)?;
                Answer::Response(copy_out(&self.page, length, 0)?)
            }
        };
        self.outstanding = false;
        Ok(answer)
    }

    /// Takes the command back, if there is one. The backend is to be notified next, and may still
    /// finish it.
    ///
    /// # Errors
    /// [`OutsidePage`] would be a mistake of this crate.
    pub fn cancel(&self) -> Result<(), OutsidePage> {
        if self.outstanding { self.page.store_u8(STATE, PageState::Cancel.byte()) } else { Ok(()) }
    }

    fn state(&self) -> Result<PageState, PageFault> {
        let byte = self.page.load_u8(STATE)?;
        PageState::from_byte(byte).ok_or(PeerMisbehaved::UnknownState { byte }.into())
    }
}

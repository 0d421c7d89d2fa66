//! A disk of this domain, by the split driver protocol of Xen public/io/blkif.h.
//!
//! One request is under way at a time. The pages that data passes through are granted once, for the
//! life of the disk.

mod attach;
mod layout;

pub use attach::{AttachError, VirtualDevice};

use alloc::vec::Vec;
use core::time::Duration;
use domain_io::{
    BlockDevice, BlockError, EventPort, GrantRef, PortNumber, SECTOR_BYTES, SharedPage, Sharing,
};
use layout::{MOST_SEGMENTS, Operation, Request, SECTORS_PER_PAGE};

/// How long a backend may take for one request.
const PATIENCE: Duration = Duration::from_secs(60);

/// When the whole machine stood still, the time is over before the backend could run at all: so often, and
/// so long each time, it is still waited for.
const LAST_CHANCES: u32 = 20;
const LAST_CHANCE: Duration = Duration::from_millis(250);

/// Most sectors in one request.
const MOST_SECTORS: usize = MOST_SEGMENTS * SECTORS_PER_PAGE;
const PAGE_SECTORS_BYTES: usize = SECTORS_PER_PAGE * SECTOR_BYTES;

/// What a disk needs besides sharing: the time, and sleep.
pub trait DiskHost {
    /// The time now.
    fn now(&self) -> Duration;
    /// Sleeps until the port is pending or the moment has come; may return earlier.
    fn wait(&self, port: PortNumber, until: Duration);
    /// Sleeps for a while.
    fn pause(&self, time: Duration);
}

/// A connected disk. A backend that stays silent, or answers what was not asked, loses it for good
/// ([`BlockError::Gone`]): it may still write into the pages of the unanswered request.
pub struct Disk<S: Sharing, H> {
    ring: S::Page,
    port: S::Port,
    pages: Vec<S::Page>,
    grants: Vec<GrantRef>,
    host: H,
    handle: u16,
    sectors: u64,
    read_only: bool,
    can_flush: bool,
    /// Requests sent, which is also the number of answers taken while none is under way.
    sent: u32,
    gone: bool,
}

impl<S: Sharing, H: DiskHost> Disk<S, H> {
    /// Whether the backend takes flushes (`feature-flush-cache`). Linux's offers none for a device without a
    /// volatile cache: what it answers is durable there.
    #[must_use]
    pub fn can_flush(&self) -> bool {
        self.can_flush
    }

    /// From now on a flush is nothing to be asked for, and who relies on it hears so.
    fn go_without_flush(&mut self) {
        self.can_flush = false;
        log::warn!(
            "the backend of disk {} takes no flush, as for storage without a volatile cache; with such a cache \
             a power cut may lose what was answered",
            self.handle
        );
    }

    /// Sends one request and waits for its answer.
    fn request(
        &mut self,
        operation: Operation,
        sector: u64,
        sectors: usize,
    ) -> Result<(), BlockError> {
        if self.gone {
            return Err(BlockError::Gone);
        }
        let id = u64::from(self.sent);
        let pages = &self.grants;
        let request = Request { operation, handle: self.handle, id, sector, sectors, pages };
        let bytes = request.encode().ok_or(BlockError::OutsideDisk)?;
        let answer = self.exchange(&bytes);
        match answer {
            Ok(response) if response.id == id => match response.status {
                0 => Ok(()),
                -2 => Err(BlockError::Unsupported),
                _ => Err(BlockError::Failed),
            },
            Ok(_) => Err(self.lose("answered a request that was not made")),
            Err(why) => Err(self.lose(why)),
        }
    }

    fn exchange(&mut self, request: &[u8; 112]) -> Result<layout::Response, &'static str> {
        const OUTSIDE: &str = "has a ring that is not a page";
        let index = self.sent;
        layout::put(&self.ring, index, request).map_err(|_| OUTSIDE)?;
        self.sent = index.wrapping_add(1);
        self.port.notify().map_err(|_| "closed its event channel")?;
        let until = self.host.now() + PATIENCE;
        let mut chances = LAST_CHANCES;
        loop {
            self.port.take_pending();
            match layout::answers(&self.ring, index).map_err(|_| OUTSIDE)? {
                0 => {}
                1 => return layout::response(&self.ring, index).map_err(|_| OUTSIDE),
                _ => return Err("counts more answers than there were requests"),
            }
            let now = self.host.now();
            if now < until {
                self.host.wait(self.port.number(), until);
            } else if chances > 0 {
                chances -= 1;
                self.host.wait(self.port.number(), now + LAST_CHANCE);
            } else {
                return Err("did not answer in time");
            }
        }
    }

    fn lose(&mut self, why: &str) -> BlockError {
        log::error!("the backend of disk {} {why}: the disk is given up", self.handle);
        self.gone = true;
        BlockError::Gone
    }

    /// Checks a range of bytes and returns its length in sectors.
    fn range(&self, sector: u64, bytes: usize) -> Result<(), BlockError> {
        let count = u64::try_from(bytes / SECTOR_BYTES).map_err(|_| BlockError::OutsideDisk)?;
        let end = sector.checked_add(count).ok_or(BlockError::OutsideDisk)?;
        let whole = bytes.is_multiple_of(SECTOR_BYTES);
        if whole && end <= self.sectors { Ok(()) } else { Err(BlockError::OutsideDisk) }
    }
}

/// The first sector of each part of a transfer that is cut into requests.
fn starts(sector: u64) -> impl Iterator<Item = u64> {
    (0_u64..).map(move |part| sector.saturating_add(part.saturating_mul(MOST_SECTORS as u64)))
}

impl<S: Sharing, H: DiskHost> BlockDevice for Disk<S, H> {
    fn sectors(&self) -> u64 {
        self.sectors
    }

    fn is_read_only(&self) -> bool {
        self.read_only
    }

    fn read(&mut self, sector: u64, into: &mut [u8]) -> Result<(), BlockError> {
        self.range(sector, into.len())?;
        for (start, part) in starts(sector).zip(into.chunks_mut(MOST_SECTORS * SECTOR_BYTES)) {
            self.request(Operation::Read, start, part.len() / SECTOR_BYTES)?;
            for (page, bytes) in self.pages.iter().zip(part.chunks_mut(PAGE_SECTORS_BYTES)) {
                page.read(0, bytes).map_err(|_| BlockError::OutsideDisk)?;
            }
        }
        Ok(())
    }

    fn write(&mut self, sector: u64, from: &[u8]) -> Result<(), BlockError> {
        if self.read_only {
            return Err(BlockError::ReadOnly);
        }
        self.range(sector, from.len())?;
        for (start, part) in starts(sector).zip(from.chunks(MOST_SECTORS * SECTOR_BYTES)) {
            if self.gone {
                return Err(BlockError::Gone);
            }
            for (page, bytes) in self.pages.iter().zip(part.chunks(PAGE_SECTORS_BYTES)) {
                page.write(0, bytes).map_err(|_| BlockError::OutsideDisk)?;
            }
            self.request(Operation::Write, start, part.len() / SECTOR_BYTES)?;
        }
        Ok(())
    }

    /// Does nothing where the backend takes no flush.
    fn flush(&mut self) -> Result<(), BlockError> {
        if self.gone {
            return Err(BlockError::Gone);
        }
        if !self.can_flush {
            return Ok(());
        }
        match self.request(Operation::Flush, 0, 0) {
            // It may find out only now (Xen public/io/blkif.h, `feature-flush-cache`).
            Err(BlockError::Unsupported) => {
                self.go_without_flush();
                Ok(())
            }
            answer => answer,
        }
    }
}

#[cfg(test)]
mod tests;

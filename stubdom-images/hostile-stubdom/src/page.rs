//! What it does to its page and with its port.

use crate::hostile::{Hostile, Rest};
use crate::packets;
use core::time::Duration;
use domain_io::{EventPort, SharedPage, Sharing, Xenstore};

/// Where things stand (Xen public/io/tpmif.h, `struct tpmif_shared_page`).
const LENGTH: usize = 0;
const STATE: usize = 4;
const LOCALITY: usize = 5;
const EXTRA_PAGES: usize = 7;
pub(crate) const PACKET: usize = 8;

const SUBMIT: u8 = 1;
const FINISH: u8 = 2;
const CANCEL: u8 = 3;

/// How long a command's answer is waited for, in looks.
const LOOKS: u32 = 40;
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// Lengths at the borders of what fits.
const LENGTHS: [u32; 10] = [0, 1, 9, 10, 4088, 4089, 4096, 0x7fff_ffff, 0x8000_0000, u32::MAX];

impl<X: Xenstore, S: Sharing> Hostile<X, S> {
    /// A command in order.
    pub(crate) fn command<T: Rest>(&mut self, time: &mut T) {
        let packet = packets::command(&mut self.random);
        self.submit(0, &packet, packet.len());
        for _ in 0..LOOKS {
            if self.is_finished() {
                self.tally.answers += 1;
                return;
            }
            time.rest(LOOK_AGAIN);
        }
        if self.random.once_in(2) {
            self.put(STATE, CANCEL);
            self.notify();
        }
    }

    /// A command that changes while it is read and executed.
    pub(crate) fn race<T: Rest>(&mut self, time: &mut T) {
        let packet = packets::command(&mut self.random);
        self.submit(0, &packet, packet.len());
        let end = time.now() + Duration::from_micros(self.random.small(15).into());
        for _ in 0..self.random.small(13) {
            match self.random.below(4) {
                0 => self.header(),
                1 => self.spoil(PACKET, 32),
                2 => self.put(STATE, SUBMIT),
                _ => self.notify(),
            }
            if time.now() > end {
                break;
            }
        }
    }

    /// Bytes that are no command, and lengths that are none.
    pub(crate) fn packet(&mut self) {
        let packet = packets::nonsense(&mut self.random);
        let length = match self.random.below(4) {
            0 => self.random.pick(&LENGTHS) as usize,
            1 => self.random.small(13) as usize,
            _ => packet.len(),
        };
        let locality = self.random.byte();
        self.submit(locality, &packet, length);
    }

    /// Any value in any field.
    pub(crate) fn header(&mut self) {
        let length = self.random.pick(&LENGTHS);
        let (any, state) = (self.random.byte(), self.random.small(3).to_le_bytes()[0]);
        match self.random.below(5) {
            0 => self.put_length(length),
            1 => self.put(STATE, state),
            2 => self.put(STATE, any),
            3 => self.put(LOCALITY, any),
            _ => self.spoil(LENGTH, 16),
        }
    }

    /// Any byte in any of `count` places.
    fn spoil(&mut self, from: usize, count: u32) {
        let (at, value) = (self.random.below(count) as usize, self.random.byte());
        self.put(from + at, value);
    }

    /// References that nobody reads, and a packet behind them.
    pub(crate) fn extra(&mut self) {
        let count = if self.random.once_in(2) { self.random.byte() } else { 255 };
        let packet = packets::command(&mut self.random);
        self.put(EXTRA_PAGES, count);
        self.write(PACKET + 4 * usize::from(count), &packet);
        self.put_length(u32::try_from(packet.len()).unwrap_or(0));
        self.put(STATE, SUBMIT);
        self.notify();
        let other = self.random.byte();
        self.put(EXTRA_PAGES, other);
    }

    /// Events without a reason.
    pub(crate) fn flood(&mut self) {
        for _ in 0..self.random.small(12) {
            self.notify();
        }
    }

    fn submit(&mut self, locality: u8, packet: &[u8], length: usize) {
        self.put(EXTRA_PAGES, 0);
        self.write(PACKET, packet);
        self.put_length(u32::try_from(length).unwrap_or(u32::MAX));
        self.put(LOCALITY, locality);
        self.put(STATE, SUBMIT);
        self.notify();
    }

    fn is_finished(&self) -> bool {
        self.link.as_ref().is_some_and(|link| link.page.load_u8(STATE) == Ok(FINISH))
    }

    fn notify(&mut self) {
        if let Some(link) = &self.link {
            // Goes nowhere where nobody is bound; that is the backend's choice.
            self.tally.events += u32::from(link.port.notify().is_ok());
        }
    }

    // All of these places lie in the page.

    fn put(&mut self, offset: usize, value: u8) {
        let _ = self.link.as_ref().map(|link| link.page.store_u8(offset, value));
    }

    fn put_length(&mut self, length: u32) {
        let _ = self.link.as_ref().map(|link| link.page.store_u32(LENGTH, length));
    }

    fn write(&mut self, offset: usize, bytes: &[u8]) {
        let _ = self.link.as_ref().map(|link| link.page.write(offset, bytes));
    }
}

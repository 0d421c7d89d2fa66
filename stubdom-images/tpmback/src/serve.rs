//! Commands out of pages, answers into them.

use crate::backend::Backend;
use crate::device::{Device, Link, Running};
use crate::event::{Command, Event, NotAnswered, Reason, Ticket};
use core::ops::Bound;
use core::time::Duration;
use domain_io::{EventPort, Sharing, Xenstore};
use tpmif::nodes::DeviceId;
use tpmif::{PageFault, Seen, Short, Submission};

impl<S: Sharing> Backend<S> {
    /// The next command, looking first at the device after the one served last.
    pub(crate) fn serve<X: Xenstore + ?Sized>(
        &mut self,
        store: &mut X,
        now: Duration,
    ) -> Option<Event> {
        let event = match self.last_served {
            None => self.serve_among((Bound::Unbounded, Bound::Unbounded), store, now),
            Some(last) => {
                self.serve_among((Bound::Excluded(last), Bound::Unbounded), store, now).or_else(
                    || self.serve_among((Bound::Unbounded, Bound::Included(last)), store, now),
                )
            }
        };
        if let Some(Event::Command(command)) = &event {
            self.last_served = Some(command.id);
        }
        event
    }

    fn serve_among<X: Xenstore + ?Sized>(
        &mut self,
        which: (Bound<DeviceId>, Bound<DeviceId>),
        store: &mut X,
        now: Duration,
    ) -> Option<Event> {
        self.devices.range_mut(which).find_map(|(_, device)| device.serve(store, now))
    }

    pub(crate) fn has_unlooked_page(&self) -> bool {
        let mut mapped = self.devices.values().filter_map(Device::mapped);
        mapped.any(|link| link.look && link.running.is_none())
    }

    /// Gives the answer to a command. Whatever happens, the frontend is not left waiting.
    ///
    /// # Errors
    /// [`NotAnswered`] says that the frontend got something else, or is no longer there.
    pub fn respond(&mut self, ticket: Ticket, answer: &[u8]) -> Result<(), NotAnswered> {
        let link = self.link_of(&ticket)?;
        let Running { reply, tag } = link.running.take().ok_or(NotAnswered::Gone)?;
        let result = link.end.finish(reply, answer).map_err(|refused| {
            let (length, room) = (refused.length, refused.room);
            // Ten bytes always fit.
            let _ = link.end.finish(refused.reply, &failure(tag));
            NotAnswered::DoesNotFit { length, room }
        });
        // Only a frontend that has just gone cannot be notified; its nodes will say so.
        let _ = link.port.notify();
        result
    }

    /// Answers a command with a TPM failure, where there is nothing better to say.
    ///
    /// # Errors
    /// [`NotAnswered::Gone`].
    pub fn fail(&mut self, ticket: Ticket) -> Result<(), NotAnswered> {
        let tag = self.link_of(&ticket)?.running.as_ref().map_or(0, |running| running.tag);
        self.respond(ticket, &failure(tag))
    }

    fn link_of(&mut self, ticket: &Ticket) -> Result<&mut Link<S>, NotAnswered> {
        let link = self.devices.get_mut(&ticket.id).and_then(Device::link);
        link.filter(|link| link.number == ticket.connection).ok_or(NotAnswered::Gone)
    }
}

impl<S: Sharing> Device<S> {
    fn serve<X: Xenstore + ?Sized>(&mut self, store: &mut X, now: Duration) -> Option<Event> {
        self.answer_refused(now);
        let id = self.id;
        let reason = match self.link()?.find(id) {
            Ok(found) => return found.map(Event::Command),
            Err(fault) => Reason::from(fault),
        };
        self.turn_away(store, &alloc::format!("{reason}"));
        self.disconnected(now, reason);
        Some(Event::Disconnected(id, reason))
    }
}

impl<S: Sharing> Link<S> {
    /// Clears the event first and looks second, so that an event in between is seen next time.
    pub(crate) fn find(&mut self, id: DeviceId) -> Result<Option<Command>, PageFault> {
        if self.running.is_some() {
            return Ok(None);
        }
        self.look |= self.port.take_pending();
        if !core::mem::take(&mut self.look) {
            return Ok(None);
        }
        match self.end.look()? {
            Seen::Nothing => Ok(None),
            Seen::Cancel => {
                self.end.acknowledge_cancel()?;
                let _ = self.port.notify();
                Ok(None)
            }
            Seen::Short(Short { tag, reply }) => {
                // Ten bytes always fit.
                let _ = self.end.finish(reply, &wrong_size(tag));
                let _ = self.port.notify();
                Ok(None)
            }
            Seen::Command(submission) => Ok(Some(self.start(id, submission))),
        }
    }

    /// Answers the command that is being executed, if any, with a failure.
    pub(crate) fn fail_running(&mut self) {
        if let Some(Running { reply, tag }) = self.running.take() {
            // Ten bytes always fit.
            let _ = self.end.finish(reply, &failure(tag));
            let _ = self.port.notify();
        }
    }

    fn start(&mut self, id: DeviceId, submission: Submission) -> Command {
        let Submission { locality, bytes, reply } = submission;
        let tag = bytes.first_chunk().copied().map_or(0, u16::from_be_bytes);
        self.running = Some(Running { reply, tag });
        let ticket = Ticket { id, connection: self.number };
        Command { id, ticket, locality, bytes }
    }
}

/// A failure as the family of the command would report it: `TPM_RC_FAILURE` (TPM 2.0 Library Part
/// 2, 6.6.3) for tags 0x80xx, else `TPM_FAIL` (TPM 1.2 Part 2, 16) under the response tag that
/// belongs to the command's kind (0x00C4, or 0x01C4 for the manager's).
fn failure(tag: u16) -> [u8; 10] {
    error(tag, 0x01, 0x09)
}

/// The same for what is shorter than a header: `TPM_RC_COMMAND_SIZE`, or `TPM_BAD_PARAM_SIZE`.
fn wrong_size(tag: u16) -> [u8; 10] {
    error(tag, 0x42, 0x19)
}

/// `RC_VER1` and this code of TPM 2.0, or this one of TPM 1.2.
fn error(tag: u16, code_20: u8, code_12: u8) -> [u8; 10] {
    let [kind, _] = tag.to_be_bytes();
    match kind {
        0x80 => [0x80, 0x01, 0, 0, 0, 10, 0, 0, 1, code_20],
        kind => [kind, 0xc4, 0, 0, 0, 10, 0, 0, 0, code_12],
    }
}

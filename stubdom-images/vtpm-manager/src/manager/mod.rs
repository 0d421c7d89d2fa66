//! The manager: sessions, requests, commits.

mod dom0;
mod named;
mod open;
#[cfg(test)]
mod tests;
mod vtpm;

pub use open::{OpenError, Opened, Parts};

use crate::disk::Noting;
use crate::hardware::Hardware;
use crate::ledger::commit::{Patience, Witnesses};
use crate::ledger::{CommitFault, Ledger, Outcome};
use crate::pass::Pass;
use crate::root::{RootError, RootKeeper};
use crate::sessions::{LabelHash, Refusal, Sessions};
use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::Cell;
use core::time::Duration;
use domain_io::{BlockDevice, DomainId, Entropy, WatchEvent};
use sha1::{Digest, Sha1};
use tpm_wire::manager::{Ordinal, Stats, answer, answer_tag};
use tpm_wire::tpm12::TpmResult;
use tpm_wire::{Header, Tag};
use tpmif::nodes::DeviceId;
use vtpm_store::Uuid;

/// The domain whose devices bring commands instead of vTPMs.
const DOM0: DomainId = DomainId(0);

/// What a request came to.
#[derive(Debug)]
pub enum Reply {
    /// Give this answer.
    Now(Vec<u8>),
    /// Give this answer once [`Manager::commit`] has made the change of this record durable, and
    /// [`Manager::failure`]'s when it could not.
    AfterCommit {
        /// The record.
        uuid: Uuid,
        /// The request's tag.
        tag: Tag,
        /// The answer.
        answer: Vec<u8>,
    },
    /// Commit, bring the hardware TPM to rest, give this answer, and end.
    End(Vec<u8>),
}

/// The manager of all vTPMs of a host.
pub struct Manager<D: BlockDevice, K> {
    ledger: Ledger<Noting<D>>,
    /// The disk's backend went away.
    disk_is_gone: Rc<Cell<bool>>,
    keeper: K,
    hardware: Option<Hardware>,
    entropy: Box<dyn Entropy>,
    sessions: Sessions,
    explicit: bool,
    /// Why nobody is served, until domain 0 brings the recovery key.
    locked: Option<RootError>,
    /// Nothing is saved any more.
    ending: bool,
    counts: Stats,
    /// The clock when the manager began.
    opened: Duration,
}

impl<D: BlockDevice, K: RootKeeper> Manager<D, K> {
    /// The toolstack has attached a device. `lives` says whether an earlier device is still there.
    ///
    /// # Errors
    /// [`Refusal`], whose sentence the toolstack should see.
    pub fn attached(
        &mut self,
        id: DeviceId,
        uuid: Uuid,
        lives: impl FnOnce(DeviceId) -> bool,
    ) -> Result<(), Refusal> {
        if id.frontend == DOM0 {
            log::info!("{id} brings commands from domain 0");
            return Ok(());
        }
        self.sessions.begin(id, uuid, lives)
    }

    /// A device's page is mapped. `label` is the security label of the domain at its other end,
    /// where the hypervisor has labels.
    pub fn connected(&mut self, id: DeviceId, label: Option<&[u8]>) {
        let hash = label.map(|label| LabelHash::from(Sha1::digest(label)));
        self.sessions.set_label(id, hash);
    }

    /// A device is gone for good, and with it its session.
    pub fn gone(&mut self, id: DeviceId) {
        self.sessions.end(id);
    }

    /// Takes note of a watch event; `false` when it is not for the hardware TPM's driver.
    pub fn notice(&mut self, event: &WatchEvent) -> bool {
        self.hardware.as_mut().is_some_and(|hardware| hardware.tpm.notice(event))
    }

    /// Takes one request, a whole packet. `uptime` is how long the manager has been running.
    pub fn request(&mut self, id: DeviceId, packet: &[u8], uptime: Duration) -> Reply {
        let reply = self.dispatch(id, packet, uptime);
        self.count(&reply);
        reply
    }

    fn dispatch(&mut self, id: DeviceId, packet: &[u8], uptime: Duration) -> Reply {
        let Ok((header, body)) = Header::parse(packet) else {
            return refuse(Tag::RQU_COMMAND, TpmResult::BAD_PARAM_SIZE);
        };
        match header.tag {
            Tag::VTPM_REQ if id.frontend != DOM0 && self.locked.is_some() => {
                refuse(header.tag, TpmResult::RETRY)
            }
            Tag::VTPM_REQ if id.frontend != DOM0 => match self.sessions.of(id) {
                Some(session) => self.vtpm_request(session, Ordinal(header.code), body),
                None => refuse(header.tag, TpmResult::DISABLED),
            },
            Tag::VTPM_REQ => refuse(header.tag, TpmResult::AUTH_FAIL),
            Tag::VTPM_REQ2 if id.frontend == DOM0 => {
                let reply = self.command(Ordinal(header.code), body, uptime);
                if matches!(reply, Reply::AfterCommit { .. }) {
                    self.ledger.domain_0_waits();
                }
                reply
            }
            Tag::VTPM_REQ2 => refuse(header.tag, TpmResult::AUTH_FAIL),
            Tag::RQU_COMMAND
            | Tag::RQU_AUTH1_COMMAND
            | Tag::RQU_AUTH2_COMMAND
            | Tag::NO_SESSIONS => {
                let mut pass = Pass {
                    hardware: self.hardware.as_mut(),
                    entropy: &mut *self.entropy,
                    capabilities: id.frontend == DOM0,
                };
                Reply::Now(pass.answer(header, body))
            }
            _ => refuse(Tag::RQU_COMMAND, TpmResult::BAD_TAG),
        }
    }

    /// Makes durable what waits, all of it with one write of the store where that is possible, and
    /// does what is due for the hardware's counter. Does nothing when there is nothing to do.
    pub fn commit(&mut self, now: Duration) -> Outcome {
        self.commit_with(now, Patience::AsPlanned)
    }

    /// When [`commit`](Self::commit) is due even if nobody asks for anything.
    pub fn next_deadline(&mut self, now: Duration) -> Option<Duration> {
        self.ledger.next_deadline(self.sessions.count(), now)
    }

    fn commit_with(&mut self, now: Duration, patience: Patience) -> Outcome {
        let with = Witnesses {
            keeper: &mut self.keeper,
            hardware: self.hardware.as_mut(),
            entropy: &mut *self.entropy,
            now,
            vtpms: self.sessions.count(),
        };
        let outcome = self.ledger.commit(with, patience);
        self.counts.saves += outcome.kept as u64;
        self.counts.commits += outcome.commits as u64;
        outcome
    }

    /// What a request gets whose change was not kept.
    #[must_use]
    pub fn failure(tag: Tag, fault: &CommitFault) -> Vec<u8> {
        let sentence = alloc::format!("{fault}");
        let body = if tag == Tag::VTPM_REQ2 { sentence.as_bytes() } else { &[] };
        answer(answer_tag(tag), fault.status(), body)
    }

    /// Makes everything durable and tells the hardware TPM that its power may go. Nothing is saved
    /// from here on.
    /// Returns what became of what waited, and what the hardware TPM answered; after an error of
    /// the TPM the store is in order all the same.
    pub fn rest(&mut self, now: Duration) -> (Outcome, Result<(), crate::HardwareFault>) {
        self.ending = true;
        let outcome = self.commit_with(now, Patience::None);
        (outcome, self.hardware.as_mut().map_or(Ok(()), Hardware::rest))
    }

    /// Why nobody is served, when the store waits for its recovery key.
    #[must_use]
    pub const fn locked(&self) -> Option<&RootError> {
        self.locked.as_ref()
    }

    /// Whether the disk's backend went away. A disk of this domain that was given up does not come back in its
    /// life: nothing can be kept, or asked for, before another start.
    #[must_use]
    pub fn has_lost_disk(&self) -> bool {
        self.disk_is_gone.get()
    }

    /// How many vTPMs are attached.
    #[must_use]
    pub fn sessions(&self) -> usize {
        self.sessions.count()
    }

    fn count(&mut self, reply: &Reply) {
        let packet = match reply {
            Reply::Now(packet) | Reply::End(packet) => packet,
            Reply::AfterCommit { answer, .. } => answer,
        };
        match Header::parse(packet) {
            Ok((header, _)) if header.code == 0 => self.counts.answered += 1,
            _ => self.counts.refused += 1,
        }
    }
}

/// Refuses with the tag that upstream's dispatcher gives an error.
fn refuse(request: Tag, status: TpmResult) -> Reply {
    Reply::Now(answer(answer_tag(request), status, &[]))
}

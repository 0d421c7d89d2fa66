//! A refused device whose frontend opens all the same.
//!
//! Linux's xen-tpmfront sends its first commands before it looks at the backend's state, from the
//! thread that sees to all of the guest's devices, and waits up to two minutes for each answer
//! (drivers/char/tpm/xen-tpmfront.c, `tpmfront_probe`). So whoever opens is connected, unseen by the
//! owner, and every command is answered with a failure. Our state stays `Closed` all the time: the
//! driver sees it as soon as its probe is over, and unregisters the device.

use crate::connect::NoLink;
use crate::device::{Device, Link, OPENS, Phase, RETRY};
use crate::event::Reason;
use core::time::Duration;
use domain_io::{Sharing, Xenstore};
use tpmif::PageFault;
use tpmif::XenbusState::{self, Closed, Closing, Connected, Initialised, Initialising};
use tpmif::nodes::DeviceId;

/// How many refused frontends are connected at a time; further ones wait for one to close.
pub(crate) const REFUSED_AT_ONCE: usize = 8;

/// How far a refused device's frontend is.
pub(crate) enum Refusal<S: Sharing> {
    /// Not open, or not to be connected at present.
    Unopened,
    /// Open: each of its commands gets a failure.
    Answering(Link<S>),
    /// It broke the page's protocol, and gets no answer until it has closed.
    LeftAlone,
}

/// The connections of all devices.
#[derive(Default)]
pub(crate) struct Connections {
    /// How many were ever made; numbers them.
    pub(crate) made: u64,
    /// How many refused frontends are connected now.
    pub(crate) refused: usize,
}

impl<S: Sharing> Device<S> {
    /// Closes the device for good. A connection stays, so that a frontend in the middle of a command,
    /// or with more to send before it notices, does not wait.
    pub(crate) fn refuse<X: Xenstore + ?Sized>(&mut self, store: &mut X, why: &str) {
        let unopened = Phase::Refused(Refusal::Unopened);
        let refusal = match core::mem::replace(&mut self.phase, unopened) {
            Phase::Connected(mut link) => {
                link.fail_running();
                Refusal::Answering(link)
            }
            Phase::Refused(refusal) => refusal,
            _ => Refusal::Unopened,
        };
        self.phase = Phase::Refused(refusal);
        self.show_closed(store, why);
    }

    /// What a look at the nodes means for a refused device.
    pub(crate) fn follow_refused<X: Xenstore + ?Sized>(
        &mut self,
        store: &mut X,
        sharing: &mut S,
        now: Duration,
        frontend: Option<XenbusState>,
        connections: &mut Connections,
    ) {
        let Phase::Refused(refusal) = &self.phase else { return };
        let elsewhere =
            |link: &Link<S>, store: &mut X| link.published.was_left(&self.frontend_dir, store);
        match (refusal, frontend) {
            (_, Some(Closing | Closed | Initialising)) => {
                self.phase = Phase::Refused(Refusal::Unopened);
            }
            (Refusal::Unopened, Some(Initialised | Connected)) => {
                self.connect_refused(store, sharing, now, connections);
            }
            (Refusal::Answering(link), Some(Initialised | Connected)) if elsewhere(link, store) => {
                self.phase = Phase::Refused(Refusal::Unopened);
                // This one's own place is free.
                connections.refused = connections.refused.saturating_sub(1);
                self.connect_refused(store, sharing, now, connections);
            }
            _ => {}
        }
    }

    /// Connects a frontend as soon as the pace of connections and the number of refused ones allow.
    /// One that cannot be connected is tried again when its nodes change, and with each sweep.
    fn connect_refused<X: Xenstore + ?Sized>(
        &mut self,
        store: &mut X,
        sharing: &mut S,
        now: Duration,
        connections: &mut Connections,
    ) {
        if connections.refused >= REFUSED_AT_ONCE {
            self.due = now + RETRY;
            return;
        }
        if !self.opens.try_spend(now, OPENS) {
            self.due = self.opens.next(OPENS);
            return;
        }
        match self.make_link(store, sharing, connections) {
            Ok(link) => {
                self.phase = Phase::Refused(Refusal::Answering(link));
                self.say(now, log::Level::Info, format_args!("refused, and told so by its page"));
                self.answer_refused(now);
            }
            Err(NoLink::Unread(error)) => self.try_again(now, &error),
            Err(NoLink::Because(reason)) => {
                self.say(now, log::Level::Warn, format_args!("refused, not told so: {reason}"));
            }
        }
    }

    /// Answers the command in the page of a frontend that is refused or to be detached, if there is one.
    pub(crate) fn answer_refused(&mut self, now: Duration) {
        let id = self.id;
        let (link, left_alone) = match &mut self.phase {
            Phase::Refused(Refusal::Answering(link)) => (link, Phase::Refused(Refusal::LeftAlone)),
            Phase::Dismissed { link, .. } => (link, Phase::Closing),
            _ => return,
        };
        if let Err(fault) = link.fail_next(id) {
            self.phase = left_alone;
            self.changed = true;
            self.disconnected(now, Reason::from(fault));
        }
    }
}

impl<S: Sharing> Link<S> {
    /// Answers whatever is unanswered, as the last thing before the page is unmapped.
    pub(crate) fn fail_last(&mut self, id: DeviceId) {
        self.fail_running();
        // A page that is not in order has nobody waiting for us.
        let _ = self.fail_next(id);
    }

    fn fail_next(&mut self, id: DeviceId) -> Result<(), PageFault> {
        if self.find(id)?.is_some() {
            self.fail_running();
        }
        Ok(())
    }
}

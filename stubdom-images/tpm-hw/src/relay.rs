//! The TPM behind another TPM domain, reached by tpmfront (`tpmdriver=tpmfront`).

use crate::duration;
use crate::error::{HardwareError, Wait};
use crate::hardware::{HardwareTpm, check_command};
use crate::locality::Locality;
use crate::wait::{self, Time};
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;
use domain_io::{Sharing, WatchEvent, Xenstore};
use tpm_wire::MAX_PACKET_BYTES;
use tpmfront::{Event, Frontend, NotSent, Reason};

/// For the domain in between to give up a command that was cancelled.
const CANCEL_LIMIT: Duration = Duration::from_secs(4);

/// On top of the command's own limit: the domain in between may be serving somebody else first.
const QUEUE_LIMIT: Duration = Duration::from_secs(30);

/// More events than a frontend can have waiting between two commands.
const MOST_LEFT_OVER: usize = 16;

/// Why there is no answer from the domain in between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RelayFault {
    /// Its device is not attached, or not connected (again) yet.
    NotConnected,
    /// The connection ended, maybe after the command was executed.
    Ended(Reason),
    /// The page did not take the command.
    NotSent(NotSent),
    /// It gave the command up.
    Aborted,
    /// Xenstore did not let this domain watch its own devices.
    NoWatch,
}

impl fmt::Display for RelayFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotConnected => f.write_str(
                "no vTPM device is connected; check vtpm= in this domain's file and that the \
                 backend's domain runs",
            ),
            Self::Ended(reason) => reason.fmt(f),
            Self::NotSent(fault) => fault.fmt(f),
            Self::Aborted => f.write_str("it gave the command up"),
            Self::NoWatch => f.write_str("device/vtpm cannot be watched in xenstore"),
        }
    }
}

/// Passes commands to another TPM domain.
pub struct Relay<S: Sharing, X, T> {
    line: Line<S, X>,
    time: T,
    locality: Locality,
}

/// What a frontend needs to move.
struct Line<S: Sharing, X> {
    frontend: Frontend<S>,
    sharing: S,
    store: X,
}

impl<S: Sharing, X: Xenstore> Line<S, X> {
    fn poll<T: Time>(&mut self, time: &T) -> Option<Event> {
        self.frontend.poll(&mut self.store, &mut self.sharing, time)
    }

    /// The answer, once it is there.
    fn answer<T: Time>(&mut self, time: &T) -> Result<Option<Vec<u8>>, HardwareError> {
        match self.poll(time) {
            Some(Event::Answer(response)) => Ok(Some(response)),
            Some(Event::Aborted) => Err(HardwareError::Relay(RelayFault::Aborted)),
            Some(Event::Disconnected(reason)) => {
                Err(HardwareError::Relay(RelayFault::Ended(reason)))
            }
            Some(Event::Connected { .. } | Event::Closed) | None => Ok(None),
        }
    }
}

impl<S: Sharing, X: Xenstore, T: Time> Relay<S, X, T> {
    /// Waits for at most `limit` until this domain's vTPM device is connected. Watch events that
    /// arrive meanwhile and belong to somebody else are handed to `others`.
    ///
    /// # Errors
    /// [`RelayFault::NotConnected`] after that.
    pub fn connect(
        (mut store, sharing): (X, S),
        time: T,
        locality: Locality,
        limit: Duration,
        mut others: impl FnMut(WatchEvent),
    ) -> Result<Self, HardwareError> {
        let frontend =
            Frontend::new(&mut store).map_err(|_| HardwareError::Relay(RelayFault::NoWatch))?;
        let mut line = Line { frontend, sharing, store };
        let connected = wait::until(&time, limit, Wait::Ready, || {
            while let Some(event) = line.store.next_event() {
                if !line.frontend.notice(&event) {
                    others(event);
                }
            }
            let _ = line.poll(&time);
            Ok(line.frontend.is_connected().then_some(()))
        });
        match connected {
            Ok(()) => Ok(Self { line, time, locality }),
            Err(_) => Err(HardwareError::Relay(RelayFault::NotConnected)),
        }
    }

    /// Clears away what came after an earlier command was given up, and picks a lost connection up
    /// again where the backend offers that.
    fn settle(&mut self) -> Result<(), HardwareError> {
        for _ in 0..MOST_LEFT_OVER {
            if self.line.poll(&self.time).is_none() {
                break;
            }
        }
        if self.line.frontend.is_connected() {
            return Ok(());
        }
        Err(HardwareError::Relay(RelayFault::NotConnected))
    }

    /// Takes a command back that ran too long. An answer that comes now comes too late.
    fn give_up(&mut self) {
        self.line.frontend.cancel();
        let (line, time) = (&mut self.line, &self.time);
        let _ = wait::until(time, CANCEL_LIMIT, Wait::Execution, || line.answer(time));
    }
}

impl<S: Sharing, X: Xenstore, T: Time> HardwareTpm for Relay<S, X, T> {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, HardwareError> {
        check_command(command, MAX_PACKET_BYTES)?;
        self.settle()?;
        self.line
            .frontend
            .submit(self.locality.number(), command)
            .map_err(|fault| HardwareError::Relay(RelayFault::NotSent(fault)))?;
        let limit = duration::limit(command).saturating_add(QUEUE_LIMIT);
        let (line, time) = (&mut self.line, &self.time);
        let outcome = wait::until(time, limit, Wait::Execution, || line.answer(time));
        if let Err(HardwareError::TimedOut { .. }) = outcome {
            self.give_up();
        }
        outcome
    }

    fn notice(&mut self, event: &WatchEvent) -> bool {
        self.line.frontend.notice(event)
    }
}

//! Until the manager has said that it kept a save.

use crate::keeper::ManagedKeeper;
use crate::link::{LinkError, ManagerLink};
use crate::manager::{ManagerError, Session};
use alloc::format;
use alloc::string::ToString;
use core::time::Duration;
use domain_io::{BlockDevice, Entropy};
use tpm_wire::TpmVersion;
use vtpm_service::NotKept;
use vtpm_store::HashKey;

/// How long to wait before a manager that could not keep a save is asked again.
const AGAIN: Duration = Duration::from_millis(500);

/// How long a command whose state has to be kept waits for the manager before the domain stops. It is
/// shorter than the guest's driver waits for such a command: Linux waits 120 s for every TPM 2.0
/// command, and for TPM 1.2 commands at least as long as their durations say.
#[must_use]
pub const fn answer_limit(version: TpmVersion) -> Duration {
    match version {
        TpmVersion::Tpm12 => Duration::from_secs(45),
        TpmVersion::Tpm20 => Duration::from_secs(100),
    }
}

/// What became of one try.
enum Outcome {
    Kept,
    /// The manager may or may not have kept it.
    Uncertain,
}

impl<D: BlockDevice, L: ManagerLink, N: Entropy> ManagedKeeper<D, L, N> {
    /// Has the manager keep what was saved to the disk. Before anything is sent again the manager is
    /// asked what it names, and the same bytes are sent: the slot stays as it is until then, so
    /// whichever of the two states the manager names, it is there.
    pub(crate) fn publish(&mut self, saved: &HashKey, until: Duration) -> Result<(), NotKept> {
        let (mut uncertain, mut said) = (false, false);
        loop {
            match self.attempt(saved, uncertain, until) {
                Ok(Outcome::Kept) => break,
                Ok(Outcome::Uncertain) => {}
                Err(error) if error.is_passing() => {
                    if !core::mem::replace(&mut said, true) {
                        log::warn!("a save is not confirmed yet: {error}");
                    }
                    let now = self.link.now();
                    let pause = self.link.pause(now.saturating_add(AGAIN).min(until));
                    pause.map_err(|error| not_kept(&error.into()))?;
                }
                Err(error) => return Err(not_kept(&error)),
            }
            if self.link.now() >= until {
                return Err(not_kept(&LinkError::TimedOut.into()));
            }
            uncertain = true;
        }
        if said {
            log::info!("the save is confirmed");
        }
        if let Err(error) = self.disk.confirm() {
            // Said again, and by a stop, when the next save meets the same disk.
            log::error!("{error}");
        }
        Ok(())
    }

    fn attempt(
        &mut self,
        saved: &HashKey,
        uncertain: bool,
        until: Duration,
    ) -> Result<Outcome, Refused> {
        let connection = self.link.connect(until)?;
        let mut session = Session { link: &mut self.link, connection, until };
        if uncertain || self.known.met != Some(connection) {
            let store = session.status()?.map(|report| report.store);
            if store != self.known.store {
                return Err(Refused::OtherManager);
            }
            let named = session.load()?;
            let names = self.disk.names_unconfirmed(named.as_ref());
            if names.map_err(|_| Refused::OtherManager)? {
                self.known.met = Some(connection);
                return Ok(Outcome::Kept);
            }
            self.known.met = Some(connection);
        }
        match session.save(saved) {
            Ok(()) => Ok(Outcome::Kept),
            Err(ManagerError::Link(LinkError::Lost)) => Ok(Outcome::Uncertain),
            Err(error) => Err(error.into()),
        }
    }
}

/// Why a try did not succeed.
enum Refused {
    Manager(ManagerError),
    /// It does not name what this vTPM saved, or has another store.
    OtherManager,
}

impl Refused {
    const fn is_passing(&self) -> bool {
        match self {
            Self::Manager(error) => error.is_passing(),
            Self::OtherManager => false,
        }
    }
}

impl From<ManagerError> for Refused {
    fn from(error: ManagerError) -> Self {
        Self::Manager(error)
    }
}

impl From<LinkError> for Refused {
    fn from(error: LinkError) -> Self {
        Self::Manager(error.into())
    }
}

impl core::fmt::Display for Refused {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Manager(error) => error.fmt(f),
            Self::OtherManager => f.write_str(
                "the manager that answers now is not the one that kept the last state, or has an \
                 older store; attach the right one and start this vTPM anew",
            ),
        }
    }
}

fn not_kept(why: &Refused) -> NotKept {
    match why {
        Refused::Manager(ManagerError::Link(LinkError::Stopping)) => NotKept(format!(
            "{}; the next start goes on from the state kept last",
            LinkError::Stopping
        )),
        Refused::Manager(ManagerError::Link(LinkError::TimedOut)) => NotKept(format!(
            "{}; start the manager, then this vTPM, which goes on from the state kept last",
            LinkError::TimedOut
        )),
        other => NotKept(other.to_string()),
    }
}

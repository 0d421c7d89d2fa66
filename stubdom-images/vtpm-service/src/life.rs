//! A TPM boot is one guest domain's life.
//!
//! PCRs say what one guest has measured since it started. So they stay when the same domain closes
//! its device and opens it again, and are cleared before another domain gets the TPM. A domain that
//! comes back after its TPM was reset under it could extend whatever it likes into blank PCRs; it is
//! refused unless the administrator has said that this does not matter.
//!
//! Domains are told apart by their number, which the toolstack wrote and the guest cannot choose.
//! Xen gives a number out again only after some 32,000 others (or at random, by xl.conf's
//! `domid_policy`), and numbers of domains that have died are forgotten here as soon as that is
//! known.

use alloc::vec::Vec;
use core::fmt;
use domain_io::DomainId;
use tpmif::Uuid;
use tpmif::nodes::DeviceId;
use vtpm_arguments::Reattach;

/// Why a frontend is not served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Another frontend has the TPM.
    Occupied {
        /// Which one.
        by: DeviceId,
    },
    /// The guest was served before the TPM was reset.
    LostPcrs {
        /// The guest.
        domain: DomainId,
    },
    /// There are `locality=` rules and none is for this guest.
    NoLocalityRule {
        /// The guest.
        domain: DomainId,
    },
    /// The vTPM is one guest's (`guest=`), and this is another.
    AnotherGuest {
        /// What the vTPM's `guest=` says.
        only: Uuid,
        /// The uuid of this guest's `vtpm=` line.
        uuid: Uuid,
    },
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Occupied { by } => write!(
                f,
                "this vTPM serves one frontend at a time, and has {by}: detach that one first, or \
                 start another vTPM domain"
            ),
            Self::LostPcrs { domain } => write!(
                f,
                "domain {domain} was served before this TPM was reset, and blank PCRs would let it \
                 forge its measurements: restart it, or add reattach=blank-pcrs to this vTPM's extra="
            ),
            Self::NoLocalityRule { domain } => write!(
                f,
                "no locality= rule is for domain {domain}: guests' labels are not read yet, so a rule \
                 with a LABEL is for nobody; write locality=0 for every guest"
            ),
            Self::AnotherGuest { only, uuid } => write!(
                f,
                "this vTPM is for the guest whose vtpm= line has uuid={only} (guest= in its extra=), and \
                 this line has uuid={uuid}: attach that guest its own vTPM, or correct its line"
            ),
        }
    }
}

/// What must happen before an admitted frontend is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    /// Nothing: the present boot is this guest's, or nobody's yet.
    SameBoot,
    /// The TPM must be reset: the present boot was another guest's.
    NewBoot,
}

/// Whose measurements the PCRs hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum BootOf {
    Nobody,
    Domain(DomainId),
    /// Of a domain that is dead or not known.
    SomeoneElse,
}

/// What is known of guests served before this domain started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Past {
    /// Guests of earlier runs that were alive when this domain started. Whoever keeps the state
    /// also keeps the numbers of the guests served, and asks xenstore about each before the first
    /// frontend is looked at (`IS_DOMAIN_INTRODUCED`): a number that lives already cannot be that
    /// of a younger guest.
    pub living: Vec<DomainId>,
    /// Whose boot a TPM goes on with that was started from its saved state.
    pub last: Option<DomainId>,
}

/// Decides who gets the TPM, and when it is reset.
#[derive(Clone, Debug)]
pub(crate) struct BootLife {
    present: Option<DeviceId>,
    boot: BootOf,
    /// Guests of earlier boots of this TPM that may still live.
    earlier: Vec<DomainId>,
    reattach: Reattach,
}

impl BootLife {
    /// Begins with a TPM that was just started. `resumed` says that it goes on with an earlier
    /// boot instead of beginning a fresh one.
    pub(crate) fn new(past: Past, resumed: bool, reattach: Reattach) -> Self {
        let boot = match (resumed, past.last) {
            (false, _) => BootOf::Nobody,
            (true, Some(domain)) => BootOf::Domain(domain),
            (true, None) => BootOf::SomeoneElse,
        };
        let mut earlier = past.living;
        earlier.retain(|domain| boot != BootOf::Domain(*domain));
        Self { present: None, boot, earlier, reattach }
    }

    /// The frontend that has the TPM.
    pub(crate) const fn present(&self) -> Option<DeviceId> {
        self.present
    }

    /// A frontend appeared. `lives` tells whether a domain exists; say yes when in doubt. The device
    /// of a domain that does not exist any more counts as gone.
    ///
    /// # Errors
    /// [`Refusal`]; the frontend must then be closed, and nothing else changes.
    pub(crate) fn attach(
        &mut self,
        id: DeviceId,
        mut lives: impl FnMut(DomainId) -> bool,
    ) -> Result<Admission, Refusal> {
        let domain = id.frontend;
        if let Some(by) = self.present.filter(|present| *present != id) {
            // On a guest's reboot the new domain's device may be seen before the old one's end.
            if by.frontend == domain || lives(by.frontend) {
                return Err(Refusal::Occupied { by });
            }
            self.present = None;
        }
        self.forget_dead(|other| other == domain || lives(other));
        let lost = self.earlier.contains(&domain) && self.boot != BootOf::Domain(domain);
        if lost && self.reattach == Reattach::Refuse {
            return Err(Refusal::LostPcrs { domain });
        }
        self.present = Some(id);
        Ok(self.take_boot(domain))
    }

    fn take_boot(&mut self, domain: DomainId) -> Admission {
        let before = core::mem::replace(&mut self.boot, BootOf::Domain(domain));
        self.earlier.retain(|earlier| *earlier != domain);
        match before {
            BootOf::Nobody => Admission::SameBoot,
            BootOf::Domain(same) if same == domain => Admission::SameBoot,
            BootOf::SomeoneElse => Admission::NewBoot,
            BootOf::Domain(other) => {
                if !self.earlier.contains(&other) {
                    self.earlier.push(other);
                }
                Admission::NewBoot
            }
        }
    }

    /// The frontend's device is gone.
    pub(crate) fn detach(&mut self, id: DeviceId) {
        if self.present == Some(id) {
            self.present = None;
        }
    }

    /// Whom a later start has to know: every guest that may still live, and the present boot's.
    pub(crate) fn past(&self) -> Past {
        let mut living = self.earlier.clone();
        let last = match self.boot {
            BootOf::Domain(domain) => Some(domain),
            BootOf::Nobody | BootOf::SomeoneElse => None,
        };
        living.extend(last);
        Past { living, last }
    }

    /// Forgets domains that no longer exist, so that their numbers may come again. Worth calling
    /// now and then while no frontend is attached.
    pub(crate) fn forget_dead(&mut self, mut lives: impl FnMut(DomainId) -> bool) {
        self.earlier.retain(|domain| lives(*domain));
        if let (None, BootOf::Domain(owner)) = (self.present, self.boot)
            && !lives(owner)
        {
            self.boot = BootOf::SomeoneElse;
        }
    }
}

#[cfg(test)]
#[path = "life_tests.rs"]
mod tests;

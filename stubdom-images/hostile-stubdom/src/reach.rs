//! What belongs to others. Xen and xenstored refuse all of it; were anything granted by mistake, by a
//! backend of ours or by the toolstack, it would be found here.

use crate::hostile::Hostile;
use alloc::format;
use alloc::string::String;
use domain_io::{DomainId, GrantRef, PortNumber, Sharing, Xenstore};

/// Entries and ports of a domain that are tried.
const TRIED: u32 = 64;
/// Breaches that are told one by one.
const TOLD: u32 = 5;

/// Where a domain keeps something that is nobody else's.
const PLACES: [&str; 6] = [
    "device/vtpm/0/state",
    "device/vtpm/0/ring-ref",
    "data/vtpm/state",
    "backend/vtpm",
    "control/shutdown",
    "data/hostile",
];

/// What every domain has. Only such things are removed: xenstored answers the removal of what is not
/// there as done.
const KEPT: [&str; 3] = ["name", "domid", "control"];

impl<X: Xenstore, S: Sharing> Hostile<X, S> {
    /// One thing of somebody else's.
    pub(crate) fn reach(&mut self) {
        let other = if self.random.once_in(2) { self.target.backend } else { self.other() };
        let what = match self.random.below(6) {
            0 => self.map(other),
            1 => self.bind(other),
            2 => self.read(other),
            3 => self.write_below(other),
            4 => self.remove(other),
            _ => self.rewrite_backend(),
        };
        let Some(what) = what else { return };
        self.tally.breaches += 1;
        if self.tally.breaches <= TOLD {
            log::error!("BREACH: {what}");
        }
    }

    fn map(&mut self, owner: DomainId) -> Option<String> {
        let grant = GrantRef(self.random.below(TRIED));
        let mapped = self.sharing.map(owner, grant);
        mapped.ok().map(|_| format!("page {} of domain {owner} could be mapped", grant.0))
    }

    fn bind(&mut self, remote: DomainId) -> Option<String> {
        let port = PortNumber(self.random.below(TRIED));
        let bound = self.sharing.bind(remote, port);
        bound.ok().map(|_| format!("port {} of domain {remote} could be bound", port.0))
    }

    fn place(&mut self, other: DomainId) -> String {
        format!("/local/domain/{other}/{}", self.random.pick(&PLACES))
    }

    fn read(&mut self, other: DomainId) -> Option<String> {
        // What domain 0 lets everybody read is its own choice.
        if other == DomainId(0) {
            return None;
        }
        let path = self.place(other);
        self.store.read(&path).ok().map(|value| format!("{path} could be read: {value:?}"))
    }

    fn write_below(&mut self, other: DomainId) -> Option<String> {
        let path = self.place(other);
        self.store.write(&path, "6").ok().map(|()| format!("{path} could be written"))
    }

    fn remove(&mut self, other: DomainId) -> Option<String> {
        let path = format!("/local/domain/{other}/{}", self.random.pick(&KEPT));
        self.store.remove(&path).ok().map(|()| format!("{path} could be removed"))
    }

    /// The backend's end of its own device, which it may read.
    fn rewrite_backend(&mut self) -> Option<String> {
        let name = self.random.pick(&["state", "online", "frontend", "frontend-id", "uuid"]);
        let path = format!("{}/{name}", self.backend_dir());
        self.store.write(&path, "6").ok().map(|()| format!("{path} could be written"))
    }
}

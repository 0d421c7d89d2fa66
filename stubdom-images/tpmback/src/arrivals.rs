//! Devices that may be there and are not known yet.

use crate::backend::Backend;
use crate::event::Event;
use alloc::collections::BTreeSet;
use core::time::Duration;
use domain_io::{DomainId, Sharing, StoreError, Xenstore};
use tpmif::nodes::{self, DeviceId};

/// Beyond this many single notes, everything is listed instead.
const MOST_NOTES: usize = 1024;

/// Where to look for new devices.
pub(crate) struct Arrivals {
    everywhere: bool,
    domains: BTreeSet<DomainId>,
    devices: BTreeSet<DeviceId>,
}

impl Arrivals {
    pub(crate) fn everything() -> Self {
        Self { everywhere: true, domains: BTreeSet::new(), devices: BTreeSet::new() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        !self.everywhere && self.domains.is_empty() && self.devices.is_empty()
    }

    /// Notes that something changed at `path`, which names `device` if it is as long as that.
    pub(crate) fn note(&mut self, path: &str, device: Option<DeviceId>) {
        if self.domains.len() + self.devices.len() >= MOST_NOTES {
            self.everywhere = true;
        } else if let Some(id) = device {
            self.devices.insert(id);
        } else if let Some(domain) = domain_of(path) {
            self.domains.insert(domain);
        } else if path == nodes::BACKEND_ROOT {
            self.everywhere = true;
        }
    }

    /// The next device to meet; lists directories as needed.
    fn next<X: Xenstore + ?Sized>(&mut self, store: &mut X) -> Option<DeviceId> {
        if core::mem::take(&mut self.everywhere) {
            let listed = names(store.list(nodes::BACKEND_ROOT));
            let numbers = listed.iter().filter_map(|name| nodes::number(name));
            self.domains.extend(numbers.filter_map(|n| n.try_into().ok()).map(DomainId));
        }
        while self.devices.is_empty() {
            let domain = self.domains.pop_first()?;
            let listed = names(store.list(&alloc::format!("{}/{domain}", nodes::BACKEND_ROOT)));
            let numbers = listed.iter().filter_map(|name| nodes::number(name));
            self.devices.extend(numbers.map(|device| DeviceId { frontend: domain, device }));
        }
        self.devices.pop_first()
    }
}

fn domain_of(path: &str) -> Option<DomainId> {
    let name = path.strip_prefix(nodes::BACKEND_ROOT)?.strip_prefix('/')?;
    nodes::number(name)?.try_into().ok().map(DomainId)
}

fn names(
    listed: Result<alloc::vec::Vec<alloc::string::String>, StoreError>,
) -> alloc::vec::Vec<alloc::string::String> {
    listed.unwrap_or_else(|error| {
        if !error.is_absent() {
            log::warn!("the vTPM devices cannot be listed: {error}");
        }
        alloc::vec::Vec::new()
    })
}

impl<S: Sharing> Backend<S> {
    /// Meets one device that was noted, if any.
    pub(crate) fn meet_arrivals<X: Xenstore + ?Sized>(
        &mut self,
        store: &mut X,
        now: Duration,
    ) -> Option<Event> {
        while !self.stopping {
            let id = self.arrivals.next(store)?;
            if !self.devices.contains_key(&id)
                && let Some(event) = self.meet(id, store, now)
            {
                return Some(event);
            }
        }
        None
    }
}

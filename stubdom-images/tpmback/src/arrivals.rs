//! Devices that may be there and are not known yet.

use crate::backend::Backend;
use crate::device::RETRY;
use crate::event::Event;
use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;
use domain_io::{DomainId, Sharing, StoreError, Xenstore};
use tpmif::nodes::{self, DeviceId};

/// Beyond this many single notes, everything is listed instead.
const MOST_NOTES: usize = 1024;

/// Where new devices may be.
#[derive(Default)]
struct Places {
    everywhere: bool,
    domains: BTreeSet<DomainId>,
    devices: BTreeSet<DeviceId>,
}

/// Where to look for new devices.
pub(crate) struct Arrivals {
    places: Places,
    /// Where xenstore did not say what is there, to be looked at from this moment on.
    later: Option<(Duration, Places)>,
    /// It was said that xenstore does not say so.
    complained: bool,
}

impl Places {
    fn is_empty(&self) -> bool {
        !self.everywhere && self.domains.is_empty() && self.devices.is_empty()
    }
}

impl Arrivals {
    pub(crate) fn everything() -> Self {
        let places = Places { everywhere: true, ..Places::default() };
        Self { places, later: None, complained: false }
    }

    /// When to look, if there is anything to look at.
    pub(crate) fn due(&self) -> Option<Duration> {
        let later = self.later.as_ref().map(|(at, _)| *at);
        if self.places.is_empty() { later } else { Some(Duration::ZERO) }
    }

    /// Notes that something changed at `path`, which names `device` if it is as long as that.
    pub(crate) fn note(&mut self, path: &str, device: Option<DeviceId>) {
        let Places { everywhere, domains, devices } = &mut self.places;
        if domains.len() + devices.len() >= MOST_NOTES {
            *everywhere = true;
        } else if let Some(id) = device {
            devices.insert(id);
        } else if let Some(domain) = domain_of(path) {
            domains.insert(domain);
        } else if path == nodes::BACKEND_ROOT {
            *everywhere = true;
        }
    }

    /// The next device to meet; lists directories as needed.
    fn next<X: Xenstore + ?Sized>(
        &mut self,
        store: &mut X,
        now: Duration,
    ) -> Result<Option<DeviceId>, StoreError> {
        self.take_later(now);
        let Places { everywhere, domains, devices } = &mut self.places;
        // What is known by name comes first: a directory that cannot be listed does not keep it waiting.
        loop {
            if let Some(id) = devices.pop_first() {
                return Ok(Some(id));
            }
            if let Some(frontend) = domains.first().copied() {
                let listed = store.list(&alloc::format!("{}/{frontend}", nodes::BACKEND_ROOT));
                let found = numbers(listed)?.into_iter();
                devices.extend(found.map(|device| DeviceId { frontend, device }));
                domains.remove(&frontend);
            } else if *everywhere {
                let found = numbers(store.list(nodes::BACKEND_ROOT))?.into_iter();
                domains.extend(found.filter_map(|n| n.try_into().ok()).map(DomainId));
                *everywhere = false;
            } else {
                return Ok(None);
            }
        }
    }

    fn take_later(&mut self, now: Duration) {
        if let Some((_, places)) = self.later.take_if(|(at, _)| now >= *at) {
            let Places { everywhere, domains, devices } = &mut self.places;
            *everywhere |= places.everywhere;
            domains.extend(places.domains);
            devices.extend(places.devices);
        }
    }

    /// xenstore does not answer as it should: all that is noted waits for a while.
    fn postpone(&mut self, now: Duration, error: &StoreError) {
        if !core::mem::replace(&mut self.complained, true) {
            log::warn!("the vTPM devices cannot be read: {error}; tried again until they can");
        }
        self.take_later(Duration::MAX);
        self.later = Some((now.saturating_add(RETRY), core::mem::take(&mut self.places)));
    }
}

fn domain_of(path: &str) -> Option<DomainId> {
    let name = path.strip_prefix(nodes::BACKEND_ROOT)?.strip_prefix('/')?;
    nodes::number(name)?.try_into().ok().map(DomainId)
}

/// The names that are numbers; a directory that is not there has none.
fn numbers(listed: Result<Vec<String>, StoreError>) -> Result<Vec<u32>, StoreError> {
    match listed {
        Err(error) if error.is_out_of_sight() => Ok(Vec::new()),
        listed => Ok(listed?.iter().filter_map(|name| nodes::number(name)).collect()),
    }
}

impl<S: Sharing> Backend<S> {
    /// Meets one device that was noted, if any.
    pub(crate) fn meet_arrivals<X: Xenstore + ?Sized>(
        &mut self,
        store: &mut X,
        now: Duration,
    ) -> Option<Event> {
        while !self.stopping {
            match self.meet_next(store, now) {
                Ok(None) => return None,
                Ok(Some(None)) => {}
                Ok(Some(event)) => {
                    self.arrivals.complained = false;
                    return event;
                }
                Err(error) => {
                    self.arrivals.postpone(now, &error);
                    return None;
                }
            }
        }
        None
    }

    /// `None` when nothing is noted; else what the owner has to know of the one that was.
    fn meet_next<X: Xenstore + ?Sized>(
        &mut self,
        store: &mut X,
        now: Duration,
    ) -> Result<Option<Option<Event>>, StoreError> {
        let Some(id) = self.arrivals.next(store, now)? else { return Ok(None) };
        if self.devices.contains_key(&id) {
            return Ok(Some(None));
        }
        let met = self.meet(id, store, now);
        met.map(Some).inspect_err(|_| self.arrivals.note(&id.backend_dir(), Some(id)))
    }
}

#[test]
fn a_directory_that_cannot_be_listed_keeps_no_device_waiting_whose_name_is_known() {
    let mut store = domain_io::test_utils::World::new().store(DomainId(1));
    store.failure = Some(StoreError::Refused("E2BIG".into()));
    let id = DeviceId { frontend: DomainId(5), device: 0 };
    let mut arrivals = Arrivals::everything();
    arrivals.note(&id.backend_dir(), Some(id));
    assert_eq!(arrivals.next(&mut store, Duration::ZERO), Ok(Some(id)));
    assert_eq!(arrivals.next(&mut store, Duration::ZERO), Err(store.failure.clone().unwrap()));
    assert_eq!(arrivals.due(), Some(Duration::ZERO), "and it is still to be listed");
}

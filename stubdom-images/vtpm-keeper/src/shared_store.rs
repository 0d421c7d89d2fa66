//! One connection to xenstored for two users.
//!
//! While a save waits for the manager, the link takes watch events that belong to the backend, which
//! is not looked after meanwhile; they are set aside until it is.

use alloc::collections::VecDeque;
use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec::Vec;
use core::cell::RefCell;
use core::time::Duration;
use domain_io::{DomainId, StoreError, WatchEvent, Xenstore};

/// Events set aside one by one for each user. Beyond that only "something changed" is kept for each
/// watch, so that a guest that writes nodes without end costs no memory.
const KEPT_EVENTS: usize = 64;

struct Shared<X> {
    store: X,
    /// Set aside for the user with this place.
    aside: [Aside; 2],
    is_first: fn(&WatchEvent) -> bool,
    watches: Vec<WatchEvent>,
}

#[derive(Default)]
struct Aside {
    events: VecDeque<WatchEvent>,
    overflowed: Vec<WatchEvent>,
}

/// One user's handle of a connection that two use.
pub struct SharedStore<X> {
    shared: Rc<RefCell<Shared<X>>>,
    place: usize,
}

/// Another handle of the same user.
impl<X> Clone for SharedStore<X> {
    fn clone(&self) -> Self {
        Self { shared: Rc::clone(&self.shared), place: self.place }
    }
}

/// Splits a connection: the first user gets the watch events that `is_first` names, the second all
/// others.
pub fn share<X: Xenstore>(
    store: X,
    is_first: fn(&WatchEvent) -> bool,
) -> (SharedStore<X>, SharedStore<X>) {
    let shared = Shared { store, aside: Default::default(), is_first, watches: Vec::new() };
    let shared = Rc::new(RefCell::new(shared));
    (SharedStore { shared: Rc::clone(&shared), place: 0 }, SharedStore { shared, place: 1 })
}

impl<X> SharedStore<X> {
    /// Whether the other user has set something aside for this one. No port says so: look before every
    /// sleep.
    pub fn has_aside(&self) -> bool {
        self.shared.borrow().aside.get(self.place).is_some_and(|aside| !aside.is_empty())
    }

    /// Works on the connection itself.
    pub fn with<T>(&self, work: impl FnOnce(&mut X) -> T) -> T {
        work(&mut self.shared.borrow_mut().store)
    }
}

impl Aside {
    fn push(&mut self, event: WatchEvent, watches: &[WatchEvent]) {
        if self.events.contains(&event) {
            return;
        }
        if self.events.len() < KEPT_EVENTS {
            self.events.push_back(event);
            return;
        }
        for watch in watches.iter().filter(|watch| watch.token == event.token) {
            if !self.overflowed.contains(watch) {
                self.overflowed.push(watch.clone());
            }
        }
    }

    fn is_empty(&self) -> bool {
        self.events.is_empty() && self.overflowed.is_empty()
    }

    fn pop(&mut self) -> Option<WatchEvent> {
        self.events.pop_front().or_else(|| self.overflowed.pop())
    }
}

impl<X> Shared<X> {
    /// Forgets a watch, and its events unless another watch has the same token.
    fn forget(&mut self, path: &str, token: &str) {
        let gone = |watch: &WatchEvent| watch.path == path && watch.token == token;
        self.watches.retain(|watch| !gone(watch));
        let shared_token = self.watches.iter().any(|watch| watch.token == token);
        for aside in &mut self.aside {
            aside.overflowed.retain(|watch| !gone(watch));
            aside.events.retain(|event| shared_token || event.token != token);
        }
    }
}

impl<X: Xenstore> Shared<X> {
    fn next_event(&mut self, place: usize) -> Option<WatchEvent> {
        if let Some(event) = self.aside.get_mut(place).and_then(Aside::pop) {
            return Some(event);
        }
        while let Some(event) = self.store.next_event() {
            let owner = usize::from(!(self.is_first)(&event));
            if owner == place {
                return Some(event);
            }
            if let Some(aside) = self.aside.get_mut(owner) {
                aside.push(event, &self.watches);
            }
        }
        None
    }
}

impl<X: Xenstore> Xenstore for SharedStore<X> {
    fn read(&mut self, path: &str) -> Result<String, StoreError> {
        self.with(|store| store.read(path))
    }

    fn write(&mut self, path: &str, value: &str) -> Result<(), StoreError> {
        self.with(|store| store.write(path, value))
    }

    fn remove(&mut self, path: &str) -> Result<(), StoreError> {
        self.with(|store| store.remove(path))
    }

    fn list(&mut self, path: &str) -> Result<Vec<String>, StoreError> {
        self.with(|store| store.list(path))
    }

    fn watch(&mut self, path: &str, token: &str) -> Result<(), StoreError> {
        self.with(|store| store.watch(path, token))?;
        let watch = WatchEvent { path: path.into(), token: token.into() };
        self.shared.borrow_mut().watches.push(watch);
        Ok(())
    }

    fn unwatch(&mut self, path: &str, token: &str) -> Result<(), StoreError> {
        let shared = &mut *self.shared.borrow_mut();
        shared.forget(path, token);
        shared.store.unwatch(path, token)
    }

    fn is_introduced(&mut self, domain: DomainId) -> Result<bool, StoreError> {
        self.with(|store| store.is_introduced(domain))
    }

    fn answers_within(&mut self, limit: Duration) -> bool {
        self.with(|store| store.answers_within(limit))
    }

    fn next_event(&mut self) -> Option<WatchEvent> {
        self.shared.borrow_mut().next_event(self.place)
    }
}

#[cfg(test)]
mod tests {
    use super::{KEPT_EVENTS, share};
    use alloc::format;
    use alloc::vec::Vec;
    use domain_io::test_utils::World;
    use domain_io::{DomainId, WatchEvent, Xenstore};

    fn events(store: &mut impl Xenstore) -> Vec<(alloc::string::String, alloc::string::String)> {
        core::iter::from_fn(|| store.next_event()).map(|e| (e.token, e.path)).collect()
    }

    #[test]
    fn each_user_gets_the_events_of_its_own_watches_and_none_is_lost() {
        let (world, domain) = (World::new(), DomainId(4));
        world.add_domain(domain);
        let is_first = |event: &WatchEvent| event.token.starts_with("link");
        let (mut link, mut rest) = share(world.store(domain), is_first);
        link.watch("data/link", "link-1").unwrap();
        rest.watch("data/rest", "rest-1").unwrap();
        assert_eq!(events(&mut link), [("link-1".into(), "data/link".into())]);
        assert_eq!(events(&mut rest), [("rest-1".into(), "data/rest".into())]);
        for number in 0..3 * KEPT_EVENTS {
            rest.write(&format!("data/rest/{number}"), "").unwrap();
            assert_eq!(events(&mut link), []);
        }
        assert!(rest.has_aside() && !link.has_aside());
        link.write("data/link", "x").unwrap();
        assert_eq!(events(&mut link), [("link-1".into(), "data/link".into())]);
        let seen = events(&mut rest);
        assert_eq!(seen.len(), KEPT_EVENTS + 1);
        assert_eq!(seen.last(), Some(&("rest-1".into(), "data/rest".into())), "look at all of it");
        assert!(!rest.has_aside());
    }

    #[test]
    fn a_watch_taken_back_is_not_heard_of_again() {
        let (world, domain) = (World::new(), DomainId(4));
        world.add_domain(domain);
        let (mut link, mut rest) = share(world.store(domain), |event| event.token == "link");
        rest.watch("data/rest", "rest").unwrap();
        for number in 0..3 * KEPT_EVENTS {
            rest.write(&format!("data/rest/{number}"), "").unwrap();
            events(&mut link);
        }
        rest.unwatch("data/rest", "rest").unwrap();
        assert!(events(&mut rest).is_empty());
    }
}

//! A single request that xenstored does not answer in time.

use super::FakeStore;
use crate::sharing::DomainId;
use crate::store::{StoreError, WatchEvent, Xenstore};
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

/// What becomes of a request without an answer. Whoever made it cannot tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unanswered {
    /// It is lost.
    Lost,
    /// It is carried out, and its answer lost.
    CarriedOut,
}

/// A connection on which one request gets no answer.
pub struct Hiccup {
    /// The connection below.
    pub store: FakeStore,
    /// How many requests are answered before that one; `None` once it has come, and before one is asked for.
    left: Option<usize>,
    fate: Unanswered,
}

impl Hiccup {
    /// All requests are answered until [`after`](Self::after) is called.
    #[must_use]
    pub fn new(store: FakeStore) -> Self {
        Self { store, left: None, fate: Unanswered::Lost }
    }

    /// The request after so many others from now on has this fate.
    pub fn after(&mut self, requests: usize, fate: Unanswered) {
        (self.left, self.fate) = (Some(requests), fate);
    }

    /// Whether that request is still to come.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        self.left.is_some()
    }

    fn ask<T>(
        &mut self,
        request: impl FnOnce(&mut FakeStore) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let is_it = self.left == Some(0);
        self.left = self.left.and_then(|left| left.checked_sub(1));
        if is_it && self.fate == Unanswered::Lost {
            return Err(StoreError::NoAnswer);
        }
        let answer = request(&mut self.store);
        if is_it { Err(StoreError::NoAnswer) } else { answer }
    }
}

/// Lives the same life again and again, and each time the next of its requests gets no answer. Returns how many
/// requests it has when all are answered.
///
/// `live` learns how many requests are answered before that one, and its fate. It says how the life ended, and
/// whether that request [is still to come](Hiccup::is_pending).
///
/// # Panics
/// When a life ended with a reason, after all of them: it names each.
pub fn each_unanswered(live: impl Fn(usize, Unanswered) -> (Result<(), String>, bool)) -> usize {
    let mut failures = Vec::new();
    let mut each = |fate| {
        (0..).find(|answered| {
            let (ended, is_pending) = live(*answered, fate);
            failures.extend(ended.err().map(|why| alloc::format!("{answered} {fate:?}: {why}")));
            is_pending
        })
    };
    let requests = [each(Unanswered::Lost), each(Unanswered::CarriedOut)];
    assert!(failures.is_empty(), "{failures:#?}");
    assert_eq!(requests[0], requests[1], "without an unanswered request it is the same life");
    requests[0].unwrap_or_default()
}

impl Xenstore for Hiccup {
    fn read(&mut self, path: &str) -> Result<String, StoreError> {
        self.ask(|store| store.read(path))
    }

    fn write(&mut self, path: &str, value: &str) -> Result<(), StoreError> {
        self.ask(|store| store.write(path, value))
    }

    fn remove(&mut self, path: &str) -> Result<(), StoreError> {
        self.ask(|store| store.remove(path))
    }

    fn list(&mut self, path: &str) -> Result<Vec<String>, StoreError> {
        self.ask(|store| store.list(path))
    }

    fn watch(&mut self, path: &str, token: &str) -> Result<(), StoreError> {
        self.ask(|store| store.watch(path, token))
    }

    fn unwatch(&mut self, path: &str, token: &str) -> Result<(), StoreError> {
        self.ask(|store| store.unwatch(path, token))
    }

    fn is_introduced(&mut self, domain: DomainId) -> Result<bool, StoreError> {
        self.ask(|store| store.is_introduced(domain))
    }

    fn answers_within(&mut self, limit: Duration) -> bool {
        self.store.answers_within(limit)
    }

    fn next_event(&mut self) -> Option<WatchEvent> {
        self.store.next_event()
    }
}

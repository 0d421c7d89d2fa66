//! Watches that are set, and their events until the image asks for them.

use alloc::collections::VecDeque;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use domain_io::WatchEvent;

/// Events kept one by one. Beyond that only "something changed" is kept for each watch, so that a
/// peer that writes nodes without end costs no memory and no change goes unnoticed.
const KEPT_EVENTS: usize = 64;

struct Watch {
    path: String,
    token: String,
    /// An event of this watch found no room.
    overflowed: bool,
}

#[derive(Default)]
pub(crate) struct Watches {
    set: Vec<Watch>,
    events: VecDeque<WatchEvent>,
}

impl Watches {
    pub(crate) fn add(&mut self, path: &str, token: &str) {
        let (path, token) = (path.to_string(), token.to_string());
        self.set.push(Watch { path, token, overflowed: false });
    }

    /// Forgets a watch, and its events unless another watch has the same token.
    pub(crate) fn remove(&mut self, path: &str, token: &str) {
        if let Some(at) = self.set.iter().position(|w| w.path == path && w.token == token) {
            self.set.remove(at);
        }
        if !self.is_set(token) {
            self.events.retain(|event| event.token != token);
        }
    }

    fn is_set(&self, token: &str) -> bool {
        self.set.iter().any(|watch| watch.token == token)
    }

    /// Keeps an event; one that is already waiting, or belongs to no watch, is left out.
    pub(crate) fn push(&mut self, event: WatchEvent) {
        if !self.is_set(&event.token) || self.events.contains(&event) {
            return;
        }
        if self.events.len() < KEPT_EVENTS {
            self.events.push_back(event);
            return;
        }
        for watch in self.set.iter_mut().filter(|watch| watch.token == event.token) {
            watch.overflowed = true;
        }
    }

    /// Whether [`next`](Self::next) has something to give.
    pub(crate) fn has_next(&self) -> bool {
        !self.events.is_empty() || self.set.iter().any(|watch| watch.overflowed)
    }

    /// The next event: those kept one by one first, then one for each watch that overflowed, with
    /// the watch's own path.
    pub(crate) fn next(&mut self) -> Option<WatchEvent> {
        self.events.pop_front().or_else(|| {
            let watch = self.set.iter_mut().find(|watch| watch.overflowed)?;
            watch.overflowed = false;
            Some(WatchEvent { path: watch.path.clone(), token: watch.token.clone() })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;

    fn event(path: &str, token: &str) -> WatchEvent {
        WatchEvent { path: path.into(), token: token.into() }
    }

    #[test]
    fn an_event_that_waits_is_not_kept_twice() {
        let mut watches = Watches::default();
        watches.add("a", "t");
        watches.push(event("a/b", "t"));
        watches.push(event("a/b", "t"));
        assert_eq!(watches.next(), Some(event("a/b", "t")));
        assert_eq!(watches.next(), None);
    }

    #[test]
    fn a_flood_is_bounded_and_still_seen() {
        let mut watches = Watches::default();
        watches.add("a", "t");
        watches.add("b", "u");
        for number in 0..1000 {
            watches.push(event(&format!("a/{number}"), "t"));
        }
        watches.push(event("b", "u"));
        let all: Vec<_> = core::iter::from_fn(|| watches.next()).collect();
        assert_eq!(all.len(), KEPT_EVENTS + 2);
        assert_eq!(all[KEPT_EVENTS..], [event("a", "t"), event("b", "u")]);
    }

    #[test]
    fn a_watch_taken_back_gives_no_more_events() {
        let mut watches = Watches::default();
        watches.add("a", "t");
        watches.push(event("a", "t"));
        watches.remove("a", "t");
        watches.push(event("a", "t"));
        assert_eq!(watches.next(), None);
    }
}

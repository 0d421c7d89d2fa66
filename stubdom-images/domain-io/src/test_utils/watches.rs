//! Watches and the events that wait to be fetched.

use super::permissions::Permissions;
use crate::sharing::DomainId;
use crate::store::WatchEvent;
use alloc::borrow::ToOwned;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::string::String;
use alloc::vec::Vec;

/// How many watches an ordinary domain may hold (xenstored's default, `-W 128`).
pub(super) const WATCH_QUOTA: usize = 128;

struct Watch {
    connection: usize,
    domain: DomainId,
    /// As asked for, relative or absolute.
    asked: String,
    absolute: String,
    token: String,
}

#[derive(Default)]
pub(super) struct Watches {
    watches: Vec<Watch>,
    queues: BTreeMap<usize, VecDeque<WatchEvent>>,
}

impl Watches {
    /// Whether the watch was set; `Err` carries xenstored's word.
    pub(super) fn set(
        &mut self,
        connection: usize,
        domain: DomainId,
        (asked, absolute): (&str, &str),
        token: &str,
    ) -> Result<(), &'static str> {
        let same = |w: &Watch| w.connection == connection && w.asked == asked && w.token == token;
        let first = WatchEvent { path: asked.to_owned(), token: token.to_owned() };
        if self.watches.iter().any(same) {
            self.queues.entry(connection).or_default().push_back(first);
            return Ok(());
        }
        if domain != DomainId(0) && self.count(domain) >= WATCH_QUOTA {
            return Err("EQUOTA");
        }
        let (asked, absolute, token) = (asked.to_owned(), absolute.to_owned(), token.to_owned());
        self.watches.push(Watch { connection, domain, asked, absolute, token });
        self.queues.entry(connection).or_default().push_back(first);
        Ok(())
    }

    pub(super) fn count(&self, domain: DomainId) -> usize {
        self.watches.iter().filter(|watch| watch.domain == domain).count()
    }

    pub(super) fn unset(&mut self, connection: usize, asked: &str, token: &str) -> bool {
        let before = self.watches.len();
        self.watches.retain(|w| w.connection != connection || w.asked != asked || w.token != token);
        before != self.watches.len()
    }

    pub(super) fn next(&mut self, connection: usize) -> Option<WatchEvent> {
        self.queues.get_mut(&connection)?.pop_front()
    }

    /// A connection ends, and its watches with it.
    pub(super) fn drop_connection(&mut self, connection: usize) {
        self.watches.retain(|watch| watch.connection != connection);
        self.queues.remove(&connection);
    }

    pub(super) fn drop_domain(&mut self, domain: DomainId) {
        self.watches.retain(|watch| watch.domain != domain);
    }

    /// Queues an event for each watch on `path` or above it, `exact`ly on it where asked, whose
    /// owner may read by one of `readers`.
    pub(super) fn fire(&mut self, path: &str, readers: &[Permissions], exact: bool) {
        for watch in &self.watches {
            let Some(rest) = path.strip_prefix(watch.absolute.as_str()) else { continue };
            let covers = rest.is_empty() || (!exact && (rest.starts_with('/')));
            if !covers || !readers.iter().any(|readers| readers.of(watch.domain).reads()) {
                continue;
            }
            let path = alloc::format!("{}{rest}", watch.asked);
            let event = WatchEvent { path, token: watch.token.clone() };
            self.queues.entry(watch.connection).or_default().push_back(event);
        }
    }
}

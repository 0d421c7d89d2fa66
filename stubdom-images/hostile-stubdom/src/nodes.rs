//! What it publishes, and what it writes into its nodes.

use crate::hostile::{FRONTEND, Hostile, Link};
use alloc::format;
use alloc::string::{String, ToString};
use domain_io::{DomainId, EventPort, Sharing, Xenstore};

/// The nodes of its end; without `state` the backend takes the device for gone, so that one is not
/// removed before the end.
const REMOVABLE: [&str; 3] = ["ring-ref", "event-channel", "feature-protocol-v2"];
const NODES: [&str; 7] = [
    "state",
    "ring-ref",
    "event-channel",
    "feature-protocol-v2",
    "backend",
    "backend-id",
    "handle",
];

const NONSENSE: [&str; 12] = [
    "",
    "-1",
    "~1",
    " 4",
    "4 ",
    "0x8",
    "4294967295",
    "4294967296",
    "99999999999999999999",
    "8 8",
    "nonsense",
    "\u{fffd}\u{1f511}",
];
const LONG: usize = 1500;

const STATES: [&str; 10] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];

/// Pages that may be lost to revocation: each takes a grant entry and 4 KiB for good.
const MOST_REVOKED: u32 = 150;

impl<X: Xenstore, S: Sharing> Hostile<X, S> {
    /// A fresh page and port, published in order; false when there is none to be had.
    pub(crate) fn publish(&mut self) -> bool {
        self.link = None;
        let backend = self.target.backend;
        let Ok((page, grant)) = self.sharing.grant(backend) else { return false };
        let Ok(port) = self.sharing.allocate_port(backend) else { return false };
        self.set("ring-ref", &grant.0.to_string());
        self.set("event-channel", &port.number().0.to_string());
        self.set("feature-protocol-v2", "1");
        let state = self.random.pick(&["3", "4"]);
        self.set("state", state);
        self.link = Some(Link { page, grant, port });
        true
    }

    /// States in no order, at times with another page each.
    pub(crate) fn storm(&mut self) {
        let with_pages = self.random.once_in(3);
        for _ in 0..self.random.small(5) {
            if with_pages {
                self.publish();
            }
            let state = self.random.pick(&STATES);
            self.set("state", state);
        }
    }

    /// The page is no longer granted, or no longer there, while the backend has it mapped.
    pub(crate) fn take_page_away(&mut self) {
        let Some(link) = &self.link else { return };
        if self.tally.of(crate::Kind::Revoke) <= MOST_REVOKED {
            (self.revoke)(&link.page);
        }
        if self.random.once_in(2) {
            self.link = None;
        }
    }

    /// Xen's own entries, entries that nothing is behind, a page for another domain, and its page of
    /// before.
    pub(crate) fn wrong_page(&mut self) {
        let other = self.other();
        let granted = self.sharing.grant(other);
        let stale = self.link.as_ref().map_or(8, |link| link.grant.0);
        let reference = match (self.random.below(5), &granted) {
            (0, _) => self.random.below(8),
            (1, _) => self.random.below(512),
            (2, _) => u32::MAX - self.random.small(8),
            (3, _) => stale.wrapping_add(1),
            (_, Ok((_, grant))) => grant.0,
            (_, Err(_)) => 511,
        };
        self.set("state", "1");
        self.set("ring-ref", &reference.to_string());
        self.set("feature-protocol-v2", "1");
        self.set("state", "4");
    }

    /// The ports of console and xenstore, ports that do not exist, a port for another domain, and one
    /// that is already bound.
    pub(crate) fn wrong_port(&mut self) {
        let other = self.other();
        let foreign = self.sharing.allocate_port(other);
        let number = match (self.random.below(4), &foreign) {
            (0, _) => self.random.below(8),
            (1, _) => u32::MAX - self.random.small(20),
            (2, _) => self.link.as_ref().map_or(0, |link| link.port.number().0),
            (_, Ok(port)) => port.number().0,
            (_, Err(_)) => 4095,
        };
        self.set("state", "6");
        self.set("event-channel", &number.to_string());
        self.set("state", "4");
    }

    /// Nonsense in one node, or none at all.
    pub(crate) fn node(&mut self) {
        let (name, gone) = (self.random.pick(&NODES), self.random.pick(&REMOVABLE));
        match self.random.below(8) {
            0 => drop(self.store.remove(&format!("{FRONTEND}/{gone}"))),
            1 => self.set(name, &"9".repeat(LONG)),
            2 => self.set(&format!("{gone}/below/it"), "1"),
            _ => {
                let value = self.random.pick(&NONSENSE);
                self.set(name, value);
            }
        }
    }

    /// What names other domains where its own partner is named.
    pub(crate) fn path(&mut self) {
        let (other, own) = (self.other(), self.target.own);
        let paths: [String; 5] = [
            format!("/local/domain/{other}/backend/vtpm/{own}/0"),
            format!("/local/domain/{}/backend/vtpm/{other}/0", self.target.backend),
            format!("/local/domain/{other}/device/vtpm/0"),
            "/local/domain/0/backend/vbd/1/51712".into(),
            format!("{}/../../{other}/0", self.backend_dir()),
        ];
        let path = &paths[self.random.below(5) as usize];
        self.set("backend", path);
        self.set("frontend", path);
        self.set("backend-id", &other.to_string());
        self.set("frontend-id", &other.to_string());
    }

    pub(crate) fn other(&mut self) -> DomainId {
        if self.target.others.is_empty() {
            return DomainId(0);
        }
        self.random.pick(&self.target.others)
    }

    /// Writes a node of its own end. Refusals (its quota, say) are xenstored's business.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        let _ = self.store.write(&format!("{FRONTEND}/{name}"), value);
    }
}

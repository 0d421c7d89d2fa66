//! A machine with domains.

use super::clock::FakeClock;
use super::hypervisor::{Hypervisor, Shared};
use super::page::Frame;
use super::permissions::{Access, Permissions};
use super::sharing::FakeSharing;
use super::store::FakeStore;
use super::tree::Tree;
use crate::sharing::{DomainId, GrantRef, PortNumber};
use crate::store::Xenstore;
use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};

/// A machine in memory: domains, grants, event channels, one xenstore, one clock.
#[derive(Clone)]
pub struct World {
    host: Shared,
    tree: Rc<RefCell<Tree>>,
    clock: FakeClock,
    connections: Rc<Cell<usize>>,
}

impl Default for World {
    fn default() -> Self {
        Self {
            host: Rc::new(RefCell::new(Hypervisor::default())),
            tree: Rc::new(RefCell::new(Tree::new())),
            clock: FakeClock::default(),
            connections: Rc::new(Cell::new(0)),
        }
    }
}

impl World {
    /// A machine with nothing but domain 0.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates a domain's xenstore directory with the permissions libxl gives it: the directory
    /// and `device`, `backend` read-only for the domain, `data`, `error` and `control/shutdown`
    /// its own.
    ///
    /// # Panics
    /// Never: domain 0 may write everything.
    pub fn add_domain(&self, domain: DomainId) {
        let mut dom0 = self.store(DomainId(0));
        let home = alloc::format!("/local/domain/{domain}");
        let read_only = Permissions::owned(DomainId(0)).with(domain, Access::Read);
        for (name, permissions) in [
            ("", read_only.clone()),
            ("/device", read_only.clone()),
            ("/device/vtpm", read_only.clone()),
            ("/backend", read_only.clone()),
            ("/backend/vtpm", read_only),
            ("/data", Permissions::owned(domain)),
            ("/error", Permissions::owned(domain)),
            ("/control/shutdown", Permissions::owned(domain)),
        ] {
            let path = alloc::format!("{home}{name}");
            dom0.write(&path, "").expect("domain 0 may write");
            dom0.set_permissions(&path, permissions).expect("domain 0 may set permissions");
        }
    }

    /// Ends a domain at once, without a word to anybody: ports close, grants end, its watches go.
    /// Its xenstore nodes stay until a toolstack removes them.
    pub fn destroy_domain(&self, domain: DomainId) {
        self.host.borrow_mut().destroy(domain);
        self.tree.borrow_mut().watches.drop_domain(domain);
    }

    /// What `domain` can share.
    #[must_use]
    pub fn sharing(&self, domain: DomainId) -> FakeSharing {
        FakeSharing { domain, host: Rc::clone(&self.host) }
    }

    /// A new connection of `domain` to xenstore.
    #[must_use]
    pub fn store(&self, domain: DomainId) -> FakeStore {
        let connection = self.connections.get();
        self.connections.set(connection + 1);
        let tree = Rc::clone(&self.tree);
        FakeStore { tree, domain, connection, failure: None, requests: 0 }
    }

    /// The clock that everybody sees.
    #[must_use]
    pub fn clock(&self) -> FakeClock {
        self.clock.clone()
    }

    /// The page behind a grant, for a test that plays a hostile domain.
    #[must_use]
    pub fn frame(&self, owner: DomainId, grant: GrantRef) -> Option<FrameView> {
        let host = self.host.borrow();
        host.grants.get(&(owner.0, grant.0)).map(|grant| FrameView(Rc::clone(&grant.frame)))
    }

    /// How many pages of other domains `domain` has mapped.
    #[must_use]
    pub fn mappings(&self, domain: DomainId) -> usize {
        self.host.borrow().windows.get(&domain.0).copied().unwrap_or(0)
    }

    /// How many pages `domain` currently grants to others.
    #[must_use]
    pub fn grants(&self, domain: DomainId) -> usize {
        self.host.borrow().grants.keys().filter(|key| key.0 == domain.0).count()
    }

    /// The open ports of `domain`.
    #[must_use]
    pub fn ports(&self, domain: DomainId) -> Vec<PortNumber> {
        let host = self.host.borrow();
        let own = host.ports.keys().filter(|key| key.0 == domain.0);
        own.map(|key| PortNumber(key.1)).collect()
    }

    /// How many xenstore watches `domain` holds.
    #[must_use]
    pub fn watches(&self, domain: DomainId) -> usize {
        self.tree.borrow().watches.count(domain)
    }

    /// Lets `domain` map no more than `limit` pages.
    pub fn limit_mappings(&self, domain: DomainId, limit: usize) {
        self.host.borrow_mut().window_limit.insert(domain.0, limit);
    }

    /// Lets `domain` make no node once it owns `limit`; domain 0 may give it more all the same.
    pub fn limit_nodes(&self, domain: DomainId, limit: usize) {
        self.tree.borrow_mut().node_limits.insert(domain, limit);
    }

    /// How many nodes `domain` owns.
    #[must_use]
    pub fn nodes(&self, domain: DomainId) -> usize {
        self.tree.borrow().owned_by(domain)
    }

    /// How many grants ended while the other side still had the page mapped: a frontend that does
    /// this leaks the page in real life.
    #[must_use]
    pub fn grants_ended_while_mapped(&self) -> usize {
        self.host.borrow().ended_while_mapped
    }
}

/// A page seen from outside both ends.
#[derive(Clone)]
pub struct FrameView(Rc<Frame>);

impl FrameView {
    /// A copy of the bytes.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        self.0.bytes.borrow().clone()
    }

    /// Overwrites bytes from `offset`.
    ///
    /// # Panics
    /// When the range does not lie inside the page.
    pub fn poke(&self, offset: usize, bytes: &[u8]) {
        self.0.copy_in(offset, bytes).expect("a range inside the page");
    }

    /// Calls `change` after each read with offset, length and the page's bytes, which it may
    /// change: what a peer on another processor can do between two looks.
    pub fn after_each_read(&self, change: impl FnMut(usize, usize, &mut [u8]) + 'static) {
        *self.0.tamper.borrow_mut() = Some(Box::new(change));
    }

    /// How often each byte was read since [`forget_reads`](Self::forget_reads).
    #[must_use]
    pub fn reads(&self) -> Vec<u32> {
        self.0.reads.borrow().clone()
    }

    /// Starts counting reads anew.
    pub fn forget_reads(&self) {
        self.0.reads.borrow_mut().fill(0);
    }
}

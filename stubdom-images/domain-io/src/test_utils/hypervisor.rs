//! What Xen keeps: who granted which page to whom, and which ports are joined.

use super::page::Frame;
use crate::sharing::{DomainId, SharingError};
use alloc::collections::BTreeMap;
use alloc::rc::Rc;
use core::cell::RefCell;

/// The granting domain and the reference.
pub(super) type GrantKey = (u16, u32);
/// The owning domain and the port.
pub(super) type PortKey = (u16, u32);
pub(super) type Shared = Rc<RefCell<Hypervisor>>;

/// Status codes of Xen public/grant_table.h.
const GENERAL_ERROR: i16 = -1;
const BAD_GNTREF: i16 = -3;
/// `-EINVAL`, what Xen answers to a bind that does not fit (common/event_channel.c).
const EINVAL: i32 = -22;

pub(super) struct Grant {
    pub(super) peer: DomainId,
    pub(super) frame: Rc<Frame>,
    pub(super) mapped: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Wiring {
    Unbound { peer: DomainId },
    Joined { other: PortKey },
}

pub(super) struct Port {
    pub(super) wiring: Wiring,
    pub(super) pending: bool,
}

#[derive(Default)]
pub(super) struct Hypervisor {
    pub(super) grants: BTreeMap<GrantKey, Grant>,
    pub(super) ports: BTreeMap<PortKey, Port>,
    next: BTreeMap<u16, u32>,
    /// How many mappings each domain holds.
    pub(super) windows: BTreeMap<u16, usize>,
    /// How many mappings a domain may hold; no entry means no limit.
    pub(super) window_limit: BTreeMap<u16, usize>,
    /// Grants that ended while the other side still had them mapped.
    pub(super) ended_while_mapped: usize,
    /// Who has a page mapped, also after its grant ended, and how many times.
    mappers: BTreeMap<GrantKey, (u16, usize)>,
}

impl Hypervisor {
    /// References and ports count up from 8 per domain, as grant references 0 to 7 are reserved.
    fn fresh(&mut self, domain: DomainId) -> u32 {
        let next = self.next.entry(domain.0).or_insert(8);
        *next += 1;
        *next - 1
    }

    pub(super) fn grant(&mut self, owner: DomainId, peer: DomainId) -> (GrantKey, Rc<Frame>) {
        let key = (owner.0, self.fresh(owner));
        let frame = Frame::zeroed();
        self.grants.insert(key, Grant { peer, frame: Rc::clone(&frame), mapped: 0 });
        (key, frame)
    }

    pub(super) fn map(&mut self, by: DomainId, key: GrantKey) -> Result<Rc<Frame>, SharingError> {
        let held = self.windows.get(&by.0).copied().unwrap_or(0);
        if self.window_limit.get(&by.0).is_some_and(|limit| held >= *limit) {
            return Err(SharingError::Exhausted);
        }
        let grant = self.grants.get_mut(&key).ok_or(SharingError::Map(BAD_GNTREF))?;
        if grant.peer != by {
            return Err(SharingError::Map(GENERAL_ERROR));
        }
        grant.mapped += 1;
        self.windows.insert(by.0, held + 1);
        self.mappers.entry(key).or_insert((by.0, 0)).1 += 1;
        Ok(Rc::clone(&grant.frame))
    }

    pub(super) fn unmap(&mut self, key: GrantKey) {
        if let Some((by, times)) = self.mappers.get_mut(&key) {
            *times -= 1;
            if let Some(held) = self.windows.get_mut(by) {
                *held = held.saturating_sub(1);
            }
            if *times == 0 {
                self.mappers.remove(&key);
            }
        }
        if let Some(grant) = self.grants.get_mut(&key) {
            grant.mapped = grant.mapped.saturating_sub(1);
        }
    }

    pub(super) fn end_grant(&mut self, key: GrantKey) {
        if self.grants.remove(&key).is_some_and(|grant| grant.mapped > 0) {
            self.ended_while_mapped += 1;
        }
    }

    pub(super) fn allocate_port(&mut self, owner: DomainId, peer: DomainId) -> PortKey {
        let key = (owner.0, self.fresh(owner));
        self.ports.insert(key, Port { wiring: Wiring::Unbound { peer }, pending: false });
        key
    }

    /// Xen raises the new local port once on bind (common/event_channel.c), so that nothing sent
    /// before is lost.
    pub(super) fn bind(&mut self, by: DomainId, remote: PortKey) -> Result<PortKey, SharingError> {
        let wanted = Wiring::Unbound { peer: by };
        if self.ports.get(&remote).is_none_or(|port| port.wiring != wanted) {
            return Err(SharingError::Port(EINVAL));
        }
        let local = (by.0, self.fresh(by));
        self.ports.insert(local, Port { wiring: Wiring::Joined { other: remote }, pending: true });
        if let Some(port) = self.ports.get_mut(&remote) {
            port.wiring = Wiring::Joined { other: local };
        }
        Ok(local)
    }

    /// A send on a port that nobody is bound to is dropped without an error, as Xen does.
    pub(super) fn notify(&mut self, from: PortKey) -> Result<(), SharingError> {
        let port = self.ports.get(&from).ok_or(SharingError::Port(EINVAL))?;
        if let Wiring::Joined { other } = port.wiring
            && let Some(peer) = self.ports.get_mut(&other)
        {
            peer.pending = true;
        }
        Ok(())
    }

    pub(super) fn take_pending(&mut self, key: PortKey) -> bool {
        self.ports.get_mut(&key).is_some_and(|port| core::mem::take(&mut port.pending))
    }

    pub(super) fn close(&mut self, key: PortKey) {
        let Some(port) = self.ports.remove(&key) else { return };
        if let Wiring::Joined { other } = port.wiring
            && let Some(peer) = self.ports.get_mut(&other)
        {
            peer.wiring = Wiring::Unbound { peer: DomainId(key.0) };
        }
    }

    /// Ends a domain: its ports close and its grants end. Pages others have mapped stay readable.
    pub(super) fn destroy(&mut self, domain: DomainId) {
        let ports: alloc::vec::Vec<_> =
            self.ports.keys().filter(|key| key.0 == domain.0).copied().collect();
        for key in ports {
            self.close(key);
        }
        self.grants.retain(|key, _| key.0 != domain.0);
    }
}

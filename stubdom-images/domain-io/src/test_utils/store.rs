//! A domain's connection to the xenstore in memory.

use super::permissions::Permissions;
use super::tree::{Tree, refused};
use crate::sharing::DomainId;
use crate::store::{StoreError, WatchEvent, Xenstore};
use alloc::borrow::ToOwned;
use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec::Vec;
use core::cell::RefCell;
use core::time::Duration;

/// One domain's connection. Sees and changes only what the nodes' permissions allow it.
pub struct FakeStore {
    pub(super) tree: Rc<RefCell<Tree>>,
    pub(super) domain: DomainId,
    pub(super) connection: usize,
    /// When set, every request fails with this instead.
    pub failure: Option<StoreError>,
    /// Requests made so far.
    pub requests: usize,
}

impl FakeStore {
    /// Changes a node's permissions, as its owner or domain 0 may.
    ///
    /// # Errors
    /// `EACCES` for everybody else, `ENOENT` without such a node.
    pub fn set_permissions(&mut self, path: &str, to: Permissions) -> Result<(), StoreError> {
        let path = self.request(path)?;
        let mut tree = self.tree.borrow_mut();
        let owner = tree.read(DomainId(0), &path)?.permissions.owner;
        if self.domain != DomainId(0) && self.domain != owner {
            return Err(refused("EACCES"));
        }
        tree.set_permissions(&path, to);
        Ok(())
    }

    fn request(&mut self, path: &str) -> Result<String, StoreError> {
        self.requests += 1;
        if let Some(failure) = &self.failure {
            return Err(failure.clone());
        }
        if path.starts_with('/') {
            return Ok(path.to_owned());
        }
        Ok(alloc::format!("/local/domain/{}/{path}", self.domain))
    }
}

impl Drop for FakeStore {
    fn drop(&mut self) {
        self.tree.borrow_mut().watches.drop_connection(self.connection);
    }
}

impl Xenstore for FakeStore {
    fn read(&mut self, path: &str) -> Result<String, StoreError> {
        let path = self.request(path)?;
        Ok(self.tree.borrow().read(self.domain, &path)?.value.clone())
    }

    fn write(&mut self, path: &str, value: &str) -> Result<(), StoreError> {
        let path = self.request(path)?;
        self.tree.borrow_mut().write(self.domain, &path, value)
    }

    fn remove(&mut self, path: &str) -> Result<(), StoreError> {
        let path = self.request(path)?;
        self.tree.borrow_mut().remove(self.domain, &path)
    }

    fn list(&mut self, path: &str) -> Result<Vec<String>, StoreError> {
        let path = self.request(path)?;
        let tree = self.tree.borrow();
        tree.read(self.domain, &path)?;
        Ok(tree.children(&path))
    }

    fn watch(&mut self, path: &str, token: &str) -> Result<(), StoreError> {
        let absolute = self.request(path)?;
        let mut tree = self.tree.borrow_mut();
        let set = tree.watches.set(self.connection, self.domain, (path, &absolute), token);
        set.map_err(refused)
    }

    fn unwatch(&mut self, path: &str, token: &str) -> Result<(), StoreError> {
        self.request(path)?;
        let known = self.tree.borrow_mut().watches.unset(self.connection, path, token);
        if known { Ok(()) } else { Err(refused("ENOENT")) }
    }

    fn is_introduced(&mut self, domain: DomainId) -> Result<bool, StoreError> {
        let home = self.request(&alloc::format!("/local/domain/{domain}"))?;
        Ok(self.tree.borrow().read(DomainId(0), &home).is_ok())
    }

    fn answers_within(&mut self, limit: Duration) -> bool {
        let _ = limit;
        self.failure != Some(StoreError::NoAnswer)
    }

    fn next_event(&mut self) -> Option<WatchEvent> {
        self.tree.borrow_mut().watches.next(self.connection)
    }
}

//! The nodes of a xenstore and the rules of reading and changing them.

use super::permissions::Permissions;
use super::watches::Watches;
use crate::sharing::DomainId;
use crate::store::StoreError;
use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

pub(super) struct Node {
    pub(super) value: String,
    pub(super) permissions: Permissions,
}

/// Nodes by absolute path, and the watches over them.
pub(super) struct Tree {
    pub(super) nodes: BTreeMap<String, Node>,
    pub(super) watches: Watches,
    /// How many nodes a domain may own, where that is limited.
    pub(super) node_limits: BTreeMap<DomainId, usize>,
}

pub(super) fn refused(word: &str) -> StoreError {
    StoreError::Refused(word.to_owned())
}

pub(super) fn parent(path: &str) -> Option<&str> {
    match path.rfind('/')? {
        0 if path.len() > 1 => Some("/"),
        0 => None,
        cut => Some(&path[..cut]),
    }
}

impl Tree {
    pub(super) fn new() -> Self {
        let root = Node { value: String::new(), permissions: Permissions::owned(DomainId(0)) };
        let nodes = BTreeMap::from([("/".to_owned(), root)]);
        Self { nodes, watches: Watches::default(), node_limits: BTreeMap::new() }
    }

    /// The permissions that decide about `path`: its own, or those of the nearest node above.
    fn deciding(&self, path: &str) -> Permissions {
        let mut path = Some(path);
        while let Some(here) = path {
            if let Some(node) = self.nodes.get(here) {
                return node.permissions.clone();
            }
            path = parent(here);
        }
        Permissions::owned(DomainId(0))
    }

    /// A missing node below a directory that the asker may not read is reported as `EACCES`, not
    /// `ENOENT` (xenstored, `errno_from_parents`).
    pub(super) fn read(&self, by: DomainId, path: &str) -> Result<&Node, StoreError> {
        if !self.deciding(path).of(by).reads() {
            return Err(refused("EACCES"));
        }
        self.nodes.get(path).ok_or_else(|| refused("ENOENT"))
    }

    pub(super) fn write(
        &mut self,
        by: DomainId,
        path: &str,
        value: &str,
    ) -> Result<(), StoreError> {
        if !self.deciding(path).of(by).writes() {
            return Err(refused("EACCES"));
        }
        if let Some(node) = self.nodes.get_mut(path) {
            value.clone_into(&mut node.value);
        } else if self.node_limits.get(&by).is_some_and(|limit| self.owned_by(by) >= *limit) {
            return Err(refused("ENOSPC"));
        } else {
            self.create(by, path, value);
        }
        self.changed(path);
        Ok(())
    }

    pub(super) fn owned_by(&self, domain: DomainId) -> usize {
        self.nodes.values().filter(|node| node.permissions.owner == domain).count()
    }

    /// New nodes take their parent's permissions; an ordinary domain owns what it creates.
    fn create(&mut self, by: DomainId, path: &str, value: &str) {
        let above = parent(path).unwrap_or("/").to_owned();
        if !self.nodes.contains_key(&above) {
            self.create(by, &above, "");
        }
        let mut permissions = self.deciding(&above);
        if by != DomainId(0) {
            permissions.owner = by;
        }
        self.nodes.insert(path.to_owned(), Node { value: value.to_owned(), permissions });
    }

    /// Removing needs the right to write the node itself; the parent's permissions do not matter.
    pub(super) fn remove(&mut self, by: DomainId, path: &str) -> Result<(), StoreError> {
        if !self.deciding(path).of(by).writes() {
            return Err(refused("EACCES"));
        }
        if !self.nodes.contains_key(path) {
            return Err(refused("ENOENT"));
        }
        for below in self.below(path) {
            let permissions = self.readers(&below);
            self.nodes.remove(&below);
            self.watches.fire(&below, &permissions, true);
        }
        let permissions = self.readers(path);
        self.nodes.remove(path);
        self.watches.fire(path, &permissions, false);
        Ok(())
    }

    pub(super) fn set_permissions(&mut self, path: &str, permissions: Permissions) {
        let mut readers = self.readers(path);
        if let Some(node) = self.nodes.get_mut(path) {
            readers.push(permissions.clone());
            node.permissions = permissions;
        }
        self.watches.fire(path, &readers, false);
    }

    pub(super) fn children(&self, path: &str) -> Vec<String> {
        let prefix = prefix(path);
        let names = self.below(path);
        let direct = names.iter().filter_map(|name| name.strip_prefix(prefix.as_str()));
        direct.filter(|name| !name.contains('/')).map(ToOwned::to_owned).collect()
    }

    fn below(&self, path: &str) -> Vec<String> {
        let prefix = prefix(path);
        let rest = self.nodes.range(prefix.clone()..);
        let inside = rest.take_while(|(name, _)| name.starts_with(&prefix));
        inside.map(|(name, _)| name.clone()).filter(|name| name != "/").collect()
    }

    fn changed(&mut self, path: &str) {
        let readers = self.readers(path);
        self.watches.fire(path, &readers, false);
    }

    /// An event is shown to whoever may read the node or its parent (xenstored,
    /// `watch_permitted`).
    fn readers(&self, path: &str) -> Vec<Permissions> {
        let here = self.nodes.get(path);
        let above = parent(path).and_then(|above| self.nodes.get(above));
        here.into_iter().chain(above).map(|node| node.permissions.clone()).collect()
    }
}

fn prefix(path: &str) -> String {
    if path == "/" { path.to_owned() } else { alloc::format!("{path}/") }
}

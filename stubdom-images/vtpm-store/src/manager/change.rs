//! The pages that one commit writes before its root.

use super::error::StoreError;
use super::leaf::Leaf;
use super::pages::{self, BODY_BYTES, Keys, Kind, Place};
use super::pointer::{self, POINTER_BYTES, Pointer};
use super::record_bytes::{Raw, uuid_of};
use super::space::Space;
use crate::Uuid;
use alloc::vec::Vec;
use domain_io::{BlockDevice, Entropy};

/// Leaves that fit into a branch.
pub(super) const MOST_LEAVES: usize = (BODY_BYTES - 2) / POINTER_BYTES;

/// New contents for one record; `None` removes it.
pub(super) type Edit = (Uuid, Option<Raw>);

/// A commit on its way: the pages it took, and those it frees once it is durable.
pub(super) struct Work<'a> {
    pub(super) disk: &'a mut dyn BlockDevice,
    pub(super) keys: &'a Keys,
    pub(super) entropy: &'a mut dyn Entropy,
    pub(super) space: &'a mut Space,
    pub(super) sequence: u64,
    pub(super) tally: &'a mut Tally,
}

/// What a commit did so far.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) taken: Vec<u32>,
    pub(super) freed: Vec<u32>,
    pub(super) records_before: u64,
    pub(super) records_after: u64,
}

impl Work<'_> {
    fn write(&mut self, kind: Kind, first: Uuid, body: &[u8]) -> Result<Pointer, StoreError> {
        let page = self.space.take_any().ok_or(StoreError::Full)?;
        self.tally.taken.push(page);
        let place = Place { page, born: self.sequence };
        let tag = pages::write(self.disk, self.keys, self.entropy, (kind, place), body)
            .inspect_err(|_| self.space.turn_back())?;
        Ok(Pointer { first, place, tag })
    }

    fn replaces(&mut self, old: Option<&Pointer>) {
        self.tally.freed.extend(old.map(|old| old.place.page));
    }

    /// Writes what becomes of one leaf: none, one or several leaves.
    pub(super) fn leaf(
        &mut self,
        old: Option<&Pointer>,
        mut leaf: Leaf,
        edits: Vec<Edit>,
        is_last: bool,
    ) -> Result<Vec<Pointer>, StoreError> {
        self.tally.records_before += leaf.0.len() as u64;
        for (uuid, edit) in edits {
            match edit {
                Some(raw) => leaf.put(raw),
                None => leaf.remove(uuid),
            }
        }
        self.tally.records_after += leaf.0.len() as u64;
        self.replaces(old);
        let mut bound = old.map(|old| old.first);
        let mut written = Vec::new();
        for leaf in leaf.split(is_last) {
            let first = leaf.0.first().map(|raw| uuid_of(raw)).unwrap_or_default();
            let first = bound.take().map_or(first, |bound| bound.min(first));
            written.push(self.write(Kind::Leaf, first, &leaf.encode())?);
        }
        Ok(written)
    }

    /// Writes what becomes of one branch: none, one or several branches, each with its leaves.
    pub(super) fn branch(
        &mut self,
        old: Option<&Pointer>,
        leaves: &[Pointer],
        is_last: bool,
    ) -> Result<Vec<(Pointer, Vec<Pointer>)>, StoreError> {
        self.replaces(old);
        let pages = leaves.len().div_ceil(MOST_LEAVES).max(1);
        let size = if is_last { MOST_LEAVES } else { leaves.len().div_ceil(pages).max(1) };
        let mut bound = old.map(|old| old.first);
        let mut written = Vec::new();
        for leaves in leaves.chunks(size) {
            let first = leaves[0].first;
            let first = bound.take().map_or(first, |bound| bound.min(first));
            let mut body = Vec::with_capacity(BODY_BYTES);
            pointer::encode(leaves, &mut body);
            written.push((self.write(Kind::Branch, first, &body)?, leaves.to_vec()));
        }
        Ok(written)
    }
}

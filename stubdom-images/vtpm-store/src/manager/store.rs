//! An open store.

use super::error::{Damage, StoreError};
use super::layout::usable_pages;
use super::leaf::Leaf;
use super::pages::{self, Keys, Kind};
use super::pointer::{Pointer, leading_to};
use super::record::Record;
use super::record_bytes;
use super::root::{Fields, Root};
use super::sealed::{self, SealedSecret};
use super::space::Space;
use crate::Uuid;
use alloc::vec::Vec;
use domain_io::{BlockDevice, BlockError, Entropy};

/// The leaves of one branch, or `None` when the branch is damaged.
pub(super) type Leaves = Option<Vec<Pointer>>;

/// An open store. In memory it keeps the pointers to all leaves and one bit per page; records are
/// read when they are asked for.
pub struct Store<D> {
    pub(super) disk: D,
    pub(super) keys: Keys,
    pub(super) root: Root,
    /// Which of the two roots is the live one.
    pub(super) slot: usize,
    /// The highest sequence ever seen here.
    pub(super) newest: u64,
    /// For each pointer in the root, what that branch holds.
    pub(super) branches: Vec<Leaves>,
    pub(super) space: Space,
    pub(super) sealed_sequence: u64,
    pub(super) must_reopen: bool,
}

/// What reading the whole store found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Records that are whole, of every kind.
    pub records: u64,
    /// What is damaged.
    pub damaged: Vec<Damage>,
}

impl<D: BlockDevice> Store<D> {
    /// The manager's own numbers as of the last commit.
    pub const fn fields(&self) -> Fields {
        self.root.fields
    }

    /// The random name that the store was given when it was made.
    pub const fn id(&self) -> [u8; 16] {
        self.keys.store_id
    }

    /// The number of the last commit.
    pub const fn sequence(&self) -> u64 {
        self.root.sequence
    }

    /// How many records there are.
    pub const fn records(&self) -> u64 {
        self.root.records
    }

    /// How many pages are free.
    pub const fn free_pages(&self) -> u32 {
        self.space.free()
    }

    /// Whether an earlier write failed in a way that leaves unknown what the disk holds.
    pub const fn must_reopen(&self) -> bool {
        self.must_reopen
    }

    /// The disk, to ask it about itself.
    pub const fn disk(&self) -> &D {
        &self.disk
    }

    /// The disk, once the store is not needed any more.
    pub fn into_disk(self) -> D {
        self.disk
    }

    /// The record of one vTPM; `None` when the store never had one, and never because of damage.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when the record may have been in a damaged page; the disk's errors.
    pub fn get(&mut self, uuid: Uuid) -> Result<Option<Record>, StoreError> {
        let branch = leading_to(self.root.branches.iter().map(|p| p.first), uuid);
        let leaf = match self.branches.get(branch) {
            None => return Ok(None),
            Some(None) => return Err(self.branch_damage(branch)),
            Some(Some(leaves)) => leading_to(leaves.iter().map(|p| p.first), uuid),
        };
        let Some(found) = self.leaf(branch, leaf)?.get(uuid).map(|raw| record_bytes::decode(raw))
        else {
            return Ok(None);
        };
        found.ok_or_else(|| self.leaf_damage(branch, leaf))
    }

    /// Up to `most` vTPMs whose uuids come after `after`, in the order of their uuids.
    ///
    /// # Errors
    /// As [`get`](Self::get), for every page on the way.
    pub fn list(&mut self, after: Option<Uuid>, most: usize) -> Result<Vec<Record>, StoreError> {
        let mut found = Vec::new();
        let start = after.unwrap_or_default();
        let first_branch = leading_to(self.root.branches.iter().map(|p| p.first), start);
        for branch in first_branch..self.branches.len() {
            let Some(leaves) = &self.branches[branch] else {
                return Err(self.branch_damage(branch));
            };
            for leaf in leading_to(leaves.iter().map(|p| p.first), start)..leaves.len() {
                for raw in &self.leaf(branch, leaf)?.0 {
                    let whole = record_bytes::decode(raw);
                    let record = whole.ok_or_else(|| self.leaf_damage(branch, leaf))?;
                    found.extend(record.filter(|record| after.is_none_or(|u| record.uuid > u)));
                    if found.len() >= most {
                        found.truncate(most);
                        return Ok(found);
                    }
                }
            }
        }
        Ok(found)
    }

    /// Reads every page, for a check of the whole store.
    ///
    /// # Errors
    /// The disk's; damage is part of the verdict.
    pub fn verify(&mut self) -> Result<Verdict, StoreError> {
        let mut verdict = Verdict { records: 0, damaged: Vec::new() };
        for branch in 0..self.branches.len() {
            let Some(leaves) = self.branches[branch].as_ref().map(Vec::len) else {
                verdict.damaged.extend(damage_of(self.branch_damage(branch)));
                continue;
            };
            for leaf in 0..leaves {
                match self.leaf(branch, leaf) {
                    Ok(whole) => verdict.records += whole.0.len() as u64,
                    Err(StoreError::Damaged(what)) => verdict.damaged.push(what),
                    Err(other) => return Err(other),
                }
            }
        }
        Ok(verdict)
    }

    /// Replaces the sealed secret in both copies, one after the other, each with its flush: at any
    /// moment at least one copy is whole. Afterwards the older sealed secret is on no copy.
    ///
    /// # Errors
    /// The disk's; [`StoreError::SealedTooLong`].
    pub fn replace_sealed(&mut self, sealed: &SealedSecret) -> Result<(), StoreError> {
        let sequence = self.sealed_sequence + 1;
        for copy in [0, 1] {
            sealed::write(&mut self.disk, copy, sealed, sequence)?;
            self.sealed_sequence = sequence;
            self.disk.flush()?;
        }
        Ok(())
    }

    /// Takes all of a disk that has become larger into use, with one commit.
    /// Returns the number of pages in use then.
    ///
    /// # Errors
    /// As [`commit`](Self::commit).
    pub fn grow(&mut self, entropy: &mut dyn Entropy) -> Result<u32, StoreError> {
        let pages = usable_pages(self.disk.sectors());
        if pages > self.root.pages {
            self.space.grow(pages);
            self.commit(entropy, &[], self.root.fields)?;
        }
        Ok(self.root.pages)
    }

    pub(super) fn leaf(&mut self, branch: usize, leaf: usize) -> Result<Leaf, StoreError> {
        let pointer = self.branches.get(branch).and_then(|leaves| leaves.as_ref()?.get(leaf));
        let Some(pointer) = pointer.copied() else { return Ok(Leaf(Vec::new())) };
        let what = (Kind::Leaf, pointer.place);
        let body = match pages::read(&mut self.disk, &self.keys, what, &pointer.tag) {
            Err(BlockError::Failed) => None,
            other => other?,
        };
        body.and_then(|body| Leaf::decode(&body)).ok_or_else(|| self.leaf_damage(branch, leaf))
    }

    pub(super) fn branch_damage(&self, branch: usize) -> StoreError {
        let pointers = &self.root.branches;
        range(&pointers[branch], pointers.get(branch + 1))
    }

    fn leaf_damage(&self, branch: usize, leaf: usize) -> StoreError {
        let leaves = self.branches[branch].as_deref().unwrap_or_default();
        let next = leaves.get(leaf + 1).or_else(|| self.root.branches.get(branch + 1));
        range(&leaves[leaf], next)
    }
}

fn damage_of(error: StoreError) -> Option<Damage> {
    if let StoreError::Damaged(what) = error { Some(what) } else { None }
}

/// The damage of the page behind `pointer`, when `next` is the first that is not under it.
pub(super) fn range(pointer: &Pointer, next: Option<&Pointer>) -> StoreError {
    let (page, from) = (pointer.place.page, pointer.first);
    StoreError::Damaged(Damage::Records { page, from, before: next.map(|next| next.first) })
}

//! One commit: any number of records and the manager's numbers, all or nothing.

use super::change::{Edit, Tally, Work};
use super::error::StoreError;
use super::layout::RESERVED_PAGES;
use super::pointer::{Pointer, leading_to};
use super::record::Record;
use super::record_bytes::{self, Raw};
use super::root::{Fields, MOST_BRANCHES, Root};
use super::store::Store;
use crate::Uuid;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use domain_io::{BlockDevice, Entropy};

/// One change of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Adds the record, or replaces the one with this uuid.
    Put(Box<Record>),
    /// Removes the record with this uuid, if there is one.
    Remove(Uuid),
}

/// What a commit did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Committed {
    /// Its number.
    pub sequence: u64,
    /// Pages written, the root included; there was one flush.
    pub pages_written: usize,
}

/// The branches that a commit replaces: where, and by what.
pub(super) type Replaced = Vec<(usize, Vec<(Pointer, Vec<Pointer>)>)>;

impl<D: BlockDevice> Store<D> {
    /// Writes all changes and numbers and flushes once; on success all of it is durable, and no cut
    /// of power ever shows a part of it. When two changes name one uuid the later one counts.
    ///
    /// Without changes only the root is written: that is how the counter is advanced.
    ///
    /// # Errors
    /// [`StoreError::Full`], [`StoreError::TooMany`], [`StoreError::RecordTooLong`] and [`StoreError::Damaged`] leave the
    /// store as it was, and so does a page that could not be written, for which the next commit takes
    /// another. After an error of the disk while the root was written it is unknown whether the commit
    /// will be found at the next start; until then every commit is [`StoreError::MustReopen`].
    pub fn commit(
        &mut self,
        entropy: &mut dyn Entropy,
        changes: &[Change],
        fields: Fields,
    ) -> Result<Committed, StoreError> {
        if self.must_reopen {
            return Err(StoreError::MustReopen);
        }
        let edits = edits(changes)?;
        let mut tally = Tally::default();
        let written = self.write_tree(entropy, &mut tally, edits);
        self.finish(entropy, tally, written, fields)
    }

    /// Writes the root over what [`write_tree`](Self::write_tree) wrote, flushes, and goes over to it.
    pub(super) fn finish(
        &mut self,
        entropy: &mut dyn Entropy,
        tally: Tally,
        written: Result<Replaced, StoreError>,
        fields: Fields,
    ) -> Result<Committed, StoreError> {
        let prepared =
            written.and_then(|replaced| Ok((self.next_root(&replaced, &tally, fields)?, replaced)));
        let (root, replaced) = match prepared {
            Ok(prepared) => prepared,
            Err(why) => {
                tally.taken.iter().for_each(|page| self.space.give_back(*page));
                return Err(why);
            }
        };
        // From here on the disk may hold the new root whatever it answers.
        self.must_reopen = true;
        let (slot, sequence) = (1 - self.slot, root.sequence);
        root.write(&mut self.disk, &self.keys, entropy, slot)?;
        self.disk.flush()?;
        self.must_reopen = false;
        self.space.go_on();
        (self.root, self.slot, self.newest) = (root, slot, sequence);
        self.take_over(replaced);
        // Only now: until the flush the older root was the one to fall back to.
        tally.freed.iter().for_each(|page| self.space.give_back(*page));
        Ok(Committed { sequence, pages_written: tally.taken.len() + 1 })
    }

    /// Writes the changed leaves and their branches into free pages.
    fn write_tree(
        &mut self,
        entropy: &mut dyn Entropy,
        tally: &mut Tally,
        edits: BTreeMap<Uuid, Option<Raw>>,
    ) -> Result<Replaced, StoreError> {
        let mut replaced = Replaced::new();
        let mut edits = edits.into_iter().peekable();
        while let Some((uuid, _)) = edits.peek() {
            let branch = leading_to(self.root.branches.iter().map(|p| p.first), *uuid);
            let end = self.root.branches.get(branch + 1).map(|p| p.first);
            let mine = core::iter::from_fn(|| edits.next_if(|(uuid, _)| before(*uuid, end)));
            let mine: Vec<Edit> = mine.collect();
            let leaves = self.write_leaves(entropy, tally, branch, mine)?;
            let (is_last, old) = (end.is_none(), self.root.branches.get(branch).copied());
            let written = self.work(entropy, tally).branch(old.as_ref(), &leaves, is_last)?;
            replaced.push((branch, written));
        }
        Ok(replaced)
    }

    /// Writes the changed leaves of one branch; returns all its leaves then.
    fn write_leaves(
        &mut self,
        entropy: &mut dyn Entropy,
        tally: &mut Tally,
        branch: usize,
        edits: Vec<Edit>,
    ) -> Result<Vec<Pointer>, StoreError> {
        let old = match self.branches.get(branch) {
            None => Vec::new(),
            Some(None) => return Err(self.branch_damage(branch)),
            Some(Some(leaves)) => leaves.clone(),
        };
        let is_last_branch = branch + 1 >= self.root.branches.len();
        let mut leaves = Vec::with_capacity(old.len() + 1);
        let (mut edits, mut copied) = (edits.into_iter().peekable(), 0);
        while let Some((uuid, _)) = edits.peek() {
            let at = leading_to(old.iter().map(|p| p.first), *uuid);
            let end = old.get(at + 1).map(|p| p.first);
            let mine = core::iter::from_fn(|| edits.next_if(|(uuid, _)| before(*uuid, end)));
            let mine: Vec<Edit> = mine.collect();
            let leaf = self.leaf(branch, at)?;
            leaves.extend_from_slice(old.get(copied..at).unwrap_or_default());
            copied = at + 1;
            let is_last = is_last_branch && end.is_none();
            leaves.extend(self.work(entropy, tally).leaf(old.get(at), leaf, mine, is_last)?);
        }
        leaves.extend_from_slice(old.get(copied..).unwrap_or_default());
        Ok(leaves)
    }

    pub(super) fn work<'a>(
        &'a mut self,
        entropy: &'a mut dyn Entropy,
        tally: &'a mut Tally,
    ) -> Work<'a> {
        let (disk, keys, space) = (&mut self.disk, &self.keys, &mut self.space);
        Work { disk, keys, entropy, space, sequence: self.newest + 1, tally }
    }

    fn next_root(
        &self,
        replaced: &Replaced,
        tally: &Tally,
        fields: Fields,
    ) -> Result<Root, StoreError> {
        let mut branches = self.root.branches.clone();
        for (at, new) in replaced.iter().rev() {
            branches.splice(one(*at, branches.len()), new.iter().map(|(pointer, _)| *pointer));
        }
        let free = self.space.free() as usize + tally.freed.len();
        let adds = tally.records_after > tally.records_before;
        if branches.len() > MOST_BRANCHES {
            return Err(StoreError::TooMany);
        }
        if adds && free < RESERVED_PAGES as usize {
            return Err(StoreError::Full);
        }
        let records = self.root.records + tally.records_after - tally.records_before;
        let (sequence, pages) = (self.newest + 1, self.space.pages());
        Ok(Root { sequence, records, pages, fields, branches })
    }

    fn take_over(&mut self, replaced: Replaced) {
        for (at, new) in replaced.into_iter().rev() {
            let range = one(at, self.branches.len());
            self.branches.splice(range, new.into_iter().map(|(_, leaves)| Some(leaves)));
        }
    }
}

/// The one element at `at`, or nothing in an empty tree.
fn one(at: usize, length: usize) -> core::ops::Range<usize> {
    at..length.min(at + 1)
}

fn before(uuid: Uuid, end: Option<Uuid>) -> bool {
    end.is_none_or(|end| uuid < end)
}

fn edits(changes: &[Change]) -> Result<BTreeMap<Uuid, Option<Raw>>, StoreError> {
    let edit = |change: &Change| match change {
        Change::Put(record) => Ok((record.uuid, Some(record_bytes::encode(record)?))),
        Change::Remove(uuid) => Ok((*uuid, None)),
    };
    changes.iter().map(edit).collect()
}

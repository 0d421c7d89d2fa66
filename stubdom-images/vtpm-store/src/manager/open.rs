//! Opening: what the disk holds, then, with the secret, the store.

use super::error::{Damage, StoreError};
use super::header;
use super::layout::{LEAST_SECTORS, PAGE_BYTES, PAGE_SECTORS, sector_of, usable_pages};
use super::pages::{self, Keys, Kind};
use super::pointer::{self, Pointer};
use super::root::{self, Root, Slot};
use super::sealed::{self, SealedSecret};
use super::space::Space;
use super::store::{Leaves, Store, range};
use crate::Secret;
use crate::bytes::{Reader, all_zero};
use alloc::vec;
use alloc::vec::Vec;
use domain_io::{BlockDevice, BlockError};

/// The sequence of the first sealed secret.
pub(super) const FIRST_SEALED: u64 = 1;

/// A disk without our mark counts as blank when its first pages, this many, are all zeros (4 MiB).
const BLANK_PAGES: u64 = 1024;

/// What may be missing from a store that is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accept {
    /// Nothing but single leaves: a damaged branch is an error.
    WholeStore,
    /// An administrator's word to go on without the records under a damaged branch. The pages of
    /// those records are used again.
    WhatIsLeft,
}

/// What is known about the last commit before a start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LastCommit {
    /// It is whole.
    #[default]
    Whole,
    /// It was cut short, or is damaged: the one before it is used.
    Incomplete,
    /// One of the two roots is cut short or damaged: the commit that is used is the last one or the
    /// one before it.
    OneRootLost,
}

/// What an administrator should hear about a store that was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StartNotes {
    /// Anything but [`LastCommit::Whole`] is harmless after a power cut, since no such commit was
    /// acknowledged; whoever compares the counter sees when it is not harmless.
    pub last_commit: LastCommit,
    /// Second copies that were damaged or older and were written again.
    pub mended_copies: u32,
    /// Second copies that are damaged and cannot be written: the disk is failing.
    pub lost_copies: u32,
    /// Damaged branches that were accepted.
    pub damaged: Vec<Damage>,
    /// The disk has become larger; [`Store::grow`] takes the rest into use.
    pub can_grow: bool,
}

/// A disk with a store on it that waits for its secret.
pub struct Opening<D> {
    disk: D,
    header: header::Found,
    sealed: sealed::Found,
}

impl<D: BlockDevice> Opening<D> {
    /// Reads what can be read without the secret.
    ///
    /// # Errors
    /// What the disk is instead of a store: [`StoreError::Blank`], [`StoreError::Unfinished`],
    /// [`StoreError::Foreign`], [`StoreError::NewerVersion`], [`StoreError::TooSmall`],
    /// [`StoreError::Damaged`]; the disk's.
    pub fn read(mut disk: D) -> Result<Self, StoreError> {
        let header = find_header(&mut disk)?;
        let sealed = sealed::find(&mut disk)?;
        Ok(Self { disk, header, sealed })
    }

    /// The sealed secret, to be unsealed by whoever can.
    pub const fn sealed(&self) -> &SealedSecret {
        &self.sealed.sealed
    }

    /// Opens the store with its secret.
    ///
    /// # Errors
    /// [`StoreError::WrongSecret`], [`StoreError::Damaged`], [`StoreError::TooSmall`]; the disk's.
    pub fn unlock(
        mut self,
        secret: &Secret,
        accept: Accept,
    ) -> Result<(Store<D>, StartNotes), StoreError> {
        let mut notes = StartNotes::default();
        if !self.disk.is_read_only() {
            // What an earlier life of this domain wrote without flushing may be readable here and
            // still be lost; nothing may be built on it before it is durable.
            self.disk.flush()?;
            self.mend(&mut notes)?;
        }
        let keys = Keys { secret: secret.clone(), store_id: self.header.header.store_id };
        let (slot, root, newest) = self.live_root(&keys, accept, &mut notes)?;
        let (needs, has) = (u64::from(root.pages) * PAGE_SECTORS, self.disk.sectors());
        if needs > has {
            return Err(StoreError::TooSmall { needs, has });
        }
        notes.can_grow = usable_pages(has) > root.pages;
        let mut space = Space::new(root.pages);
        let branches = self.branches(&keys, &root, &mut space, accept, &mut notes)?;
        let sealed_sequence = self.sealed.sequence;
        let Self { disk, .. } = self;
        let must_reopen = false;
        let store =
            Store { disk, keys, root, slot, newest, branches, space, sealed_sequence, must_reopen };
        Ok((store, notes))
    }

    /// Writes damaged or older second copies again; what cannot be written stays as it is.
    fn mend(&mut self, notes: &mut StartNotes) -> Result<(), StoreError> {
        let mut done = Vec::new();
        for copy in [0, 1] {
            if self.header.bad[copy] {
                done.push(self.header.header.write(&mut self.disk, copy).map_err(StoreError::Disk));
            }
            if self.sealed.bad[copy] {
                let sealed::Found { sealed, sequence, .. } = &self.sealed;
                done.push(sealed::write(&mut self.disk, copy, sealed, *sequence));
            }
        }
        for result in done {
            match result {
                Ok(()) => notes.mended_copies += 1,
                Err(StoreError::Disk(BlockError::Failed)) => notes.lost_copies += 1,
                Err(other) => return Err(other),
            }
        }
        if notes.mended_copies > 0 {
            self.disk.flush()?;
        }
        Ok(())
    }

    /// The newest root whose commit is complete, its slot, and the highest sequence seen.
    fn live_root(
        &mut self,
        keys: &Keys,
        accept: Accept,
        notes: &mut StartNotes,
    ) -> Result<(usize, Root, u64), StoreError> {
        let slots = [root::read(&mut self.disk, keys, 0)?, root::read(&mut self.disk, keys, 1)?];
        let other_secret = slots.iter().any(|slot| matches!(slot, Slot::OtherSecret));
        let mut good: Vec<_> = (0..).zip(slots).filter_map(|(at, slot)| slot.good(at)).collect();
        good.sort_by_key(|(_, root)| root.sequence);
        let newest = good.last().map_or(0, |(_, root)| root.sequence);
        match (good.pop(), good.pop()) {
            (None, _) if other_secret => Err(StoreError::WrongSecret),
            (None, _) => Err(StoreError::Damaged(Damage::Roots)),
            (Some((slot, root)), None) => {
                if !all_zero(&root::read_page(&mut self.disk, 1 - slot)?) {
                    notes.last_commit = LastCommit::OneRootLost;
                }
                Ok((slot, root, newest))
            }
            (Some(last), Some(before)) => {
                if self.is_complete(keys, &last.1, accept)? {
                    return Ok((last.0, last.1, newest));
                }
                notes.last_commit = LastCommit::Incomplete;
                Ok((before.0, before.1, newest))
            }
        }
    }

    /// Whether every page that this root's commit wrote is there. Of one that cannot be read that is not
    /// known, and not guessed; where damage is accepted it counts as a damaged page of this commit.
    fn is_complete(
        &mut self,
        keys: &Keys,
        root: &Root,
        accept: Accept,
    ) -> Result<bool, StoreError> {
        let new = |pointer: &&Pointer| pointer.place.born == root.sequence;
        let is_lost = |why| why == BlockError::Failed && accept == Accept::WhatIsLeft;
        for pointer in root.branches.iter().filter(new) {
            let leaves = match read_branch(&mut self.disk, keys, pointer) {
                Err(why) if is_lost(why) => continue,
                read => read?,
            };
            let Some(leaves) = leaves else { return Ok(false) };
            for leaf in leaves.iter().filter(new) {
                let what = (Kind::Leaf, leaf.place);
                if !is_on(&self.disk, leaf) {
                    return Ok(false);
                }
                match pages::read(&mut self.disk, keys, what, &leaf.tag) {
                    Ok(Some(_)) => {}
                    Ok(None) => return Ok(false),
                    Err(why) if is_lost(why) => {}
                    Err(why) => return Err(why.into()),
                }
            }
        }
        Ok(true)
    }

    fn branches(
        &mut self,
        keys: &Keys,
        root: &Root,
        space: &mut Space,
        accept: Accept,
        notes: &mut StartNotes,
    ) -> Result<Vec<Leaves>, StoreError> {
        let mut branches = Vec::with_capacity(root.branches.len());
        for (at, pointer) in root.branches.iter().enumerate() {
            let read = match read_branch(&mut self.disk, keys, pointer) {
                Err(BlockError::Failed) => None,
                read => read?,
            };
            let leaves = read
                .filter(|leaves| leaves.iter().all(|leaf| space.take(leaf.place.page)))
                .filter(|_| space.take(pointer.place.page));
            if leaves.is_none() {
                match (range(pointer, root.branches.get(at + 1)), accept) {
                    (StoreError::Damaged(what), Accept::WhatIsLeft) => notes.damaged.push(what),
                    (damage, _) => return Err(damage),
                }
            }
            branches.push(leaves);
        }
        Ok(branches)
    }
}

impl Slot {
    fn good(self, slot: usize) -> Option<(usize, Root)> {
        if let Self::Good(root) = self { Some((slot, root)) } else { None }
    }
}

fn is_on(disk: &dyn BlockDevice, pointer: &Pointer) -> bool {
    sector_of(pointer.place.page).saturating_add(PAGE_SECTORS) <= disk.sectors()
}

/// The leaves of a branch; `None` when its page is not the one that was written.
fn read_branch(
    disk: &mut dyn BlockDevice,
    keys: &Keys,
    pointer: &Pointer,
) -> Result<Option<Vec<Pointer>>, BlockError> {
    if !is_on(disk, pointer) {
        return Ok(None);
    }
    let body = pages::read(disk, keys, (Kind::Branch, pointer.place), &pointer.tag)?;
    Ok(body.and_then(|body| pointer::decode(&mut Reader::new(&body))))
}

/// The header of a store, or what the disk is instead.
pub(super) fn find_header(disk: &mut dyn BlockDevice) -> Result<header::Found, StoreError> {
    let has = disk.sectors();
    if has < LEAST_SECTORS {
        return Err(StoreError::TooSmall { needs: LEAST_SECTORS, has });
    }
    match header::find(disk)? {
        Some(found) if found.header.creating => Err(StoreError::Unfinished),
        Some(found) => Ok(found),
        None if is_blank(disk)? => Err(StoreError::Blank),
        None => Err(StoreError::Foreign),
    }
}

fn is_blank(disk: &mut dyn BlockDevice) -> Result<bool, BlockError> {
    let mut page = vec![0; PAGE_BYTES];
    for number in 0..BLANK_PAGES.min(disk.sectors() / PAGE_SECTORS) {
        disk.read(number * PAGE_SECTORS, &mut page)?;
        if !all_zero(&page) {
            return Ok(false);
        }
    }
    Ok(true)
}

//! A disk that keeps a trace of all writes and flushes, so that a test can cut the power at each of
//! them, afterwards, with any choice of unflushed writes lost.

use crate::disk::{BlockDevice, BlockError, SECTOR_BYTES};
use alloc::collections::BTreeMap;
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::RefCell;

#[cfg(test)]
mod tests;

type Sector = Rc<[u8; SECTOR_BYTES]>;
type Sectors = BTreeMap<u64, Sector>;

/// One thing that reached the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// One sector was written. A request of many sectors is as many steps: any of them may get
    /// through without the others.
    Write(u64, Sector),
    /// A flush returned.
    Flush,
}

/// What has happened to a [`TracedDisk`] so far; shared with the disk.
#[derive(Clone, Debug, Default)]
pub struct Trace(Rc<RefCell<Vec<Step>>>);

impl Trace {
    /// How many steps there were: the number of the place "now".
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.borrow().len()
    }

    /// Whether nothing happened yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The steps.
    #[must_use]
    pub fn steps(&self) -> Vec<Step> {
        self.0.borrow().clone()
    }

    /// How many flushes there were.
    #[must_use]
    pub fn flushes(&self) -> usize {
        self.0.borrow().iter().filter(|step| **step == Step::Flush).count()
    }

    /// How many bytes were written.
    #[must_use]
    pub fn bytes_written(&self) -> usize {
        (self.len() - self.flushes()) * SECTOR_BYTES
    }
}

/// A disk in memory that traces what is done to it and can be made to die after some steps.
///
/// Cheap to clone: clones share what they started from.
#[derive(Clone, Debug)]
pub struct TracedDisk {
    base: Rc<Vec<u8>>,
    /// What differed from `base` when the trace began.
    began: Sectors,
    /// What differs from `base` now.
    changed: Sectors,
    trace: Trace,
    /// Steps left before the domain is gone.
    left: Option<usize>,
}

impl TracedDisk {
    /// A disk that starts with these bytes, a whole number of sectors.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        assert!(bytes.len().is_multiple_of(SECTOR_BYTES), "a disk is whole sectors");
        Self {
            base: Rc::new(bytes),
            began: Sectors::new(),
            changed: Sectors::new(),
            trace: Trace::default(),
            left: None,
        }
    }

    /// The trace, which stays readable while somebody else holds the disk.
    #[must_use]
    pub fn trace(&self) -> Trace {
        self.trace.clone()
    }

    /// After this many more steps everything fails with [`BlockError::Gone`], as if the domain had
    /// been killed; `None` brings the disk back with all that was written.
    pub fn die_after(&mut self, steps: Option<usize>) {
        self.left = steps;
    }

    /// All bytes as a reader sees them.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.base.to_vec();
        for (sector, changed) in &self.changed {
            let start = at(*sector);
            bytes[start..start + SECTOR_BYTES].copy_from_slice(&changed[..]);
        }
        bytes
    }

    /// Calls `visit` with every place in the trace at which the power can go, from before the first
    /// step to after the last, and with what can be on the disk then.
    pub fn each_cut(&self, mut visit: impl FnMut(&Cut<'_>)) {
        let steps = self.trace.steps();
        let mut durable = self.restarted();
        durable.changed = self.began.clone();
        let mut flushed = 0;
        for place in 0..=steps.len() {
            if place > 0 && steps[place - 1] == Step::Flush {
                for step in &steps[flushed..place] {
                    durable.settle(step);
                }
                flushed = place;
            }
            visit(&Cut { durable: &durable, pending: &steps[flushed..place], place });
        }
    }

    /// The same disk with a trace of its own that begins now.
    #[must_use]
    pub fn restarted(&self) -> Self {
        let (base, began) = (Rc::clone(&self.base), self.changed.clone());
        let changed = began.clone();
        Self { base, began, changed, trace: Trace::default(), left: None }
    }

    fn settle(&mut self, step: &Step) {
        if let Step::Write(sector, bytes) = step {
            self.changed.insert(*sector, Rc::clone(bytes));
        }
    }

    fn step(&mut self, step: Step) -> Result<(), BlockError> {
        match &mut self.left {
            Some(0) => return Err(BlockError::Gone),
            Some(left) => *left -= 1,
            None => {}
        }
        self.settle(&step);
        self.trace.0.borrow_mut().push(step);
        Ok(())
    }

    fn check(&self, sector: u64, length: usize) -> Result<(), BlockError> {
        let end = sector.checked_add((length / SECTOR_BYTES) as u64);
        let whole = length.is_multiple_of(SECTOR_BYTES);
        if self.left == Some(0) {
            return Err(BlockError::Gone);
        }
        if whole && end.is_some_and(|end| end <= self.sectors()) {
            Ok(())
        } else {
            Err(BlockError::OutsideDisk)
        }
    }
}

/// One place in a trace at which the power goes.
pub struct Cut<'a> {
    durable: &'a TracedDisk,
    pending: &'a [Step],
    /// How many steps had happened.
    pub place: usize,
}

impl Cut<'_> {
    /// How many sectors were written and not flushed.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.pending.len()
    }

    /// The disk after the cut: of the unflushed sectors, numbered in the order of writing, those
    /// that `keep` names got through. Losing the later of two writes to one sector is the same as
    /// the two having changed places.
    pub fn disk(&self, mut keep: impl FnMut(usize) -> bool) -> TracedDisk {
        let mut disk = self.durable.restarted();
        for (number, step) in self.pending.iter().enumerate() {
            if keep(number) {
                disk.settle(step);
            }
        }
        disk.began = disk.changed.clone();
        disk
    }
}

fn at(sector: u64) -> usize {
    usize::try_from(sector).expect("a test disk fits in memory") * SECTOR_BYTES
}

impl BlockDevice for TracedDisk {
    fn sectors(&self) -> u64 {
        (self.base.len() / SECTOR_BYTES) as u64
    }

    fn is_read_only(&self) -> bool {
        false
    }

    fn read(&mut self, sector: u64, into: &mut [u8]) -> Result<(), BlockError> {
        self.check(sector, into.len())?;
        for (number, chunk) in (sector..).zip(into.chunks_mut(SECTOR_BYTES)) {
            match self.changed.get(&number) {
                Some(changed) => chunk.copy_from_slice(&changed[..]),
                None => chunk.copy_from_slice(&self.base[at(number)..at(number) + SECTOR_BYTES]),
            }
        }
        Ok(())
    }

    fn write(&mut self, sector: u64, from: &[u8]) -> Result<(), BlockError> {
        self.check(sector, from.len())?;
        for (number, chunk) in (sector..).zip(from.chunks(SECTOR_BYTES)) {
            let mut bytes = [0; SECTOR_BYTES];
            bytes.copy_from_slice(chunk);
            self.step(Step::Write(number, Rc::new(bytes)))?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), BlockError> {
        self.step(Step::Flush)
    }
}

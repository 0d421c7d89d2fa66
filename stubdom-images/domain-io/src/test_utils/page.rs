//! A shared page in memory, with means to behave as a hostile peer would.

use super::hypervisor::{GrantKey, Shared};
use crate::page::{OutsidePage, PAGE_BYTES, SharedPage};
use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::RefCell;
use core::fmt;

/// Called after each read with the range read and the bytes, which it may change.
pub(super) type Tamper = Box<dyn FnMut(usize, usize, &mut [u8])>;

/// One page of memory, reachable from both ends and from the test.
pub(super) struct Frame {
    pub(super) bytes: RefCell<Vec<u8>>,
    pub(super) reads: RefCell<Vec<u32>>,
    pub(super) tamper: RefCell<Option<Tamper>>,
}

impl Frame {
    pub(super) fn zeroed() -> Rc<Self> {
        Rc::new(Self {
            bytes: RefCell::new(alloc::vec![0; PAGE_BYTES]),
            reads: RefCell::new(alloc::vec![0; PAGE_BYTES]),
            tamper: RefCell::new(None),
        })
    }

    pub(super) fn copy_out(&self, offset: usize, into: &mut [u8]) -> Result<(), OutsidePage> {
        let end = offset.checked_add(into.len()).ok_or(OutsidePage)?;
        into.copy_from_slice(self.bytes.borrow().get(offset..end).ok_or(OutsidePage)?);
        for count in &mut self.reads.borrow_mut()[offset..end] {
            *count += 1;
        }
        if let Some(tamper) = self.tamper.borrow_mut().as_mut() {
            tamper(offset, into.len(), &mut self.bytes.borrow_mut());
        }
        Ok(())
    }

    pub(super) fn copy_in(&self, offset: usize, from: &[u8]) -> Result<(), OutsidePage> {
        let end = offset.checked_add(from.len()).ok_or(OutsidePage)?;
        let mut bytes = self.bytes.borrow_mut();
        bytes.get_mut(offset..end).ok_or(OutsidePage)?.copy_from_slice(from);
        Ok(())
    }
}

pub(super) enum Lease {
    Granted,
    Mapped,
}

/// A page as one domain holds it. Dropping it unmaps it, or ends the grant.
pub struct FakePage {
    pub(super) frame: Rc<Frame>,
    pub(super) key: GrantKey,
    pub(super) lease: Lease,
    pub(super) host: Shared,
}

impl fmt::Debug for FakePage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FakePage({:?})", self.key)
    }
}

impl Drop for FakePage {
    fn drop(&mut self) {
        let mut host = self.host.borrow_mut();
        match self.lease {
            Lease::Granted => host.end_grant(self.key),
            Lease::Mapped => host.unmap(self.key),
        }
    }
}

impl SharedPage for FakePage {
    fn read(&self, offset: usize, into: &mut [u8]) -> Result<(), OutsidePage> {
        self.frame.copy_out(offset, into)
    }

    fn write(&self, offset: usize, from: &[u8]) -> Result<(), OutsidePage> {
        self.frame.copy_in(offset, from)
    }

    fn load_u8(&self, offset: usize) -> Result<u8, OutsidePage> {
        let mut byte = [0];
        self.read(offset, &mut byte)?;
        Ok(byte[0])
    }

    fn store_u8(&self, offset: usize, value: u8) -> Result<(), OutsidePage> {
        self.write(offset, &[value])
    }

    fn load_u32(&self, offset: usize) -> Result<u32, OutsidePage> {
        let mut word = [0; 4];
        self.read(offset, &mut word)?;
        Ok(u32::from_le_bytes(word))
    }

    fn store_u32(&self, offset: usize, value: u32) -> Result<(), OutsidePage> {
        self.write(offset, &value.to_le_bytes())
    }
}

//! A page for tests, in ordinary memory.

use core::cell::RefCell;
use domain_io::{OutsidePage, PAGE_BYTES, SharedPage};
use std::vec;
use std::vec::Vec;

pub(crate) struct TestPage(RefCell<Vec<u8>>);

impl TestPage {
    pub(crate) fn new() -> Self {
        Self(RefCell::new(vec![0; PAGE_BYTES]))
    }
}

impl SharedPage for TestPage {
    fn read(&self, offset: usize, into: &mut [u8]) -> Result<(), OutsidePage> {
        let end = offset.checked_add(into.len()).ok_or(OutsidePage)?;
        into.copy_from_slice(self.0.borrow().get(offset..end).ok_or(OutsidePage)?);
        Ok(())
    }

    fn write(&self, offset: usize, from: &[u8]) -> Result<(), OutsidePage> {
        let end = offset.checked_add(from.len()).ok_or(OutsidePage)?;
        self.0.borrow_mut().get_mut(offset..end).ok_or(OutsidePage)?.copy_from_slice(from);
        Ok(())
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
        let mut bytes = [0; 4];
        self.read(offset, &mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn store_u32(&self, offset: usize, value: u32) -> Result<(), OutsidePage> {
        self.write(offset, &value.to_le_bytes())
    }
}

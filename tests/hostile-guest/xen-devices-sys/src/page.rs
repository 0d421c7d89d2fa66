//! `/dev/xen/gntalloc` and `/dev/xen/gntdev`: pages that this domain grants, or maps.

use crate::call::{Argument, call};
use domain_io::{DomainId, GrantRef, OutsidePage, PAGE_BYTES, SharedPage};
use rustix::io::Errno;
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};
use std::cell::Cell;
use std::os::fd::OwnedFd;
use std::ptr::NonNull;
use std::rc::Rc;

/// `GNTALLOC_FLAG_WRITABLE`.
const WRITABLE: u16 = 1;

/// `struct ioctl_gntalloc_alloc_gref`, for one page.
#[repr(C)]
struct Allocate {
    domid: u16,
    flags: u16,
    count: u32,
    index: u64,
    gref_ids: [u32; 2],
}

// SAFETY: IOCTL_GNTALLOC_ALLOC_GREF takes this structure, whose array has one entry and four bytes of padding.
unsafe impl Argument for Allocate {
    const GROUP: u8 = b'G';
    const NUMBER: u8 = 5;
}

/// `struct ioctl_gntalloc_dealloc_gref`.
#[repr(C)]
struct Deallocate {
    index: u64,
    count: u32,
    padding: u32,
}

// SAFETY: IOCTL_GNTALLOC_DEALLOC_GREF takes this structure.
unsafe impl Argument for Deallocate {
    const GROUP: u8 = b'G';
    const NUMBER: u8 = 6;
}

/// `struct ioctl_gntdev_map_grant_ref`, for one page.
#[repr(C)]
struct Map {
    count: u32,
    pad: u32,
    index: u64,
    domid: u32,
    grant: u32,
}

// SAFETY: IOCTL_GNTDEV_MAP_GRANT_REF takes this structure.
unsafe impl Argument for Map {
    const GROUP: u8 = b'G';
    const NUMBER: u8 = 0;
}

/// `struct ioctl_gntdev_unmap_grant_ref`.
#[repr(C)]
struct Unmap {
    index: u64,
    count: u32,
    pad: u32,
}

// SAFETY: IOCTL_GNTDEV_UNMAP_GRANT_REF takes this structure.
unsafe impl Argument for Unmap {
    const GROUP: u8 = b'G';
    const NUMBER: u8 = 1;
}

/// A page in this process's memory that another domain may write at any time.
#[derive(Debug)]
pub struct Page {
    at: NonNull<u8>,
    device: Rc<OwnedFd>,
    /// The page's name at the device.
    index: u64,
    ours: bool,
    revoked: Cell<bool>,
}

impl Page {
    pub(crate) fn granted(device: &Rc<OwnedFd>, peer: DomainId) -> Result<(Self, GrantRef), Errno> {
        let mut made =
            Allocate { domid: peer.0, flags: WRITABLE, count: 1, index: 0, gref_ids: [0; 2] };
        call(&**device, &mut made)?;
        Ok((Self::mapped(device, made.index, true)?, GrantRef(made.gref_ids[0])))
    }

    pub(crate) fn of_another(
        device: &Rc<OwnedFd>,
        owner: DomainId,
        grant: GrantRef,
    ) -> Result<Self, Errno> {
        let mut made = Map { count: 1, pad: 0, index: 0, domid: owner.0.into(), grant: grant.0 };
        call(&**device, &mut made)?;
        // Xen is asked here, when the page is mapped.
        Self::mapped(device, made.index, false)
    }

    fn mapped(device: &Rc<OwnedFd>, index: u64, ours: bool) -> Result<Self, Errno> {
        let both = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: without an address and MAP_FIXED the kernel chooses a place that nothing else uses.
        let at = unsafe {
            mmap(std::ptr::null_mut(), PAGE_BYTES, both, MapFlags::SHARED, &**device, index)
        };
        match at.map(|at| NonNull::new(at.cast())) {
            Ok(Some(at)) => {
                Ok(Self { at, device: Rc::clone(device), index, ours, revoked: Cell::new(false) })
            }
            Ok(None) => Err(Errno::FAULT),
            Err(error) => {
                give_back(device, index, ours);
                Err(error)
            }
        }
    }

    /// Takes the grant back, whoever uses it. Linux defers that until nobody has the page mapped.
    pub fn revoke(&self) {
        if !self.revoked.replace(true) {
            give_back(&self.device, self.index, self.ours);
        }
    }

    /// The place of `count` bytes from `offset` on.
    fn place(&self, offset: usize, count: usize) -> Result<NonNull<u8>, OutsidePage> {
        let fits = offset.checked_add(count).is_some_and(|end| end <= PAGE_BYTES);
        // SAFETY: offset is at most PAGE_BYTES, the length of the mapping.
        fits.then(|| unsafe { self.at.add(offset) }).ok_or(OutsidePage)
    }
}

/// Errors say that the device has forgotten the page already.
fn give_back(device: &OwnedFd, index: u64, ours: bool) {
    let _ = if ours {
        call(device, &mut Deallocate { index, count: 1, padding: 0 })
    } else {
        call(device, &mut Unmap { index, count: 1, pad: 0 })
    };
}

impl Drop for Page {
    fn drop(&mut self) {
        // SAFETY: the mapping was made by `mapped`, with this length, and no pointer into it leaves this type.
        let _ = unsafe { munmap(self.at.as_ptr().cast(), PAGE_BYTES) };
        self.revoke();
    }
}

impl SharedPage for Page {
    fn read(&self, offset: usize, into: &mut [u8]) -> Result<(), OutsidePage> {
        self.place(offset, into.len())?;
        into.iter_mut().enumerate().try_for_each(|(at, byte)| {
            *byte = self.load_u8(offset + at)?;
            Ok(())
        })
    }

    fn write(&self, offset: usize, from: &[u8]) -> Result<(), OutsidePage> {
        self.place(offset, from.len())?;
        from.iter().enumerate().try_for_each(|(at, byte)| self.store_u8(offset + at, *byte))
    }

    fn load_u8(&self, offset: usize) -> Result<u8, OutsidePage> {
        let place = self.place(offset, 1)?;
        // SAFETY: the byte lies in the mapping; volatile, since another domain may write it meanwhile.
        Ok(unsafe { place.read_volatile() })
    }

    fn store_u8(&self, offset: usize, value: u8) -> Result<(), OutsidePage> {
        let place = self.place(offset, 1)?;
        // SAFETY: the byte lies in the mapping, which is writable; volatile, since another domain reads it.
        unsafe { place.write_volatile(value) };
        Ok(())
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

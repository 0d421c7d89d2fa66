//! The first creation of a store.

use super::error::StoreError;
use super::header::Header;
use super::layout::{LEAST_SECTORS, PAGE_BYTES, ROOT_PAGES, sector_of, usable_pages};
use super::open::{self, Opening};
use super::pages::Keys;
use super::root::{Fields, Root};
use super::sealed::{self, SealedSecret};
use super::space::Space;
use super::store::Store;
use crate::Secret;
use alloc::vec::Vec;
use domain_io::{BlockDevice, Entropy};

impl<D: BlockDevice> Store<D> {
    /// Creates an empty store on a disk that is blank or whose creation was cut short.
    ///
    /// A header that says "creating" is flushed before anything else is written and is replaced
    /// last, so a cut on the way leaves [`StoreError::Unfinished`], never something that looks like
    /// a store or like somebody else's data.
    ///
    /// # Errors
    /// [`StoreError::Foreign`] when the disk holds anything; [`StoreError::TooSmall`]; the errors of
    /// opening a store when there is one; the disk's.
    pub fn create(
        disk: D,
        entropy: &mut dyn Entropy,
        secret: &Secret,
        sealed: &SealedSecret,
        fields: Fields,
    ) -> Result<Self, StoreError> {
        let mut disk = disk;
        match Opening::read(&mut disk) {
            Err(StoreError::Blank | StoreError::Unfinished) => {}
            Ok(_) => return Err(StoreError::Foreign),
            Err(other) => return Err(other),
        }
        let has = disk.sectors();
        if has < LEAST_SECTORS {
            return Err(StoreError::TooSmall { needs: LEAST_SECTORS, has });
        }
        let header = Header::fresh(entropy)?;
        Header { creating: true, ..header }.write(&mut disk, 0)?;
        disk.flush()?;
        let keys = Keys { secret: secret.clone(), store_id: header.store_id };
        let pages = usable_pages(has);
        let root = Root { sequence: 1, records: 0, pages, fields, branches: Vec::new() };
        root.write(&mut disk, &keys, entropy, 0)?;
        disk.write(sector_of(ROOT_PAGES[1]), &[0; PAGE_BYTES])?;
        for copy in [0, 1] {
            sealed::write(&mut disk, copy, sealed, open::FIRST_SEALED)?;
        }
        header.write(&mut disk, 1)?;
        disk.flush()?;
        header.write(&mut disk, 0)?;
        disk.flush()?;
        Ok(Self {
            disk,
            keys,
            root,
            slot: 0,
            newest: 1,
            branches: Vec::new(),
            space: Space::new(pages),
            sealed_sequence: open::FIRST_SEALED,
            must_reopen: false,
        })
    }
}

//! The store, and what waits to be written into it.

pub(crate) mod commit;
mod fault;
pub(crate) mod settle;

pub use fault::{CommitFault, Outcome};

use crate::rollback::Guard;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::RefCell;
use core::time::Duration;
use domain_io::{BlockDevice, Entropy};
use tpm_wire::TpmVersion;
use vtpm_store::manager::{
    Accept, Fields, Opening, Record, SealedSecret, StartNotes, Store, StoreError,
};
use vtpm_store::{Secret, Uuid};

/// A disk that outlives the store on it, so that a store that must be opened again can be.
pub(crate) type Handle<D> = Rc<RefCell<D>>;

/// The store of all vTPMs, with a commit's worth of changes on top of it.
pub(crate) struct Ledger<D: BlockDevice> {
    disk: Handle<D>,
    /// `None` while nobody could unseal it.
    secret: Option<Secret>,
    accept: Accept,
    /// `None` without the secret, and after a failed write until it could be opened again.
    store: Option<Store<Handle<D>>>,
    /// New contents by uuid; `None` removes a record.
    pending: BTreeMap<Uuid, Option<Box<Record>>>,
    id: [u8; 16],
    /// Which counter each commit carries.
    guard: Guard,
    /// Why the store was not in order when it was tried last.
    fault: Option<CommitFault>,
    /// A change by domain 0 is among those that wait.
    domain_0_waits: bool,
    /// Somebody asked what is kept while that was unknown.
    truth_is_wanted: bool,
    /// When it was last said that saves are not kept.
    complained: Option<Duration>,
}

impl<D: BlockDevice> Ledger<D> {
    /// Of a disk with a store on it, whose secret is not known.
    pub(crate) fn locked(disk: Handle<D>, accept: Accept, guard: Guard) -> Self {
        Self {
            disk,
            secret: None,
            accept,
            store: None,
            pending: BTreeMap::new(),
            id: [0; 16],
            guard,
            fault: None,
            domain_0_waits: false,
            truth_is_wanted: false,
            complained: None,
        }
    }

    /// Goes over to a store that was just made.
    pub(crate) fn begin(&mut self, store: Store<Handle<D>>, secret: Secret) {
        self.id = store.id();
        self.secret = Some(secret);
        self.store = Some(store);
    }

    /// Forgets store and secret.
    pub(crate) fn lock(&mut self) {
        (self.store, self.secret) = (None, None);
    }

    /// Opens the store with its secret.
    pub(crate) fn unlock(&mut self, secret: Secret) -> Result<StartNotes, StoreError> {
        let opening = Opening::read(Rc::clone(&self.disk))?;
        let (store, notes) = opening.unlock(&secret, self.accept)?;
        self.begin(store, secret);
        Ok(notes)
    }

    /// The random name of the store.
    pub(crate) const fn id(&self) -> [u8; 16] {
        self.id
    }

    /// The secret, and the sealed secret as it stands on the disk.
    fn kept_secret(&self) -> Result<(Secret, SealedSecret), StoreError> {
        let secret = self.secret.clone().ok_or(StoreError::WrongSecret)?;
        Ok((secret, self.sealed()?))
    }

    pub(crate) const fn secret(&self) -> Option<&Secret> {
        self.secret.as_ref()
    }

    /// The store, opened again if an earlier write left it unknown.
    pub(crate) fn store(&mut self) -> Result<&mut Store<Handle<D>>, StoreError> {
        if self.store.is_none() {
            let secret = self.secret.clone().ok_or(StoreError::WrongSecret)?;
            self.unlock(secret)?;
            log::warn!("the store was opened again after a failed write");
        }
        self.store.as_mut().ok_or(StoreError::MustReopen)
    }

    /// A vTPM's record as it will be after the next commit; `None` when it is unknown, and never
    /// because of damage.
    pub(crate) fn get(&mut self, uuid: Uuid) -> Result<Option<Box<Record>>, StoreError> {
        match self.pending.get(&uuid) {
            Some(waiting) => Ok(waiting.clone()),
            None => Ok(self.store()?.get(uuid)?.map(Box::new)),
        }
    }

    /// Whether an answer about this record has to wait for the next commit: a change of it waits,
    /// or an earlier one is not known to be kept, in which case the next commit finds out.
    pub(crate) fn must_wait(&mut self, uuid: Uuid) -> bool {
        let is_unknown = !self.guard.is_settled();
        self.truth_is_wanted |= is_unknown;
        is_unknown || self.pending.contains_key(&uuid)
    }

    /// A change by domain 0 waits; it is nobody's share.
    pub(crate) const fn domain_0_waits(&mut self) {
        self.domain_0_waits = true;
    }

    pub(crate) fn put(&mut self, record: Box<Record>) {
        self.pending.insert(record.uuid, Some(record));
    }

    pub(crate) fn remove(&mut self, uuid: Uuid) {
        self.pending.insert(uuid, None);
    }

    /// Records that are durable, in the order of their uuids.
    pub(crate) fn list(
        &mut self,
        after: Option<Uuid>,
        most: usize,
    ) -> Result<Vec<Record>, StoreError> {
        self.store()?.list(after, most)
    }

    /// The manager's numbers as of the last commit.
    pub(crate) fn fields(&mut self) -> Result<Fields, StoreError> {
        Ok(self.store()?.fields())
    }

    /// The store says that it belongs to this hardware from now on.
    pub(crate) fn adopt(
        &mut self,
        hardware: Option<TpmVersion>,
        entropy: &mut dyn Entropy,
    ) -> Result<(), StoreError> {
        let stored = self.fields()?;
        if stored.hardware == hardware {
            return Ok(());
        }
        self.store()?.commit(entropy, &[], Fields { hardware, ..stored })?;
        Ok(())
    }

    /// The sealed secret as it stands on the disk.
    pub(crate) fn sealed(&self) -> Result<SealedSecret, StoreError> {
        Ok(Opening::read(Rc::clone(&self.disk))?.sealed().clone())
    }

    pub(crate) fn replace_sealed(&mut self, sealed: &SealedSecret) -> Result<(), StoreError> {
        self.store()?.replace_sealed(sealed)
    }
}

//! From a disk to a manager.

use super::Manager;
use crate::arguments::Arguments;
use crate::disk::Noting;
use crate::hardware::Hardware;
use crate::ledger::commit::Witnesses;
use crate::ledger::settle::Word;
use crate::ledger::{CommitFault, Handle, Ledger};
use crate::rollback::{CounterWord, Guard, OldStore, Rules};
use crate::root::{Ground, RootError, RootKeeper};
use crate::sessions::Sessions;
use alloc::boxed::Box;
use alloc::format;
use alloc::rc::Rc;
use core::cell::{Cell, RefCell};
use core::fmt;
use core::time::Duration;
use domain_io::{BlockDevice, Entropy};
use tpm_wire::TpmVersion;
use tpm_wire::manager::{Force, Stats};
use vtpm_store::Secret;
use vtpm_store::manager::{
    Accept, Damage, Fields, LastCommit, Opening, SealedSecret, StartNotes, Store, StoreError,
};

/// What a manager is made of.
pub struct Parts<D, K> {
    /// Its disk.
    pub disk: D,
    /// Who keeps the secret that opens the store.
    pub keeper: K,
    /// The hardware TPM, started.
    pub hardware: Option<Hardware>,
    /// Random bytes.
    pub entropy: Box<dyn Entropy>,
    /// The domain's clock now.
    pub now: Duration,
}

/// How a store came to be open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opened {
    /// It was made on a blank disk.
    Created,
    /// It was there.
    Found(StartNotes),
    /// It was there, but the secret cannot be had, for this reason: nobody is served until domain 0
    /// brings the recovery key.
    Locked(RootError),
}

/// Why the manager cannot serve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OpenError {
    /// The disk is attached for reading only.
    ReadOnly,
    /// The disk holds no store that can be used.
    Store(StoreError),
    /// The secret cannot be kept or had.
    Root(RootError),
    /// The store is not the newest, or the disk not the one that belongs to the hardware TPM.
    Old(OldStore),
    /// The store belongs to a machine with another version of hardware TPM.
    OtherHardware {
        /// What the store was made with.
        made: Option<TpmVersion>,
        /// What is there.
        found: Option<TpmVersion>,
    },
}

impl From<StoreError> for OpenError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<OldStore> for OpenError {
    fn from(error: OldStore) -> Self {
        Self::Old(error)
    }
}

impl From<CommitFault> for OpenError {
    fn from(fault: CommitFault) -> Self {
        match fault {
            CommitFault::Store(error) => Self::Store(error),
            CommitFault::Root(error) | CommitFault::Lost(error) => Self::Root(error),
            CommitFault::Old(error) => Self::Old(error),
        }
    }
}

impl From<RootError> for OpenError {
    fn from(error: RootError) -> Self {
        Self::Root(error)
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ReadOnly => {
                f.write_str("its disk is attached read-only: write hda,w in disk= of its file")
            }
            Self::Store(error) => write!(f, "{error}{}", advice(error)),
            Self::Root(error) => error.fmt(f),
            Self::Old(error) => error.fmt(f),
            Self::OtherHardware { made, found } => write!(
                f,
                "its store was made with {}, but this is a machine with {}; use the disk that \
                 belongs to this machine, or the hardware TPM that belongs to the disk",
                Hw(*made),
                Hw(*found)
            ),
        }
    }
}

/// A hardware TPM in words.
struct Hw(Option<TpmVersion>);

impl fmt::Display for Hw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(version) => write!(f, "a hardware TPM {version}"),
            None => f.write_str("no hardware TPM"),
        }
    }
}

/// What to do about a disk.
const fn advice(error: &StoreError) -> &'static str {
    match error {
        StoreError::Foreign => {
            "; check disk= of its file: a new store is made on a disk of zeros only"
        }
        StoreError::TooSmall { .. } => "; give it the disk it had, or a larger copy of it",
        StoreError::NewerVersion { .. } => "; use the release that wrote it, or a later one",
        StoreError::Damaged(Damage::Records { .. }) => {
            "; restore a copy of the disk, or add store=without-damaged to extra= to go on without \
             those vTPMs"
        }
        StoreError::Damaged(_) | StoreError::WrongSecret => "; restore a copy of the disk",
        _ => "",
    }
}

impl<D: BlockDevice, K: RootKeeper> Manager<D, K> {
    /// Opens the store on the disk, or makes one on a blank disk. Where that fails, the hardware TPM
    /// has been brought to rest.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(parts: Parts<D, K>, arguments: &Arguments) -> Result<(Self, Opened), OpenError> {
        let Parts { disk, keeper, mut hardware, entropy, now } = parts;
        let guard = match rules(&disk, hardware.as_ref(), arguments) {
            Ok(guard) => guard,
            Err(why) => {
                rest(hardware.as_mut());
                return Err(why);
            }
        };
        let disk_is_gone = Rc::<Cell<bool>>::default();
        let disk = Rc::new(RefCell::new(Noting::new(disk, Rc::clone(&disk_is_gone))));
        let accept =
            if arguments.without_damaged { Accept::WhatIsLeft } else { Accept::WholeStore };
        let mut manager = Self {
            ledger: Ledger::locked(Rc::clone(&disk), accept, guard),
            disk_is_gone,
            keeper,
            hardware,
            entropy,
            sessions: Sessions::default(),
            explicit: arguments.explicit,
            locked: None,
            ending: false,
            counts: Stats::default(),
            opened: now,
        };
        match manager.begin(&disk, &arguments.rollback) {
            Ok(opened) => Ok((manager, opened)),
            Err(why) => {
                rest(manager.hardware.as_mut());
                Err(why)
            }
        }
    }

    /// Whatever is on the disk becomes an open or a locked store.
    fn begin(&mut self, disk: &Handle<Noting<D>>, rules: &Rules) -> Result<Opened, OpenError> {
        let mut ground = Ground { hardware: self.hardware.as_mut(), entropy: &mut *self.entropy };
        match Opening::read(Rc::clone(disk)) {
            Ok(opening) => match self.keeper.open(ground, opening.sealed()) {
                Ok(secret) => self.found(secret),
                Err(why) if self.keeper.can_recover(opening.sealed()) => Ok(self.lock(why)),
                Err(why) => Err(why.into()),
            },
            Err(StoreError::Blank | StoreError::Unfinished) => {
                let word = blank(&mut self.keeper, ground.again(), rules)?;
                let (store, secret) = created(disk, &mut self.keeper, ground)?;
                self.ledger.begin(store, secret);
                self.settle(&StartNotes::default(), word)?;
                Ok(Opened::Created)
            }
            Err(other) => Err(other.into()),
        }
    }

    /// The secret of the store that was there is known.
    fn found(&mut self, secret: Secret) -> Result<Opened, OpenError> {
        let notes = self.ledger.unlock(secret)?;
        match self.settle(&notes, Word::None) {
            Err(why @ OpenError::OtherHardware { .. }) if self.is_recoverable()? => {
                self.ledger.lock();
                Ok(self.lock(RootError(format!("{why}, or use the recovery key"))))
            }
            settled => {
                settled?;
                self.renew()?;
                Ok(Opened::Found(notes))
            }
        }
    }

    /// Nobody is served, for this reason.
    fn lock(&mut self, why: RootError) -> Opened {
        self.locked = Some(why.clone());
        Opened::Locked(why)
    }

    /// Keeps what the keeper wants kept otherwise from now on.
    fn renew(&mut self) -> Result<(), OpenError> {
        let sealed = self.ledger.sealed()?;
        let secret = self.ledger.secret().cloned().ok_or(StoreError::WrongSecret)?;
        let ground = Ground { hardware: self.hardware.as_mut(), entropy: &mut *self.entropy };
        if let Some(renewed) = self.keeper.renewed(ground, (&secret, &sealed))? {
            self.ledger.replace_sealed(&renewed)?;
        }
        Ok(())
    }

    /// Whether a recovery key was set for the store on the disk.
    fn is_recoverable(&self) -> Result<bool, StoreError> {
        Ok(self.keeper.can_recover(&self.ledger.sealed()?))
    }

    /// Opens a locked store by its recovery key.
    ///
    /// # Errors
    /// [`OpenError`]; the store stays locked.
    pub(super) fn recover(&mut self, key: &str, force: Force) -> Result<(), OpenError> {
        let sealed = self.ledger.sealed()?;
        let ground = Ground { hardware: self.hardware.as_mut(), entropy: &mut *self.entropy };
        let recovered = self.keeper.recover(ground, &sealed, key, force)?;
        let notes = self.ledger.unlock(recovered.secret)?;
        let word = Word::Recovered { from_elsewhere: recovered.from_elsewhere };
        if let Err(why) = self.settle_recovered(&notes, &recovered.sealed, word) {
            self.ledger.lock();
            return Err(why);
        }
        self.locked = None;
        let now = match self.hardware {
            Some(_) => "is sealed to this machine now",
            None => "its secret is in clear on its disk now (hwtpm=none)",
        };
        log::warn!("the store was opened by its recovery key and {now}");
        Ok(())
    }

    /// The store belongs to the hardware that is here from now on. It says so before the secret is
    /// sealed anew: a power cut in between leaves a store that the recovery key opens once more.
    fn settle_recovered(
        &mut self,
        notes: &StartNotes,
        sealed: &SealedSecret,
        word: Word,
    ) -> Result<(), OpenError> {
        let found = self.hardware.as_ref().map(|hardware| hardware.version);
        self.ledger.adopt(found, &mut *self.entropy)?;
        self.ledger.replace_sealed(sealed)?;
        self.settle(notes, word)
    }

    fn check_hardware(&mut self) -> Result<(), OpenError> {
        let fields = self.ledger.fields()?;
        let found = self.hardware.as_ref().map(|hardware| hardware.version);
        if fields.hardware != found {
            return Err(OpenError::OtherHardware { made: fields.hardware, found });
        }
        Ok(())
    }

    /// What an opened store still needs.
    fn settle(&mut self, notes: &StartNotes, word: Word) -> Result<(), OpenError> {
        self.check_hardware()?;
        let mut with = Witnesses {
            keeper: &mut self.keeper,
            hardware: self.hardware.as_mut(),
            entropy: &mut *self.entropy,
            now: self.opened,
            vtpms: 0,
        };
        self.ledger.settle(&mut with, word)?;
        self.ledger.announce()?;
        if notes.can_grow {
            let pages = self.ledger.store()?.grow(&mut *self.entropy)?;
            log::info!("its disk has become larger: the store has {pages} pages now");
        }
        report(notes);
        Ok(())
    }
}

/// How old state is refused with this disk and hardware.
fn rules<D: BlockDevice>(
    disk: &D,
    hardware: Option<&Hardware>,
    arguments: &Arguments,
) -> Result<Guard, OpenError> {
    if disk.is_read_only() {
        return Err(OpenError::ReadOnly);
    }
    let mode = arguments.rollback.mode_with(hardware.map(|hardware| hardware.version))?;
    Ok(Guard::new(arguments.rollback, mode))
}

/// A start that fails leaves the hardware TPM as an orderly end does.
fn rest(hardware: Option<&mut Hardware>) {
    if let Some(Err(fault)) = hardware.map(Hardware::rest) {
        log::error!("the hardware TPM was not brought to rest: {fault}");
    }
}

fn created<D: BlockDevice, K: RootKeeper>(
    disk: &Handle<D>,
    keeper: &mut K,
    ground: Ground<'_>,
) -> Result<(Store<Handle<D>>, Secret), OpenError> {
    let Ground { hardware, entropy } = ground;
    let version = hardware.as_ref().map(|hardware| hardware.version);
    let first = Ground { hardware, entropy: &mut *entropy };
    let (secret, sealed) = keeper.first_start(first)?;
    let fields = Fields { hardware: version, ..Fields::default() };
    let store = Store::create(Rc::clone(disk), entropy, &secret, &sealed, fields)?;
    Ok((store, secret))
}

/// Whether a store may be made on a blank disk: a counter that is there belongs to another store.
fn blank<K: RootKeeper>(
    keeper: &mut K,
    ground: Ground<'_>,
    rules: &Rules,
) -> Result<Word, OpenError> {
    let Some(leftover) = keeper.leftover(ground)? else { return Ok(Word::None) };
    let says = leftover.value.map_or(CounterWord::None, CounterWord::Says);
    if rules.forget != Some(says) {
        return Err(OldStore::Blank { says }.into());
    }
    log::warn!("the store whose counter says {says} is given up by an administrator's word");
    Ok(Word::Forget)
}

/// Says what an administrator should know about a store that was opened.
fn report(notes: &StartNotes) {
    match notes.last_commit {
        LastCommit::Whole => {}
        LastCommit::Incomplete => {
            log::warn!("the store's last commit was cut short; the one before it is used");
        }
        LastCommit::OneRootLost => log::warn!("one of the store's two roots is damaged"),
    }
    if notes.mended_copies > 0 {
        log::warn!("{} second copies of the store were written again", notes.mended_copies);
    }
    if notes.lost_copies > 0 {
        log::error!("its disk is failing: {} second copies cannot be written", notes.lost_copies);
    }
    for what in &notes.damaged {
        log::error!("going on without what is damaged: {what}");
    }
}

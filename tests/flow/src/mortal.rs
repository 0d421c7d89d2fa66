//! A domain that dies at a chosen step: from then on nothing that it does reaches anybody.

use domain_io::test_utils::{FakePage, FakePort, FakeSharing};
use domain_io::{
    BlockDevice, BlockError, DomainId, GrantRef, OutsidePage, PortNumber, SharedPage, Sharing,
    SharingError,
};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use tpm_wire::manager::PolicyCommand;
use vtpm_custody::{Former, Leftover};
use vtpm_manager::{CounterFault, CounterValue, Ground, PolicyDone, RootError, RootKeeper};
use vtpm_store::Secret;
use vtpm_store::manager::SealedSecret;

/// Any disk. Clones are the same disk.
pub type AnyDisk = Rc<RefCell<dyn BlockDevice>>;

/// When a manager's domain dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Death {
    /// It has taken a request and written nothing yet.
    BeforeCommit,
    /// The commit is durable; neither has the hardware TPM's counter followed nor is the answer on its
    /// page.
    AfterCommit,
    /// The counter has followed, and the answer is not on its page yet.
    AfterIncrement,
}

/// One domain's life. Clones are the same life.
#[derive(Clone, Default)]
pub(crate) struct Life {
    dead: Rc<Cell<bool>>,
    deaths: Rc<RefCell<VecDeque<Death>>>,
}

impl Life {
    /// The next domain's, which dies of what this one did not live to see.
    pub(crate) fn next(&self) -> Self {
        Self { dead: Rc::default(), deaths: Rc::clone(&self.deaths) }
    }

    pub(crate) fn plan(&self, death: Death) {
        self.deaths.borrow_mut().push_back(death);
    }

    pub(crate) fn is_over(&self) -> bool {
        self.dead.get()
    }

    fn reaches(&self, step: Death) {
        let mut deaths = self.deaths.borrow_mut();
        if !self.dead.get() && deaths.front() == Some(&step) {
            deaths.pop_front();
            self.dead.set(true);
        }
    }
}

/// The disk of a domain that may die: what it writes afterwards is not written.
pub(crate) struct MortalDisk {
    pub(crate) disk: AnyDisk,
    pub(crate) life: Life,
}

impl BlockDevice for MortalDisk {
    fn sectors(&self) -> u64 {
        self.disk.borrow().sectors()
    }

    fn is_read_only(&self) -> bool {
        self.disk.borrow().is_read_only()
    }

    fn read(&mut self, sector: u64, into: &mut [u8]) -> Result<(), BlockError> {
        self.disk.borrow_mut().read(sector, into)
    }

    fn write(&mut self, sector: u64, from: &[u8]) -> Result<(), BlockError> {
        self.life.reaches(Death::BeforeCommit);
        if self.life.is_over() { Ok(()) } else { self.disk.borrow_mut().write(sector, from) }
    }

    fn flush(&mut self) -> Result<(), BlockError> {
        if self.life.is_over() {
            return Ok(());
        }
        self.disk.borrow_mut().flush()?;
        self.life.reaches(Death::AfterCommit);
        Ok(())
    }
}

/// The keeper of a domain that may die: the hardware TPM hears nothing of it afterwards.
pub(crate) struct MortalKeeper {
    pub(crate) keeper: Box<dyn RootKeeper>,
    pub(crate) life: Life,
}

impl RootKeeper for MortalKeeper {
    fn first_start(&mut self, ground: Ground<'_>) -> Result<(Secret, SealedSecret), RootError> {
        self.keeper.first_start(ground)
    }

    fn open(&mut self, ground: Ground<'_>, sealed: &SealedSecret) -> Result<Secret, RootError> {
        self.keeper.open(ground, sealed)
    }

    fn counter(
        &mut self,
        ground: Ground<'_>,
        kept: (&Secret, &SealedSecret),
    ) -> Result<Option<CounterValue>, CounterFault> {
        self.keeper.counter(ground, kept)
    }

    fn make_counter(
        &mut self,
        ground: Ground<'_>,
        kept: (&Secret, &SealedSecret),
        former: Former,
    ) -> Result<(SealedSecret, CounterValue), RootError> {
        self.keeper.make_counter(ground, kept, former)
    }

    fn advance(&mut self, ground: Ground<'_>) -> Result<u64, CounterFault> {
        if self.life.is_over() {
            return Err(CounterFault::Failed(RootError("this domain is gone".into())));
        }
        let says = self.keeper.advance(ground)?;
        self.life.reaches(Death::AfterIncrement);
        Ok(says)
    }

    fn leftover(&mut self, ground: Ground<'_>) -> Result<Option<Leftover>, RootError> {
        self.keeper.leftover(ground)
    }

    fn policy(
        &mut self,
        ground: Ground<'_>,
        kept: (&Secret, &SealedSecret),
        command: &PolicyCommand<'_>,
    ) -> Result<PolicyDone, RootError> {
        self.keeper.policy(ground, kept, command)
    }
}

/// The pages of a domain that may die.
pub(crate) struct MortalSharing {
    pub(crate) sharing: FakeSharing,
    pub(crate) life: Life,
}

pub(crate) struct MortalPage {
    page: FakePage,
    life: Life,
}

impl MortalPage {
    fn alive<T: Default>(
        &self,
        act: impl FnOnce(&FakePage) -> Result<T, OutsidePage>,
    ) -> Result<T, OutsidePage> {
        if self.life.is_over() { Ok(T::default()) } else { act(&self.page) }
    }
}

impl SharedPage for MortalPage {
    fn read(&self, offset: usize, into: &mut [u8]) -> Result<(), OutsidePage> {
        self.page.read(offset, into)
    }

    fn write(&self, offset: usize, from: &[u8]) -> Result<(), OutsidePage> {
        self.alive(|page| page.write(offset, from))
    }

    fn load_u8(&self, offset: usize) -> Result<u8, OutsidePage> {
        self.page.load_u8(offset)
    }

    fn store_u8(&self, offset: usize, value: u8) -> Result<(), OutsidePage> {
        self.alive(|page| page.store_u8(offset, value))
    }

    fn load_u32(&self, offset: usize) -> Result<u32, OutsidePage> {
        self.page.load_u32(offset)
    }

    fn store_u32(&self, offset: usize, value: u32) -> Result<(), OutsidePage> {
        self.alive(|page| page.store_u32(offset, value))
    }
}

impl Sharing for MortalSharing {
    type Page = MortalPage;
    type Port = FakePort;

    fn map(&mut self, owner: DomainId, grant: GrantRef) -> Result<MortalPage, SharingError> {
        let (page, life) = (self.sharing.map(owner, grant)?, self.life.clone());
        Ok(MortalPage { page, life })
    }

    fn bind(&mut self, remote: DomainId, port: PortNumber) -> Result<FakePort, SharingError> {
        self.sharing.bind(remote, port)
    }

    fn grant(&mut self, peer: DomainId) -> Result<(MortalPage, GrantRef), SharingError> {
        let (page, grant) = self.sharing.grant(peer)?;
        Ok((MortalPage { page, life: self.life.clone() }, grant))
    }

    fn allocate_port(&mut self, peer: DomainId) -> Result<FakePort, SharingError> {
        self.sharing.allocate_port(peer)
    }
}

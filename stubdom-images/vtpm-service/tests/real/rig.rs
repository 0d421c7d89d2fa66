//! A service around the real engine, one at a time per process.

use domain_io::DomainId;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tpm_wire::Header;
use tpmif::nodes::DeviceId;
use vtpm_engine::{LibTpms, StartConfig, TpmState};
use vtpm_service::{Arguments, AttachError, NotKept, Origin, Service, StateKeeper};

/// libtpms keeps its TPM in process-wide variables.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Where the state of the TPM was last kept.
#[derive(Clone, Default)]
pub(crate) struct Shelf(Rc<RefCell<Option<TpmState>>>);

impl StateKeeper<LibTpms> for Shelf {
    fn keep(&mut self, engine: &mut LibTpms) -> Result<(), NotKept> {
        if let Some(state) = engine.take_changed_state() {
            *self.0.borrow_mut() = Some(state);
        }
        Ok(())
    }
}

pub(crate) struct Rig {
    pub(crate) service: Service<LibTpms, Shelf>,
    shelf: Shelf,
    turn: MutexGuard<'static, ()>,
}

/// The vTPM device 0 of a guest.
pub(crate) fn guest(number: u16) -> DeviceId {
    DeviceId { frontend: DomainId(number), device: 0 }
}

impl Rig {
    /// A new TPM with this command line, and guest 1 connected.
    pub(crate) fn new(line: &str) -> Self {
        let turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let mut rig = Self::start(line, Origin::New, None, turn);
        rig.attach(1).unwrap();
        rig
    }

    fn start(
        line: &str,
        origin: Origin,
        state: Option<TpmState>,
        turn: MutexGuard<'static, ()>,
    ) -> Self {
        let arguments = Arguments::parse(line.split(' ')).unwrap().0;
        let config = StartConfig { state, ..StartConfig::new(arguments.version) };
        let (engine, shelf) = (LibTpms::start(config).unwrap(), Shelf::default());
        let service = Service::start(engine, shelf.clone(), arguments, origin).unwrap();
        Self { service, shelf, turn }
    }

    /// The vTPM domain stops in order and starts again from what was kept, with nobody attached.
    pub(crate) fn restart(self, line: &str, origin: Origin) -> Self {
        let Self { mut service, shelf, turn } = self;
        service.shutdown().unwrap();
        if let Some(id) = service.present() {
            service.guest_gone(id).unwrap();
        }
        drop(service);
        let state = shelf.0.borrow_mut().take();
        Self::start(line, origin, Some(state.expect("state was kept")), turn)
    }

    pub(crate) fn attach(&mut self, number: u16) -> Result<(), AttachError> {
        self.service.guest_attached(guest(number), None, |_| true)?;
        self.service.guest_connected(guest(number));
        Ok(())
    }

    /// What happens on `xl reboot`: the old guest's frontend closes, its domain dies, a new one
    /// comes.
    pub(crate) fn reboot(&mut self, old: u16) {
        self.service.guest_closed(guest(old)).unwrap();
        self.destroy(old);
    }

    /// What happens on `xl destroy` and a new `xl create`.
    pub(crate) fn destroy(&mut self, old: u16) {
        self.service.guest_gone(guest(old)).unwrap();
        self.attach(old + 1).unwrap();
    }

    /// One command of the guest that has the TPM, at locality 0.
    pub(crate) fn send(&mut self, packet: &[u8]) -> Vec<u8> {
        self.send_at(0, packet)
    }

    /// One command of the guest that has the TPM.
    pub(crate) fn send_at(&mut self, locality: u8, packet: &[u8]) -> Vec<u8> {
        let id = self.service.present().unwrap();
        self.service.command(id, locality, packet).unwrap()
    }

    /// The response code of one command.
    pub(crate) fn code(&mut self, packet: &[u8]) -> u32 {
        Header::parse(&self.send(packet)).unwrap().0.code
    }

    /// One command that must succeed.
    pub(crate) fn succeed(&mut self, packet: &[u8]) -> Vec<u8> {
        let response = self.send(packet);
        assert_eq!(Header::parse(&response).unwrap().0.code, 0, "{response:02x?}");
        response
    }
}

//! A guest with Linux's driver for its vTPM.

use crate::chain::{Chain, VTPM};
use crate::packets::{response_code, tpm12};
use domain_io::DomainId;
use std::time::Duration;
use tpm_wire::tpm12::Property;
use tpmif::nodes::DeviceId;
use tpmif::peers::{LinuxFrontend, Sent, Waiting};
use vtpm_engine::LibTpms;
use vtpm_service::StateKeeper;

/// How long a guest may wait for an answer in this machine's time, which stands still while a
/// command runs: the hold of a new device, and some looks at the page.
const PATIENCE: Duration = Duration::from_secs(3);

/// A running guest domain.
pub struct Guest {
    /// Its vTPM device.
    pub id: DeviceId,
    /// Its driver.
    pub driver: LinuxFrontend,
}

impl Guest {
    /// Creates a guest of this number with a vTPM, as `xl create` does. Its driver is not loaded.
    ///
    /// # Panics
    /// When libxl does not see the backend's `InitWait` in time.
    #[must_use]
    pub fn create<K: StateKeeper<LibTpms>>(chain: &mut Chain<K>, number: u16) -> Self {
        let id = DeviceId { frontend: DomainId(number), device: 0 };
        let (ended, took) = chain.attach(id);
        let why = chain.message(id);
        assert_eq!(ended, Waiting::Reached, "after {took:?}: {why:?}");
        Self { id, driver: LinuxFrontend::new(&chain.world, VTPM, id) }
    }

    /// Creates a guest and loads its driver.
    ///
    /// # Panics
    /// When the driver's probe does not go well.
    #[must_use]
    pub fn boot<K: StateKeeper<LibTpms>>(chain: &mut Chain<K>, number: u16) -> Self {
        let mut guest = Self::create(chain, number);
        for answer in guest.probe(chain) {
            assert_eq!(response_code(&answer), 0, "{answer:02x?}");
        }
        guest
    }

    /// Loads the driver (again): it publishes its page, at once asks for the time-outs, then for
    /// the durations (`tpm1_get_timeouts`), and connects. The two answers.
    ///
    /// # Panics
    /// When the driver does not get as far.
    pub fn probe<K: StateKeeper<LibTpms>>(&mut self, chain: &mut Chain<K>) -> [Vec<u8>; 2] {
        self.driver.probe(&tpm12::get_property(Property::TIS_TIMEOUT));
        let timeouts = self.await_answer(chain);
        let durations = self.send(chain, &tpm12::get_property(Property::DURATION));
        self.driver.backend_changed();
        assert!(self.driver.is_connected());
        [timeouts, durations]
    }

    /// Sends a command and polls for its answer.
    ///
    /// # Panics
    /// When the page is occupied or no answer comes.
    pub fn send<K: StateKeeper<LibTpms>>(
        &mut self,
        chain: &mut Chain<K>,
        packet: &[u8],
    ) -> Vec<u8> {
        assert!(self.driver.send(packet), "an earlier command is still in the page");
        self.await_answer(chain)
    }

    /// A command that must succeed.
    ///
    /// # Panics
    /// When it does not.
    pub fn succeed<K: StateKeeper<LibTpms>>(
        &mut self,
        chain: &mut Chain<K>,
        packet: &[u8],
    ) -> Vec<u8> {
        let response = self.send(chain, packet);
        assert_eq!(response_code(&response), 0, "{packet:02x?} -> {response:02x?}");
        response
    }

    fn await_answer<K: StateKeeper<LibTpms>>(&mut self, chain: &mut Chain<K>) -> Vec<u8> {
        let end = chain.now() + PATIENCE;
        loop {
            chain.tick();
            match self.driver.receive() {
                Sent::Answer(answer) => return answer,
                Sent::TimedOut => panic!("the driver gave up"),
                Sent::Waiting => assert!(chain.now() < end, "no answer"),
            }
        }
    }
}

//! A TPM with the FIFO interface.

use super::{Executor, claimed};
use alloc::rc::Rc;
use alloc::vec;
use alloc::vec::Vec;
use core::cell::RefCell;
use core::time::Duration;
use domain_io::Clock;

/// How a model misbehaves, or may behave within the rules. May be changed at any time.
#[derive(Clone, Debug)]
pub struct TisFaults {
    /// Burst counts, one after the other and round again, a new one at each look.
    pub bursts: Vec<u16>,
    /// The burst count also says so when less of the response is left.
    pub static_burst: bool,
    /// How long each command runs.
    pub duration: Duration,
    /// Locality requests are never granted.
    pub denies_locality: bool,
    /// Commands never end.
    pub never_ends: bool,
    /// `commandReady` does not end a command.
    pub ignores_abort: bool,
    /// Giving the locality back does not end a command either.
    pub ignores_release: bool,
    /// Every second look finds bits that the rules leave to the device.
    pub chatty: bool,
    /// `stsSelfTestDone` (0x04) is set, as it is for good after a self-test.
    pub self_tested: bool,
    /// So many of the next commands are dropped when they should begin.
    pub drops: usize,
    /// So many of the next command bytes are lost on the way.
    pub loses: usize,
    /// So many of the next responses end after their first half.
    pub cuts_responses: usize,
    /// What the FIFO holds instead of the response.
    pub answers: Option<Vec<u8>>,
    /// Every register reads as all ones.
    pub vanished: bool,
    /// Locality 4 takes the TPM away as soon as a command runs.
    pub seized: bool,
}

impl Default for TisFaults {
    fn default() -> Self {
        Self {
            bursts: vec![64],
            static_burst: false,
            duration: Duration::ZERO,
            denies_locality: false,
            never_ends: false,
            ignores_abort: false,
            ignores_release: false,
            chatty: true,
            self_tested: true,
            drops: 0,
            loses: 0,
            cuts_responses: 0,
            answers: None,
            vanished: false,
            seized: false,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Idle,
    Ready,
    Reception,
    Execution { until: Option<Duration> },
    Completion,
}

pub(super) struct Device {
    pub(super) faults: TisFaults,
    pub(super) violations: Vec<&'static str>,
    pub(super) active: Option<u8>,
    pub(super) state: State,
    pub(super) interface_id: u32,
    pub(super) interface_version: u32,
    pub(super) interrupts: u32,
    command: Vec<u8>,
    response: Vec<u8>,
    position: usize,
    available: usize,
    burst_left: u16,
    next_burst: usize,
    random: u64,
    executor: Executor,
    clock: Rc<dyn Clock>,
}

/// A handle to one device; clones reach the same. As [`Mmio`](crate::Mmio) it is the five pages of
/// the localities.
#[derive(Clone)]
pub struct TisModel {
    pub(super) device: Rc<RefCell<Device>>,
}

impl TisModel {
    /// A TIS 1.3 device of a TPM 2.0, idle, no locality active.
    #[must_use]
    pub fn new(clock: impl Clock + 'static, executor: Executor) -> Self {
        let device = Device {
            faults: TisFaults::default(),
            violations: Vec::new(),
            active: None,
            state: State::Idle,
            interface_id: u32::MAX,
            interface_version: 3,
            interrupts: 0x8000_0000,
            command: Vec::new(),
            response: Vec::new(),
            position: 0,
            available: 0,
            burst_left: 0,
            next_burst: 0,
            random: 1,
            executor,
            clock: Rc::new(clock),
        };
        Self { device: Rc::new(RefCell::new(device)) }
    }

    /// The same as a TIS 1.2 device of a TPM 1.2: nothing decoded at `TPM_INTERFACE_ID`, no cancel.
    #[must_use]
    pub fn of_tpm12(clock: impl Clock + 'static, executor: Executor) -> Self {
        let model = Self::new(clock, executor);
        model.device.borrow_mut().interface_version = 0;
        model
    }

    /// What `TPM_INTERFACE_ID` reads as.
    pub fn set_interface_id(&self, value: u32) {
        self.device.borrow_mut().interface_id = value;
    }

    /// Changes how the device behaves.
    pub fn misbehave(&self, change: impl FnOnce(&mut TisFaults)) {
        change(&mut self.device.borrow_mut().faults);
    }

    /// What the driver did against the rules so far.
    #[must_use]
    pub fn violations(&self) -> Vec<&'static str> {
        self.device.borrow().violations.clone()
    }

    /// The locality that holds the TPM.
    #[must_use]
    pub fn active_locality(&self) -> Option<u8> {
        self.device.borrow().active
    }

    /// Whether interrupts are switched on.
    #[must_use]
    pub fn has_interrupts(&self) -> bool {
        self.device.borrow().interrupts & 0x8000_0000 != 0
    }

    /// Puts the device into the middle of a command of an earlier user, who also kept `locality`.
    pub fn leave_busy(&self, locality: Option<u8>) {
        let mut device = self.device.borrow_mut();
        device.active = locality;
        device.state = State::Execution { until: None };
    }
}

impl Device {
    pub(super) fn advance(&mut self) {
        if self.faults.seized && matches!(self.state, State::Execution { .. }) {
            self.active = Some(4);
        }
        if let State::Execution { until: Some(until) } = self.state
            && self.clock.now() >= until
            && !self.faults.never_ends
        {
            self.state = State::Completion;
            self.rewind();
        }
    }

    /// Of the bits of `mask`, some; none at every other look.
    pub(super) fn some_of(&mut self, mask: u8) -> u8 {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let [.., even, bits] = self.random.to_le_bytes();
        if self.faults.chatty && even.is_multiple_of(2) { bits & mask } else { 0 }
    }

    fn rewind(&mut self) {
        self.position = 0;
        self.available = self.response.len();
        if self.faults.cuts_responses > 0 {
            self.faults.cuts_responses -= 1;
            self.available /= 2;
        }
    }

    pub(super) fn new_burst(&mut self) -> u16 {
        let count = self.faults.bursts.len().max(1);
        self.burst_left = self.faults.bursts.get(self.next_burst % count).copied().unwrap_or(0);
        self.next_burst += 1;
        if self.state == State::Completion && !self.faults.static_burst {
            let rest = self.available.saturating_sub(self.position);
            self.burst_left = self.burst_left.min(u16::try_from(rest).unwrap_or(u16::MAX));
        }
        self.burst_left
    }

    fn use_burst(&mut self) {
        match self.burst_left.checked_sub(1) {
            Some(left) => self.burst_left = left,
            None => self.violations.push("FIFO used beyond the burst count"),
        }
    }

    pub(super) fn take_byte(&mut self, byte: u8) {
        self.use_burst();
        if self.state == State::Ready {
            self.command.clear();
            self.state = State::Reception;
        }
        if self.state != State::Reception || !self.expects_more() {
            self.violations.push("a byte was sent that the device does not expect");
        } else if self.faults.loses > 0 {
            self.faults.loses -= 1;
        } else {
            self.command.push(byte);
        }
    }

    pub(super) fn expects_more(&self) -> bool {
        self.command.len() < claimed(&self.command).unwrap_or(usize::MAX)
    }

    pub(super) fn give_byte(&mut self) -> u8 {
        self.use_burst();
        if self.state != State::Completion || !self.has_data() {
            self.violations.push("a byte was read that is not there");
            return u8::MAX;
        }
        let byte = self.response.get(self.position).copied().unwrap_or(u8::MAX);
        self.position += 1;
        byte
    }

    pub(super) fn has_data(&self) -> bool {
        self.position < self.available
    }

    pub(super) fn go(&mut self) {
        if self.state != State::Reception || self.expects_more() {
            self.violations.push("tpmGo without a whole command");
            return;
        }
        if let Some(left) = self.faults.drops.checked_sub(1) {
            (self.faults.drops, self.state) = (left, State::Ready);
            return;
        }
        let response = (self.executor)(&self.command);
        self.response = self.faults.answers.clone().unwrap_or(response);
        self.state = State::Execution { until: Some(self.clock.now() + self.faults.duration) };
    }

    pub(super) fn retry_response(&mut self) {
        if self.state == State::Completion {
            self.rewind();
        } else {
            self.violations.push("responseRetry without a response");
        }
    }

    pub(super) fn command_ready(&mut self) {
        self.state = match self.state {
            State::Idle | State::Ready | State::Reception => State::Ready,
            State::Completion => State::Idle,
            State::Execution { .. } if self.faults.ignores_abort => self.state,
            State::Execution { .. } => State::Ready,
        };
    }

    pub(super) fn release(&mut self) {
        self.active = None;
        if !self.faults.ignores_release {
            self.state = State::Idle;
        }
    }
}

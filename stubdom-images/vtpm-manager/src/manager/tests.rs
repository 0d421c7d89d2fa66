//! Requests and answers, without pages and hardware.

mod bad_sectors;
mod dom0;
mod hostile;
mod requests;
mod upstream;

use super::*;
use crate::arguments::Arguments;
use crate::root::WithoutHardware;
use alloc::rc::Rc;
use core::cell::RefCell;
use domain_io::test_utils::{FakeEntropy, TracedDisk};
use tpm_wire::HEADER_BYTES;
use tpm_wire::manager::{Command, Request};

pub(super) type Held = Rc<RefCell<TracedDisk>>;
pub(super) type Rig = Manager<Held, WithoutHardware>;

pub(super) fn held(bytes: Vec<u8>) -> Held {
    Rc::new(RefCell::new(TracedDisk::new(bytes)))
}

pub(super) fn blank() -> Held {
    held(alloc::vec![0; 1 << 20])
}

pub(super) fn open_with(disk: Held, line: &str) -> Result<(Rig, Opened), OpenError> {
    let (arguments, _) = Arguments::parse(line.split(' ')).unwrap();
    let entropy = Box::new(FakeEntropy::new(7));
    let parts =
        Parts { disk, keeper: WithoutHardware, hardware: None, entropy, now: Duration::ZERO };
    Manager::open(parts, &arguments)
}

pub(super) fn manager(line: &str) -> Rig {
    open_with(blank(), line).unwrap().0
}

pub(super) fn device(domain: u16) -> DeviceId {
    DeviceId { frontend: DomainId(domain), device: 0 }
}

pub(super) fn uuid(number: u16) -> Uuid {
    let [high, low] = number.to_be_bytes();
    Uuid([high, low, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1])
}

impl Rig {
    /// Attaches a vTPM domain whose uuid belongs to its number.
    pub(super) fn attach(&mut self, domain: u16) {
        self.attached(device(domain), uuid(domain), |_| true).unwrap();
        self.connected(device(domain), None);
    }

    /// One request and its answer, with the commit that it may need.
    pub(super) fn ask(&mut self, domain: u16, packet: &[u8]) -> Vec<u8> {
        match self.request(device(domain), packet, Duration::ZERO) {
            Reply::Now(answer) | Reply::End(answer) => answer,
            Reply::AfterCommit { uuid, tag, answer } => {
                match self.commit(Duration::ZERO).of(uuid) {
                    Ok(()) => answer,
                    Err(fault) => Self::failure(tag, fault),
                }
            }
        }
    }

    pub(super) fn vtpm(&mut self, domain: u16, request: Request<'_>) -> (u32, Vec<u8>) {
        parts(&self.ask(domain, &request.packet()))
    }

    pub(super) fn dom0(&mut self, command: Command) -> (u32, Vec<u8>) {
        parts(&self.ask(0, &command.packet()))
    }
}

pub(super) fn parts(answer: &[u8]) -> (u32, Vec<u8>) {
    let (header, body) = Header::parse(answer).unwrap();
    assert_eq!(answer.len(), HEADER_BYTES + body.len());
    (header.code, body.to_vec())
}

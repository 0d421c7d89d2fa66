//! The drivers against QEMU's TPM devices, whose registers others wrote, with swtpm behind them.

mod support;

use core::time::Duration;
use domain_io::{Clock, Pause};
use peers::{Family, QemuTpm, TpmDevice, unless_missing};
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Instant;
use support::BASE;
use tpm_hw::test_utils::bus;
use tpm_hw::{
    Flushed, Found, HardwareArguments, HardwareTpm, Interface, Mmio, detect, flush, start,
};
use tpm_wire::tpm20::{self, HashAlgorithm};
use tpm_wire::{Header, PacketBuilder, Tag, TpmVersion};

#[derive(Clone)]
struct Machine(Rc<RefCell<QemuTpm>>);

impl Mmio for Machine {
    fn bytes(&self) -> u64 {
        0x5000
    }

    fn read8(&mut self, offset: u64) -> u8 {
        u8::try_from(self.0.borrow_mut().read(BASE + offset, 1).unwrap()).unwrap()
    }

    fn write8(&mut self, offset: u64, value: u8) {
        self.0.borrow_mut().write(BASE + offset, 1, value.into()).unwrap();
    }

    fn read32(&mut self, offset: u64) -> u32 {
        self.0.borrow_mut().read(BASE + offset, 4).unwrap()
    }

    fn write32(&mut self, offset: u64, value: u32) {
        self.0.borrow_mut().write(BASE + offset, 4, value).unwrap();
    }
}

#[derive(Clone)]
struct RealTime(Instant);

impl Clock for RealTime {
    fn now(&self) -> Duration {
        self.0.elapsed()
    }
}

impl Pause for RealTime {
    fn pause(&self, time: Duration) {
        std::thread::sleep(time);
    }
}

fn found(machine: &Machine) -> Found {
    let arguments = HardwareArguments::default();
    detect(bus(BASE, machine.clone()), &arguments, RealTime(Instant::now())).unwrap()
}

/// Finds the TPM of a fresh machine and starts it twice.
fn started(device: TpmDevice, family: Family) -> Option<(Found, Machine)> {
    let machine = Machine(Rc::new(RefCell::new(unless_missing(QemuTpm::start(device, family))?)));
    let (mut found, time) = (found(&machine), RealTime(Instant::now()));
    let version = found.version;
    assert!(!start(found.tpm.as_mut(), version, &time).unwrap().already_started);
    assert!(start(found.tpm.as_mut(), version, &time).unwrap().already_started);
    Some((found, machine))
}

fn use_tpm20(tpm: &mut dyn HardwareTpm) {
    for _ in 0..10 {
        let response = tpm.transmit(&tpm20::get_random(32)).unwrap();
        assert_eq!(tpm20::random_bytes(&response).unwrap().len(), 32);
    }
    let digests = [(HashAlgorithm::SHA256, vec![7; 32])];
    let response = tpm.transmit(&tpm20::pcr_extend(23, &digests)).unwrap();
    assert_eq!(tpm20::acknowledged(&response), Ok(()));
    let response = tpm.transmit(&tpm20::pcr_read(HashAlgorithm::SHA256, 23)).unwrap();
    assert_ne!(tpm20::pcr_digest(&response).unwrap(), Some(&[0; 32][..]));
    // A long command and a long answer: 1024 bytes through TPM2_Hash.
    let hash = PacketBuilder::new(Tag::NO_SESSIONS, 0x17D).sized(&[3; 1024]).u16(0x0B);
    let response = tpm.transmit(&hash.u32(0x4000_0007).finish()).unwrap();
    assert_eq!(Header::parse(&response).unwrap().0.code, 0);
    assert_eq!(flush(tpm, TpmVersion::Tpm20, &|_| true).unwrap().left_objects, 0);
}

#[test]
fn tpm_tis_of_qemu_with_a_tpm_2() {
    let Some((mut found, _)) = started(TpmDevice::Tis, Family::Tpm20) else { return };
    assert_eq!((found.version, found.interface), (TpmVersion::Tpm20, Interface::Fifo));
    use_tpm20(found.tpm.as_mut());
}

#[test]
fn tpm_crb_of_qemu_with_a_tpm_2() {
    let Some((mut found, _)) = started(TpmDevice::Crb, Family::Tpm20) else { return };
    assert_eq!((found.version, found.interface), (TpmVersion::Tpm20, Interface::Crb));
    use_tpm20(found.tpm.as_mut());
}

#[test]
fn tpm_tis_of_qemu_with_a_tpm_1_2() {
    let Some((mut found, _)) = started(TpmDevice::Tis, Family::Tpm12) else { return };
    assert_eq!((found.version, found.interface), (TpmVersion::Tpm12, Interface::Fifo));
    let get_random = PacketBuilder::new(Tag::RQU_COMMAND, 0x46).u32(100).finish();
    for _ in 0..10 {
        let response = found.tpm.transmit(&get_random).unwrap();
        assert_eq!((response.len(), &response[6..10]), (114, &[0; 4][..]));
    }
    assert_eq!(flush(found.tpm.as_mut(), TpmVersion::Tpm12, &|_| true), Ok(Flushed::default()));
}

/// TPM2_CreatePrimary of an RSA storage key: runs for a while.
fn long_command() -> Vec<u8> {
    let template = [
        &[0x00, 0x01, 0x00, 0x0B, 0x00, 0x03, 0x00, 0x72, 0, 0, 0x00, 0x06, 0x00, 0x80][..],
        &[0x00, 0x43, 0x00, 0x10, 0x08, 0x00, 0, 0, 0, 0, 0, 0],
    ];
    let authorised = PacketBuilder::new(Tag::SESSIONS, 0x131).u32(0x4000_0001).u32(9);
    let password = authorised.u32(0x4000_0009).u16(0).u8(0).u16(0);
    password.sized(&[0; 4]).sized(&template.concat()).u16(0).u32(0).finish()
}

#[test]
fn a_command_that_an_earlier_user_left_running_in_tpm_tis_is_ended() {
    let Some((_, mut machine)) = started(TpmDevice::Tis, Family::Tpm20) else { return };
    machine.write8(0x00, 0x02);
    machine.write8(0x18, 0x40);
    long_command().iter().for_each(|byte| machine.write8(0x24, *byte));
    machine.write8(0x18, 0x20);
    assert_eq!(machine.read8(0x18) & 0x50, 0, "the command runs");
    use_tpm20(found(&machine).tpm.as_mut());
}

#[test]
fn a_command_that_an_earlier_user_left_running_in_tpm_crb_is_ended() {
    let Some((_, mut machine)) = started(TpmDevice::Crb, Family::Tpm20) else { return };
    machine.write32(0x08, 0x01);
    machine.write32(0x40, 0x01);
    (0x80..).zip(long_command()).for_each(|(at, byte)| machine.write8(at, byte));
    machine.write32(0x4C, 0x01);
    assert_eq!(machine.read32(0x4C), 1, "the command runs");
    use_tpm20(found(&machine).tpm.as_mut());
}

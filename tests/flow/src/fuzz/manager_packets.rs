//! vTPM domains and domain 0 send any packets to the manager, on a machine whose hardware TPM lies.

use super::bytes::{Bytes, with_size};
use super::liar::LyingTpm;
use domain_io::DomainId;
use domain_io::test_utils::{FakeEntropy, TracedDisk};
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;
use tpm_wire::manager::Request;
use tpm_wire::{Header, MAX_PACKET_BYTES, TpmVersion};
use tpmif::nodes::DeviceId;
use vtpm_manager::{Arguments, Hardware, Manager, Parts, Reply, WithoutHardware};
use vtpm_store::Uuid;
use vtpm_store::manager::{Accept, Opening};

const STORE_BYTES: usize = 1 << 18;
/// More make an input slow and say nothing new.
const MOST_PACKETS: usize = 24;

const GOOD: DeviceId = DeviceId { frontend: DomainId(2), device: 0 };
const HOSTILE: DeviceId = DeviceId { frontend: DomainId(1), device: 0 };
const DOM0: DeviceId = DeviceId { frontend: DomainId(0), device: 0 };

/// Tags and ordinals that mean something to somebody (docs/formats/manager-protocol.md,
/// manager-commands.md, and the TPM's own).
const ORDINALS: [(u16, u32); 24] = [
    (0x01C1, 1),
    (0x01C1, 2),
    (0x01C1, 3),
    (0x01C1, 4),
    (0x01C1, 0x0001_0001),
    (0x01C1, 0x0001_0002),
    (0x01C2, 0x0001_0101),
    (0x01C2, 0x0001_0102),
    (0x01C2, 0x0001_0103),
    (0x01C2, 0x0001_0104),
    (0x01C2, 0x0001_0105),
    (0x01C2, 0x0001_0106),
    (0x01C2, 0x0001_0107),
    (0x01C2, 0x0001_0108),
    (0x01C2, 0x0001_0109),
    (0x01C2, 1),
    (0x00C1, 0x46),
    (0x00C1, 0x15),
    (0x00C1, 0x65),
    (0x00C1, 0x53),
    (0x8001, 0x17B),
    (0x8001, 0x17E),
    (0x8002, 0x131),
    (0x00C2, 0x14),
];

type Disk = Rc<RefCell<TracedDisk>>;
type Rig = Manager<Disk, WithoutHardware>;

/// The first byte chooses the hardware TPM (none, 1.2, 2.0); the next two say how many bytes are its
/// answers. Then come packets, each behind a byte that says who sends it and how it is made, and one
/// of its length.
///
/// # Panics
/// When a packet is not answered by a packet; when a vTPM without a command of domain 0 changes what
/// another has kept; when what was acknowledged is not on the disk; when the store cannot be opened
/// again.
pub fn manager_packets(data: &[u8]) {
    let mut bytes = Bytes(data);
    let (board, length) = (bytes.byte(), bytes.word());
    let disk = Rc::new(RefCell::new(TracedDisk::new(vec![0; STORE_BYTES])));
    let mut manager = open(&disk, hardware(board, &Bytes(bytes.take(length.into()))));
    for (number, id) in [(1, HOSTILE), (2, GOOD)] {
        manager.attached(id, uuid(number), |_| true).expect("a first session");
        manager.connected(id, None);
    }
    let kept = [0x77; 64];
    assert_eq!(code(&ask(&mut manager, GOOD, &Request::Save(&kept).packet()).0), 0);
    let (mut dom0_spoke, mut ended) = (false, false);
    for _ in 0..MOST_PACKETS {
        if bytes.is_empty() || ended {
            break;
        }
        let (id, packet) = packet(&mut bytes);
        dom0_spoke |= id == DOM0;
        ended = ask(&mut manager, id, &packet).1;
    }
    if !dom0_spoke {
        let loaded = ask(&mut manager, GOOD, &Request::Load.packet()).0;
        assert!(loaded.ends_with(&kept), "{loaded:02x?}");
    }
    drop(manager);
    opened_again(&disk, dom0_spoke);
}

const fn uuid(number: u8) -> Uuid {
    Uuid([number; 16])
}

fn hardware(board: u8, answers: &Bytes<'_>) -> Option<Hardware> {
    let version = match board % 3 {
        0 => return None,
        1 => TpmVersion::Tpm12,
        _ => TpmVersion::Tpm20,
    };
    Some(Hardware { tpm: Box::new(LyingTpm::new(answers)), version })
}

fn open(disk: &Disk, hardware: Option<Hardware>) -> Rig {
    let line = match &hardware {
        None => "hwtpm=none",
        Some(Hardware { version: TpmVersion::Tpm20, .. }) => "tpm2 rollback=off",
        Some(_) => "rollback=off",
    };
    let (arguments, _) = Arguments::parse(line.split(' ')).expect("a sound command line");
    let (keeper, entropy) = (WithoutHardware, Box::new(FakeEntropy::new(7)));
    let parts = Parts { disk: Rc::clone(disk), keeper, hardware, entropy, now: Duration::ZERO };
    Manager::open(parts, &arguments).expect("a manager").0
}

fn packet(bytes: &mut Bytes<'_>) -> (DeviceId, Vec<u8>) {
    let (how, length) = (bytes.byte(), bytes.byte());
    let id = if how & 1 == 0 { HOSTILE } else { DOM0 };
    if how & 2 != 0 {
        let raw = bytes.take(length.into());
        return (id, if how & 4 == 0 { with_size(raw) } else { raw.to_vec() });
    }
    let (tag, ordinal) = ORDINALS[usize::from(how >> 3) % ORDINALS.len()];
    let header = [&tag.to_be_bytes()[..], &[0; 4], &ordinal.to_be_bytes()].concat();
    (id, with_size(&[&header, bytes.take(length.into())].concat()))
}

/// The answer, and whether the manager has ended with it.
fn ask(manager: &mut Rig, id: DeviceId, packet: &[u8]) -> (Vec<u8>, bool) {
    let (answer, ended) = match manager.request(id, packet, Duration::ZERO) {
        Reply::Now(answer) => (answer, false),
        Reply::End(answer) => {
            let _ = manager.rest(Duration::ZERO);
            (answer, true)
        }
        Reply::AfterCommit { uuid, tag, answer } => match manager.commit(Duration::ZERO).of(uuid) {
            Ok(()) => (answer, false),
            Err(fault) => (Rig::failure(tag, fault), false),
        },
    };
    assert!(answer.len() <= MAX_PACKET_BYTES, "{} bytes", answer.len());
    assert!(Header::parse(&answer).is_ok(), "{answer:02x?}");
    (answer, ended)
}

fn code(answer: &[u8]) -> u32 {
    Header::parse(answer).map_or(u32::MAX, |(header, _)| header.code)
}

/// The store is whole, and holds what the good vTPM was told to be kept.
fn opened_again(disk: &Disk, dom0_spoke: bool) {
    let after = disk.borrow().restarted();
    let opening = Opening::read(after).expect("a store");
    let secret = vtpm_custody::open_without_tpm(opening.sealed()).expect("its secret");
    let (mut store, notes) = opening.unlock(&secret, Accept::WholeStore).expect("it opens");
    assert_eq!(notes, Default::default());
    let good = store.get(uuid(2)).expect("it is readable");
    if !dom0_spoke {
        let kept = good.and_then(|record| record.hash_key).expect("a record");
        assert_eq!(kept.to_wire(), [0x77; 64]);
    }
}

//! How much heap the manager needs with as many vTPMs and devices as it carries. One test, so that nobody
//! else allocates.

#[allow(dead_code, reason = "the other tests use the rest")]
#[path = "chain/rig.rs"]
mod rig;

use domain_io::DomainId;
use domain_io::test_utils::{FakeEntropy, TracedDisk, World};
use peak_alloc::PeakAlloc;
use rig::{Disk, Rig, Vtpm, body, uuid};
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;
use tpm_wire::TpmVersion::Tpm20;
use tpm_wire::manager::{Register, Request};
use tpmif::nodes::DeviceId;
use vtpm_manager::{Arguments, Manager, Parts, RootKeeper, WithoutHardware};
use vtpm_store::Uuid;
use vtpmmgr_stubdom::{FRONTENDS, HEAP_NEEDED};

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

const VTPMS: u16 = 20_000;
/// Devices that connect and save at once in one turn of the manager.
const DEVICES: u16 = 512;

/// Devices have the uuids of their numbers. Those of the other vTPMs are as random ones: neighbours in
/// number are none in the store.
fn uuid_of(number: u16) -> Uuid {
    if number <= DEVICES {
        return Uuid(uuid(number).0);
    }
    let [high, low] = [1_u64, 2]
        .map(|half| u64::from(number).wrapping_mul(half.wrapping_mul(0x9E37_79B9_7F4A_7C15)));
    Uuid(std::array::from_fn(|at| [high.to_be_bytes(), low.to_be_bytes()].concat()[at]))
}

/// A store with all vTPMs, each with state and an RSA-2048 endorsement key, on a disk of the usual size.
fn full_disk() -> Disk {
    let disk: Disk = Rc::new(RefCell::new(TracedDisk::new(vec![0; 16 << 20])));
    let (arguments, _) = Arguments::parse(["hwtpm=none"]).expect("a sound line");
    let keeper: Box<dyn RootKeeper> = Box::new(WithoutHardware);
    let (entropy, now) = (Box::new(FakeEntropy::new(1)), Duration::ZERO);
    let parts = Parts { disk: Rc::clone(&disk), keeper, hardware: None, entropy, now };
    let (mut manager, _) = Manager::open(parts, &arguments).expect("a store");
    let device = DeviceId { frontend: DomainId(1), device: 0 };
    for number in 1..=VTPMS {
        manager.attached(device, uuid_of(number), |_| true).expect("the only one");
        let ek = Register { version: Tpm20, ek_name: &[4; 34], ek_public: &[5; 294] };
        manager.request(device, &Request::Register(ek).packet(), now);
        manager.request(device, &Request::Save(&[6; 64]).packet(), now);
        manager.gone(device);
        if number.is_multiple_of(500) {
            assert_eq!(manager.commit(now).of(uuid_of(number)), Ok(()), "{number}");
        }
    }
    let bytes = disk.borrow().bytes();
    Rc::new(RefCell::new(TracedDisk::new(bytes)))
}

/// What was in use at the most while this ran, beyond what was in use before.
fn beyond<T>(run: impl FnOnce() -> T) -> (T, usize) {
    let before = HEAP.current_usage();
    HEAP.reset_peak_usage();
    let done = run();
    (done, HEAP.peak_usage().saturating_sub(before))
}

#[test]
fn the_heap_that_is_asked_for_holds_all_vtpms_and_devices() {
    assert_eq!(usize::from(DEVICES), FRONTENDS);
    let disk = full_disk();
    let (mut rig, opening) = beyond(|| Rig::start_in(&World::new(), DomainId(900), &disk));
    let mut vtpms: Vec<_> = (1..=DEVICES).map(|number| Vtpm::connect(&mut rig, number)).collect();
    for (vtpm, number) in vtpms.iter_mut().zip(1..) {
        vtpm.submit(&Request::Save(&body(number, 1)).packet());
    }
    let (mut turns, mut answered) = (0, 0);
    while answered < vtpms.len() {
        let ((), turn) = beyond(|| rig.turn());
        turns = turn.max(turns);
        answered += vtpms.iter_mut().filter_map(Vtpm::answer).count();
    }
    let before = HEAP.current_usage();
    drop(rig.domain);
    let held = before - HEAP.current_usage();
    let needed = opening.max(held + turns);
    println!(
        "figure: opening {opening} bytes, then {held} held, {turns} more in a turn; {HEAP_NEEDED} are \
         asked for"
    );
    assert!(needed * 2 <= HEAP_NEEDED, "{needed} of {HEAP_NEEDED} bytes");
    assert!(
        HEAP_NEEDED <= needed * 4,
        "{needed} of {HEAP_NEEDED} bytes: small domains are refused"
    );
    // memory=16, of which the image itself has less than half.
    const { assert!(HEAP_NEEDED <= (16 << 20) / 2) };
}

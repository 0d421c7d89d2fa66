use super::*;
use core::cell::{Cell, RefCell};
use domain_io::test_utils::{FakeClock, FakePort, FakeSharing, FakeStore, Permissions, World};
use domain_io::{Clock, DomainId, StoreError, Xenstore};
use proptest::prelude::*;
use std::rc::Rc;
use std::string::ToString;
use std::vec;

const FRONT: &str = "/local/domain/5/device/vbd/768";
const BACK: &str = "/local/domain/0/backend/vbd/5/768";
const SECTORS: usize = 300;

/// How the imitated backend answers.
#[derive(Clone, Copy, PartialEq)]
enum Manner {
    Honest,
    Silent,
    OtherId,
    TooMany,
    Status(i16),
}

/// A backend in domain 0 with a disk in memory.
struct Backend {
    store: FakeStore,
    sharing: FakeSharing,
    ring: Option<(<FakeSharing as Sharing>::Page, FakePort)>,
    taken: u32,
    disk: Vec<u8>,
    manner: Manner,
    flushes: usize,
}

impl Backend {
    /// What a real backend does when it is woken.
    fn step(&mut self) {
        if self.ring.is_none() && self.store.read(&std::format!("{FRONT}/state")).unwrap() == "3" {
            let number = |store: &mut FakeStore, name: &str| -> u32 {
                store.read(&std::format!("{FRONT}/{name}")).unwrap().parse().unwrap()
            };
            let grant = GrantRef(number(&mut self.store, "ring-ref"));
            let port = PortNumber(number(&mut self.store, "event-channel"));
            let page = self.sharing.map(DomainId(5), grant).unwrap();
            let port = self.sharing.bind(DomainId(5), port).unwrap();
            self.ring = Some((page, port));
            self.store.write(&std::format!("{BACK}/state"), "4").unwrap();
        }
        let Some((ring, port)) = self.ring.take() else { return };
        while ring.load_u32(0).unwrap() != self.taken && self.manner != Manner::Silent {
            self.serve(&ring);
            port.notify().unwrap();
        }
        self.ring = Some((ring, port));
    }

    fn serve(&mut self, ring: &impl SharedPage) {
        let at = 64 + self.taken as usize % 32 * 112;
        let mut request = [0; 112];
        ring.read(at, &mut request).unwrap();
        let status = if let Manner::Status(status) = self.manner { status } else { 0 };
        self.carry_out(&request);
        let mut answer = [0; 12];
        answer[..8].copy_from_slice(&request[8..16]);
        if self.manner == Manner::OtherId {
            answer[0] ^= 1;
        }
        answer[10..].copy_from_slice(&status.to_le_bytes());
        ring.write(at, &answer).unwrap();
        self.taken += 1;
        let count = if self.manner == Manner::TooMany { self.taken + 5 } else { self.taken };
        ring.store_u32(8, count).unwrap();
    }

    fn carry_out(&mut self, request: &[u8; 112]) {
        let word = |at: usize| u32::from_le_bytes(request[at..at + 4].try_into().unwrap());
        let mut sector = word(16) as usize;
        self.flushes += usize::from(request[0] == 3);
        for segment in 0..usize::from(request[1]) {
            let at = 24 + segment * 8;
            let page = self.sharing.map(DomainId(5), GrantRef(word(at))).unwrap();
            let (first, last) = (usize::from(request[at + 4]), usize::from(request[at + 5]));
            let bytes = (last - first + 1) * 512;
            let place = &mut self.disk[sector * 512..sector * 512 + bytes];
            if request[0] == 1 {
                page.read(first * 512, place).unwrap();
            } else {
                page.write(first * 512, place).unwrap();
            }
            sector += last - first + 1;
        }
    }
}

struct TestHost {
    backend: Rc<RefCell<Backend>>,
    clock: FakeClock,
    /// At the next wait the machine stands still for so long, and the backend with it.
    stands_still: Cell<Duration>,
}

impl DiskHost for TestHost {
    fn now(&self) -> Duration {
        self.clock.now()
    }
    fn wait(&self, _port: PortNumber, until: Duration) {
        let lost = self.stands_still.take();
        if !lost.is_zero() {
            return self.clock.advance(lost);
        }
        let before = self.backend.borrow().taken;
        self.backend.borrow_mut().step();
        if self.backend.borrow().taken == before {
            self.clock.advance_to(until);
        }
    }
    fn pause(&self, time: Duration) {
        self.backend.borrow_mut().step();
        self.clock.advance(time);
    }
}

struct Rig {
    world: World,
    backend: Rc<RefCell<Backend>>,
}

impl Rig {
    /// A machine on which libxl has set up disk 768 of domain 5.
    fn new() -> Self {
        let world = World::new();
        world.add_domain(DomainId(5));
        let mut store = world.store(DomainId(0));
        for (path, value) in [
            (FRONT.to_string(), ""),
            (std::format!("{FRONT}/backend"), BACK),
            (std::format!("{FRONT}/backend-id"), "0"),
            (std::format!("{FRONT}/state"), "1"),
            (BACK.to_string(), ""),
            (std::format!("{BACK}/state"), "2"),
            (std::format!("{BACK}/sectors"), "300"),
            (std::format!("{BACK}/sector-size"), "512"),
            (std::format!("{BACK}/info"), "0"),
            (std::format!("{BACK}/mode"), "w"),
            (std::format!("{BACK}/feature-flush-cache"), "1"),
        ] {
            store.write(&path, value).unwrap();
            store.set_permissions(&path, Permissions::owned(DomainId(5))).unwrap();
        }
        let sharing = world.sharing(DomainId(0));
        let disk = vec![0; SECTORS * 512];
        let manner = Manner::Honest;
        let backend = Backend { store, sharing, ring: None, taken: 0, disk, manner, flushes: 0 };
        Self { world, backend: Rc::new(RefCell::new(backend)) }
    }

    fn set(&self, name: &str, value: &str) {
        self.backend.borrow_mut().store.write(&std::format!("{BACK}/{name}"), value).unwrap();
    }

    fn attach(&self) -> Result<Disk<FakeSharing, TestHost>, AttachError> {
        let (mut store, mut sharing) =
            (self.world.store(DomainId(5)), self.world.sharing(DomainId(5)));
        let (backend, clock) = (Rc::clone(&self.backend), self.world.clock());
        let host = TestHost { backend, clock, stands_still: Cell::default() };
        Disk::attach(&mut store, &mut sharing, host, VirtualDevice::HDA)
    }
}

#[test]
fn names_become_the_numbers_libxl_uses() {
    let number = |name| VirtualDevice::from_name(name).map(|device| device.0);
    assert_eq!(number("hda"), Some(768));
    assert_eq!(number("hdb"), Some(832));
    assert_eq!(number("hdc"), Some(5632));
    assert_eq!(number("xvda"), Some(51712));
    assert_eq!(number("xvdb"), Some(51728));
    assert_eq!(number("sdb"), Some(2064));
    for wrong in ["", "hd", "hde", "hda1", "xvdz", "hd\u{e9}"] {
        assert_eq!(number(wrong), None, "{wrong}");
    }
}

#[test]
fn attaching_needs_the_disk_to_be_there_and_sane() {
    let rig = Rig::new();
    let mut store = rig.world.store(DomainId(5));
    store.remove("device/vbd/768").unwrap();
    assert_eq!(rig.attach().err(), Some(AttachError::NoSuchDisk(VirtualDevice::HDA)));

    for (name, value) in [("sectors", "many"), ("info", "-1"), ("state", "")] {
        let rig = Rig::new();
        rig.set(name, value);
        assert!(matches!(rig.attach().err(), Some(AttachError::Node { .. })), "{name}={value}");
    }

    let rig = Rig::new();
    rig.set("sector-size", "4096");
    let refused = rig.attach().err().unwrap();
    assert_eq!(refused, AttachError::SectorBytes(4096));
    assert!(refused.to_string().contains("4096") && refused.to_string().contains("an image file"));

    let rig = Rig::new();
    rig.set("state", "1");
    assert_eq!(rig.attach().err(), Some(AttachError::Silent { wanted: 2, last: 1 }));

    let rig = Rig::new();
    rig.backend.borrow_mut().store.remove(&std::format!("{BACK}/sectors")).unwrap();
    assert!(matches!(rig.attach().err(), Some(AttachError::Store(StoreError::Refused(_)))));
}

#[test]
fn a_read_only_disk_is_known_by_its_info_or_its_mode() {
    for (name, value) in [("info", "4"), ("mode", "r")] {
        let rig = Rig::new();
        rig.set(name, value);
        let mut disk = rig.attach().unwrap();
        assert!(disk.is_read_only());
        assert_eq!(disk.write(0, &[0; 512]), Err(BlockError::ReadOnly));
        assert_eq!(disk.read(0, &mut [1; 512]), Ok(()));
    }
}

#[test]
fn flush_reaches_the_backend_and_its_failure_is_one() {
    let rig = Rig::new();
    let mut disk = rig.attach().unwrap();
    assert_eq!(disk.flush(), Ok(()));
    assert_eq!(rig.backend.borrow().flushes, 1);
    rig.backend.borrow_mut().manner = Manner::Status(-1);
    assert_eq!(disk.flush(), Err(BlockError::Failed));
    assert!(disk.can_flush());
}

#[test]
fn storage_without_a_cache_to_be_flushed_is_worked_with() {
    // Linux's backend says 0 for a device without a volatile write cache; others leave the node out.
    let rig = Rig::new();
    rig.set("feature-flush-cache", "0");
    let without = Rig::new();
    without.backend.borrow_mut().store.remove(&std::format!("{BACK}/feature-flush-cache")).unwrap();
    for rig in [rig, without] {
        let mut disk = rig.attach().unwrap();
        assert!(!disk.can_flush());
        assert_eq!((disk.write(0, &[7; 512]), disk.flush()), (Ok(()), Ok(())));
        assert_eq!(rig.backend.borrow().flushes, 0);
    }

    let rig = Rig::new();
    let mut disk = rig.attach().unwrap();
    rig.backend.borrow_mut().manner = Manner::Status(-2);
    assert_eq!((disk.flush(), disk.flush()), (Ok(()), Ok(())));
    assert_eq!(rig.backend.borrow().flushes, 1, "it is not asked again");
}

#[test]
fn whether_flushes_are_needed_is_not_guessed_when_the_node_cannot_be_read() {
    let rig = Rig::new();
    let path = std::format!("{BACK}/feature-flush-cache");
    let closed = Permissions::owned(DomainId(0));
    rig.backend.borrow_mut().store.set_permissions(&path, closed).unwrap();
    assert!(matches!(rig.attach().err(), Some(AttachError::Store(StoreError::Refused(_)))));
}

#[test]
fn a_failure_is_reported_and_the_disk_goes_on() {
    let rig = Rig::new();
    let mut disk = rig.attach().unwrap();
    rig.backend.borrow_mut().manner = Manner::Status(-1);
    assert_eq!(disk.read(0, &mut [0; 512]), Err(BlockError::Failed));
    rig.backend.borrow_mut().manner = Manner::Honest;
    assert_eq!(disk.read(0, &mut [0; 512]), Ok(()));
}

#[test]
fn a_backend_that_lies_or_stays_silent_loses_the_disk() {
    for manner in [Manner::Silent, Manner::OtherId, Manner::TooMany] {
        let rig = Rig::new();
        let mut disk = rig.attach().unwrap();
        rig.backend.borrow_mut().manner = manner;
        assert_eq!(disk.read(0, &mut [0; 512]), Err(BlockError::Gone));
        rig.backend.borrow_mut().manner = Manner::Honest;
        assert_eq!(disk.write(0, &[0; 512]), Err(BlockError::Gone));
        assert_eq!(disk.flush(), Err(BlockError::Gone));
    }
}

#[test]
fn a_machine_that_stood_still_is_no_silent_backend() {
    let rig = Rig::new();
    let mut disk = rig.attach().unwrap();
    disk.host.stands_still.set(PATIENCE * 6);
    assert_eq!(disk.write(0, &[1; 512]), Ok(()));
}

#[test]
fn ranges_off_the_disk_are_refused_without_asking() {
    let rig = Rig::new();
    let mut disk = rig.attach().unwrap();
    let outside = Err(BlockError::OutsideDisk);
    assert_eq!(disk.read(SECTORS as u64, &mut [0; 512]), outside);
    assert_eq!(disk.read(u64::MAX, &mut [0; 512]), outside);
    assert_eq!(disk.write(0, &[0; 511]), outside);
    assert_eq!(disk.write(1, &vec![0; SECTORS * 512]), outside);
    assert_eq!(rig.backend.borrow().taken, 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn what_is_written_is_read_in_any_cut(writes in prop::collection::vec((0_usize..300, 1_usize..200, any::<u8>()), 1..12)) {
        let rig = Rig::new();
        let mut disk = rig.attach().unwrap();
        let mut model = vec![0; SECTORS * 512];
        for (sector, count, fill) in writes {
            let count = count.min(SECTORS - sector);
            let bytes: Vec<u8> = (0..count * 512).map(|at| fill.wrapping_add((at / 97).to_le_bytes()[0])).collect();
            disk.write(sector as u64, &bytes).unwrap();
            model[sector * 512..][..bytes.len()].copy_from_slice(&bytes);
        }
        let mut all = vec![0; SECTORS * 512];
        disk.read(0, &mut all).unwrap();
        prop_assert!(all == model);
        prop_assert!(rig.backend.borrow().disk == model);
    }
}

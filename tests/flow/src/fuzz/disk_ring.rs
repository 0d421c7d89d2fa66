//! A disk's backend writes anything into its nodes and into the ring.

use super::bytes::Bytes;
use domain_io::test_utils::{FakeClock, FakeSharing, FrameView, Permissions, World};
use domain_io::{
    BlockDevice, BlockError, Clock, DomainId, GrantRef, PortNumber, SECTOR_BYTES, Xenstore,
};
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;
use xen_guest::{Disk, DiskHost, VirtualDevice};

const OWN: DomainId = DomainId(5);
const FRONT: &str = "/local/domain/5/device/vbd/768";
const BACK: &str = "/local/domain/0/backend/vbd/5/768";
/// The nodes that the backend fills, and the honest value of each.
const NODES: [(&str, &str); 5] = [
    ("sectors", "300"),
    ("sector-size", "512"),
    ("info", "0"),
    ("mode", "w"),
    ("feature-flush-cache", "1"),
];
const VALUES: [&str; 8] = ["0", "1", "512", "4096", "-1", "", "18446744073709551615", "x"];
const MOST_REQUESTS: usize = 32;
const ENTRY_BYTES: usize = 112;
const FIRST_ENTRY: usize = 64;

/// First a byte that says which nodes are odd, then requests of two bytes, and between them what
/// the backend does.
///
/// # Panics
/// When a disk that was given up is used again, or a transfer outside the disk is tried.
pub fn disk_ring(data: &[u8]) {
    let bytes = Rc::new(RefCell::new(data.to_vec()));
    let world = World::new();
    prepare(&world, &mut next(&bytes));
    let host = Backend { world: world.clone(), clock: world.clock(), bytes: Rc::clone(&bytes) };
    let (mut store, mut sharing) = (world.store(OWN), world.sharing(OWN));
    let attached = Disk::attach(&mut store, &mut sharing, host, VirtualDevice::HDA);
    let Ok(mut disk) = attached else { return };
    for _ in 0..MOST_REQUESTS {
        if bytes.borrow().is_empty() {
            break;
        }
        request(&mut disk, [next(&bytes), next(&bytes)]);
    }
}

/// The next byte, and zero when there is none.
fn next(bytes: &Rc<RefCell<Vec<u8>>>) -> u8 {
    let mut bytes = bytes.borrow_mut();
    if bytes.is_empty() { 0 } else { bytes.remove(0) }
}

fn prepare(world: &World, odd: &mut u8) {
    world.add_domain(OWN);
    let mut store = world.store(DomainId(0));
    let mut set = |path: String, value: &str| {
        store.write(&path, value).expect("domain 0 may write");
        let permissions = Permissions::owned(OWN);
        store.set_permissions(&path, permissions).expect("domain 0 may set permissions");
    };
    set(FRONT.into(), "");
    set(format!("{FRONT}/backend"), BACK);
    set(format!("{FRONT}/backend-id"), "0");
    set(format!("{BACK}/state"), "2");
    for (number, (name, honest)) in NODES.iter().enumerate() {
        let is_odd = *odd & 7 == u8::try_from(number).unwrap_or(u8::MAX) + 1;
        let value = if is_odd { VALUES[usize::from(*odd >> 3) % VALUES.len()] } else { honest };
        set(format!("{BACK}/{name}"), value);
    }
}

fn request(disk: &mut Disk<FakeSharing, Backend>, [kind, size]: [u8; 2]) {
    let sectors = usize::from(size) % 130;
    let sector = u64::from(kind >> 2) * 8;
    let mut buffer = vec![0x5A; sectors * SECTOR_BYTES];
    let ended = match kind % 4 {
        0 => disk.flush(),
        1 => disk.write(sector, &buffer),
        _ => disk.read(sector, &mut buffer),
    };
    let end = sector + sectors as u64;
    if !kind.is_multiple_of(4) && ended.is_ok() {
        assert!(end <= disk.sectors(), "{end} of {}", disk.sectors());
    }
    if ended == Err(BlockError::Gone) && disk.sectors() > 0 {
        assert_eq!(disk.read(0, &mut [0; SECTOR_BYTES]), Err(BlockError::Gone));
    }
}

/// The other end, as the input has it. When the input is used up, it is silent.
struct Backend {
    world: World,
    clock: FakeClock,
    bytes: Rc<RefCell<Vec<u8>>>,
}

impl Backend {
    fn ring(&self) -> Option<FrameView> {
        let grant = self.world.store(DomainId(0)).read(&format!("{FRONT}/ring-ref")).ok()?;
        self.world.frame(OWN, GrantRef(grant.parse().ok()?))
    }

    fn act(&self, ring: &FrameView, action: u8) {
        let mut input = self.bytes.borrow_mut();
        let mut bytes = Bytes(&input);
        let word = |at: usize| {
            ring.bytes()[at..at + 4].try_into().map(u32::from_le_bytes).unwrap_or_default()
        };
        match action % 4 {
            0 => honest_answer(ring, word(8)),
            1 => ring.poke(8, &bytes.long().to_le_bytes()),
            2 => {
                let entry = usize::from(bytes.byte()) % 32;
                ring.poke(FIRST_ENTRY + entry * ENTRY_BYTES, bytes.take(12));
            }
            _ => ring.poke(usize::from(bytes.word()) % 4096, &[bytes.byte()]),
        }
        let used = input.len() - bytes.0.len();
        input.drain(..used);
    }
}

/// The request of this number is answered with success.
fn honest_answer(ring: &FrameView, number: u32) {
    let at = FIRST_ENTRY + (number as usize % 32) * ENTRY_BYTES;
    let id = ring.bytes()[at + 8..at + 16].to_vec();
    ring.poke(at, &[&id[..], &[0; 4]].concat());
    ring.poke(8, &number.wrapping_add(1).to_le_bytes());
}

impl DiskHost for Backend {
    fn now(&self) -> Duration {
        self.clock.now()
    }

    fn wait(&self, _: PortNumber, until: Duration) {
        let silent = self.bytes.borrow().is_empty();
        match self.ring() {
            Some(ring) if !silent => {
                let action = next(&self.bytes);
                self.act(&ring, action);
            }
            _ => self.clock.advance_to(until),
        }
    }

    fn pause(&self, time: Duration) {
        self.clock.advance(time);
        let mut store = self.world.store(DomainId(0));
        let _ = store.write(&format!("{BACK}/state"), "4");
    }
}

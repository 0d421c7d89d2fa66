//! A disk with a part that cannot be written any more.

use super::*;
use core::cell::Cell;
use core::ops::Range;
use domain_io::BlockError;

/// The same disk for a manager and its test.
#[derive(Clone)]
struct Failing {
    disk: Held,
    bad: Rc<Cell<(u64, u64)>>,
}

impl Failing {
    fn check(&self, sector: u64, length: usize) -> Result<(), BlockError> {
        let (start, end) = self.bad.get();
        let asked: Range<u64> = sector..sector + (length / 512) as u64;
        if asked.start < end && asked.end > start { Err(BlockError::Failed) } else { Ok(()) }
    }
}

impl BlockDevice for Failing {
    fn sectors(&self) -> u64 {
        self.disk.sectors()
    }

    fn is_read_only(&self) -> bool {
        false
    }

    fn read(&mut self, sector: u64, into: &mut [u8]) -> Result<(), BlockError> {
        self.disk.read(sector, into)
    }

    fn write(&mut self, sector: u64, from: &[u8]) -> Result<(), BlockError> {
        self.check(sector, from.len())?;
        self.disk.write(sector, from)
    }

    fn flush(&mut self) -> Result<(), BlockError> {
        self.disk.flush()
    }
}

type Rig = Manager<Failing, WithoutHardware>;

fn save(rig: &mut Rig, number: u16) -> u32 {
    let packet = Request::Save(&[u8::try_from(number % 251).unwrap(); 64]).packet();
    let answer = match rig.request(device(1), &packet, Duration::ZERO) {
        Reply::Now(answer) | Reply::End(answer) => answer,
        Reply::AfterCommit { uuid, tag, answer } => match rig.commit(Duration::ZERO).of(uuid) {
            Ok(()) => answer,
            Err(fault) => Rig::failure(tag, fault),
        },
    };
    parts(&answer).0
}

/// A manager on a disk that becomes bad after its first save, from this sector to that one; its saves go on, and none of
/// them is refused as often as this.
fn goes_on(sectors: (u64, u64), tries: u16) {
    let (arguments, _) = Arguments::parse(["hwtpm=none"]).unwrap();
    let (bad, disk) = (Rc::new(Cell::new((0, 0))), blank());
    let disk = Failing { disk, bad: Rc::clone(&bad) };
    let entropy = Box::new(FakeEntropy::new(7));
    let (keeper, now) = (WithoutHardware, Duration::ZERO);
    let parts = Parts { disk, keeper, hardware: None, entropy, now };
    let (mut rig, _) = Manager::open(parts, &arguments).unwrap();
    rig.attached(device(1), uuid(1), |_| true).unwrap();
    assert_eq!(save(&mut rig, 1), 0);
    bad.set(sectors);
    for number in 2..40 {
        let mut refused = 0;
        while save(&mut rig, number) != 0 {
            refused += 1;
            assert!(refused < tries, "{sectors:?}: save {number} is not kept");
        }
    }
}

#[test]
fn a_free_page_that_cannot_be_written_costs_a_try_or_two_and_no_more() {
    for page in 8..20 {
        goes_on((page * 8, page * 8 + 8), 3);
    }
}

/// As of a sparse image on a file system that is full.
#[test]
fn a_disk_whose_unwritten_part_cannot_be_written_is_used_where_it_was() {
    for page in 12..20 {
        goes_on((page * 8, u64::MAX), 3);
    }
}

//! A disk with a part that cannot be written any more.

use super::*;
use core::cell::RefCell;
use core::ops::Range;
use domain_io::test_utils::BadSectors;

type Rig = Manager<BadSectors<Held>, WithoutHardware>;

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

/// A manager on a disk of which these sectors become bad after its first save; its saves go on, and none of
/// them is refused as often as this.
fn goes_on(sectors: Range<u64>, tries: u16) {
    let (arguments, _) = Arguments::parse(["hwtpm=none"]).unwrap();
    let bad = Rc::new(RefCell::new(0..0));
    let disk = BadSectors { disk: blank(), bad: Rc::clone(&bad), are_readable: true };
    let entropy = Box::new(FakeEntropy::new(7));
    let (keeper, now) = (WithoutHardware, Duration::ZERO);
    let parts = Parts { disk, keeper, hardware: None, entropy, now };
    let (mut rig, _) = Manager::open(parts, &arguments).unwrap();
    rig.attached(device(1), uuid(1), |_| true).unwrap();
    assert_eq!(save(&mut rig, 1), 0);
    *bad.borrow_mut() = sectors.clone();
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
        goes_on(page * 8..page * 8 + 8, 3);
    }
}

/// As of a sparse image on a file system that is full.
#[test]
fn a_disk_whose_unwritten_part_cannot_be_written_is_used_where_it_was() {
    for page in 12..20 {
        goes_on(page * 8..u64::MAX, 3);
    }
}

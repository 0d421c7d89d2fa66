//! The power goes at every write and flush of a manager in strict mode, also between commit,
//! increment and answer.

use crate::machine::{Life, Nv, Power};
use domain_io::test_utils::{Cut, TracedDisk};
use std::cell::RefCell;
use std::rc::Rc;
use vtpm_store::{HashKey, Secret};

const SAVES: u8 = 12;
const LINE: &str = "tpm2 rollback=strict budget=86400";

type Disk = Rc<RefCell<TracedDisk>>;

fn hash_key(save: u8) -> HashKey {
    HashKey::new(&[save; 32], &Secret::new([save; 32]))
}

fn life(disk: &Disk, nv: Nv) -> (Life<Disk>, Rc<std::cell::Cell<Nv>>) {
    let (life, nv) = Life::begin(disk, nv, &Power::until(None), LINE);
    (life.unwrap_or_else(|why| panic!("{why}")), nv)
}

/// When the trace was this long, the counter said this and so many saves had been answered.
struct Moment {
    place: usize,
    nv: Nv,
    answered: u8,
}

#[test]
fn every_start_after_a_cut_succeeds_and_nothing_that_was_answered_is_lost() {
    let disk: Disk = Rc::new(RefCell::new(TracedDisk::new(vec![0; 1 << 20])));
    let (first, nv) = life(&disk, Nv(None));
    drop(first);
    let restarted = disk.borrow().restarted();
    *disk.borrow_mut() = restarted;
    let trace = disk.borrow().trace();
    let before = nv.get();
    let (mut life, nv) = life(&disk, before);
    // The start's two steps: the increments fall between their flushes.
    let mut moments = vec![Moment { place: 0, nv: before, answered: 0 }];
    let flushes = trace.flushes();
    moments.push(Moment { place: trace.len(), nv: nv.get(), answered: 0 });
    assert!(flushes >= 2);
    for save in 1..=SAVES {
        assert!(life.save(&hash_key(save)));
        moments.push(Moment { place: trace.len(), nv: nv.get(), answered: save });
    }
    drop(life);
    let mut cuts = 0;
    disk.borrow().each_cut(|cut| {
        // The increment of a step comes right after its flush, which ends it: a cut at that place
        // may be on either side of it.
        let place = cut.place;
        let done = moments.iter().rposition(|moment| moment.place <= place).unwrap_or(0);
        if done == 0 {
            return;
        }
        let at = &moments[done];
        for way in 0..if cut.pending() == 0 { 1 } else { 3 } {
            check(&kept(cut, way), at.nv, at.answered);
            cuts += 1;
        }
        if at.place == place && done > 1 {
            let earlier = &moments[done - 1];
            check(&kept(cut, 1), earlier.nv, earlier.answered);
            cuts += 1;
        }
    });
    println!("{cuts} cuts");
    assert!(cuts > 100, "{cuts}");
}

fn kept(cut: &Cut<'_>, way: usize) -> Disk {
    let disk = cut.disk(|number| match way {
        0 => false,
        1 => true,
        _ => number % 2 == 0,
    });
    Rc::new(RefCell::new(disk))
}

fn check(disk: &Disk, nv: Nv, answered: u8) {
    let (mut life, _) = life(disk, nv);
    let found = life.kept().expect("it can be asked");
    let known = (answered..=SAVES).any(|save| found == (save > 0).then(|| hash_key(save)));
    assert!(known, "the save {answered} was answered");
    assert!(life.save(&hash_key(99)), "and it goes on");
}

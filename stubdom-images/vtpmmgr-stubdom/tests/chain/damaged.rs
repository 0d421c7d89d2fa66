//! `store=without-damaged`: a manager goes on without the records under a damaged branch.

use crate::rig::{Disk, Rig, Vtpm, body};
use domain_io::test_utils::{FakeEntropy, TracedDisk, World};
use domain_io::{BlockDevice, DomainId};
use std::cell::RefCell;
use std::rc::Rc;
use tpm_wire::TpmVersion;
use tpm_wire::manager::Request;
use vtpm_custody::open_without_tpm;
use vtpm_manager::{OpenError, WithoutHardware};
use vtpm_store::manager::{Accept, Change, Damage, Opening, Record, StoreError};
use vtpm_store::{HashKey, Secret, Uuid};

const PAGES: u64 = 4096;
const BYTES: usize = 16 << 20;
const VTPMS: u16 = 3000;

fn start(disk: &Disk, line: &str) -> Result<Rig, OpenError> {
    let keeper = Box::new(WithoutHardware);
    Rig::with(&World::new(), DomainId(900), disk, keeper, None, line)
}

/// A store of so many vTPMs that it has several branches.
fn large() -> Disk {
    let disk: Disk = Rc::new(RefCell::new(TracedDisk::new(vec![0; BYTES])));
    start(&disk, "hwtpm=none").unwrap_or_else(|why| panic!("{why}")).shutdown();
    let opening = Opening::read(Rc::clone(&disk)).expect("a store");
    let secret = open_without_tpm(opening.sealed()).expect("a secret in clear");
    let (mut store, _) = opening.unlock(&secret, Accept::WholeStore).expect("it opens");
    let mut entropy = FakeEntropy::new(6);
    let all: Vec<_> = (1..=VTPMS)
        .map(|number| {
            let mut record = Record::new(Uuid(crate::rig::uuid(number).0), TpmVersion::Tpm20);
            let kept = body(number, 1);
            let key = Secret::new(kept[32..].try_into().expect("32 bytes"));
            record.hash_key = Some(HashKey::new(kept[..32].try_into().expect("32 bytes"), &key));
            record.generation = 1;
            record.image_hash = vec![3; 32];
            Change::Put(Box::new(record))
        })
        .collect();
    for group in all.chunks(500) {
        let fields = store.fields();
        store.commit(&mut entropy, group, fields).expect("it is kept");
    }
    // Both roots name the same branches then, so that neither helps the other out.
    let fields = store.fields();
    store.commit(&mut entropy, &[], fields).expect("it is kept");
    drop(store);
    let restarted = disk.borrow().restarted();
    Rc::new(RefCell::new(restarted))
}

/// The store with a branch spoilt, and which uuids are lost.
fn spoilt(disk: &Disk) -> (Disk, Uuid, Option<Uuid>) {
    for page in 8..PAGES {
        let mut damaged = disk.borrow().restarted();
        damaged.write(page * 8 + 3, &[0x77; 512]).expect("written");
        let damaged: Disk = Rc::new(RefCell::new(damaged));
        if let Err(OpenError::Store(StoreError::Damaged(Damage::Records {
            from, before, ..
        }))) = start(&damaged, "hwtpm=none").map(|_| ())
        {
            return (damaged, from, before);
        }
    }
    panic!("one of the pages is a branch");
}

#[test]
fn only_by_its_word_does_a_manager_go_on_without_what_is_damaged() {
    let (disk, from, before) = spoilt(&large());
    let why = start(&disk, "hwtpm=none").map(|_| ()).expect_err("it is damaged").to_string();
    assert!(why.contains("add store=without-damaged to extra="), "{why}");
    let is_lost = |number: &u16| {
        let uuid = Uuid(crate::rig::uuid(*number).0);
        uuid >= from && before.is_none_or(|end| uuid < end)
    };
    let lost = (1..=VTPMS).find(is_lost).expect("somebody is lost");
    let kept = (1..=VTPMS).find(|number| !is_lost(number)).expect("somebody is left");
    let line = "hwtpm=none store=without-damaged";
    let mut rig = start(&disk, line).unwrap_or_else(|why| panic!("{why}"));
    let mut vtpm = Vtpm::connect(&mut rig, kept);
    assert_eq!(vtpm.request(&mut rig, Request::Load), (0, body(kept, 1).to_vec()));
    assert_eq!(vtpm.request(&mut rig, Request::Save(&body(kept, 2))).0, 0);
    let mut gone = Vtpm::connect(&mut rig, lost);
    assert_eq!(gone.request(&mut rig, Request::Load).0, 9, "broken, and never unknown");
    rig.shutdown();
    drop((vtpm, gone, rig));
    assert!(
        start(&disk, "hwtpm=none").is_err(),
        "the damage is still there, and so is the question"
    );
    let mut rig = start(&disk, line).unwrap_or_else(|why| panic!("{why}"));
    let mut vtpm = Vtpm::connect(&mut rig, kept);
    assert_eq!(vtpm.request(&mut rig, Request::Load), (0, body(kept, 2).to_vec()));
}

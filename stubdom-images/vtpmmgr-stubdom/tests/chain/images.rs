//! Which image a vTPM's domain was started from, as domain 0 names it.

use crate::policy::{listen, said_here};
use crate::rig::{Disk, Rig, Vtpm, body, disk, uuid};
use domain_io::{DomainId, Xenstore};
use std::time::Duration;
use tpm_wire::TpmVersion;
use tpm_wire::manager::{Command, Register, Request, Show};
use tpmif::peers::Libxl;

const NEW: Request<'_> =
    Request::Register(Register { version: TpmVersion::Tpm20, ek_name: &[], ek_public: &[] });

/// What domain 0 writes for a file of this digest.
fn named(digest: [u8; 32]) -> String {
    digest.iter().fold("sha256:".into(), |text, byte| format!("{text}{byte:02x}"))
}

/// A manager on a blank disk, one vTPM, and an ear for what is said.
fn one_vtpm() -> (Disk, Rig, Vtpm) {
    listen();
    let disk = disk();
    let mut rig = Rig::start(&disk);
    let vtpm = Vtpm::connect(&mut rig, 1);
    (disk, rig, vtpm)
}

/// Domain 0 writes the node, as it does before it lets the vTPM's domain run.
fn name(rig: &mut Rig, vtpm: &Vtpm, value: &str) {
    let node = format!("{}/image", Libxl::backend_dir(rig.id, vtpm.id));
    rig.libxl.store.write(&node, value).unwrap();
    rig.turn();
}

/// What the record says to domain 0.
fn recorded(rig: &mut Rig, number: u16) -> Vec<u8> {
    let mut dom0 = Vtpm::create(rig, 0, 77);
    dom0.await_connection(rig);
    let answer = dom0.ask(rig, &Command::Show(uuid(number).0).packet());
    rig.libxl.destroy(rig.id, dom0.id);
    rig.tick(Duration::from_secs(2));
    Show::of_answer(&answer).unwrap().image_hash
}

/// The vTPM's domain ends and is started anew as this one.
fn restarted(rig: &mut Rig, former: Vtpm, number: u16, of: u16) -> Vtpm {
    rig.world.destroy_domain(former.id.frontend);
    rig.libxl.destroy(rig.id, former.id);
    rig.tick(Duration::from_secs(2));
    let mut vtpm = Vtpm::create(rig, number, of);
    vtpm.await_connection(rig);
    vtpm
}

fn flushes(disk: &Disk) -> usize {
    disk.borrow().trace().flushes()
}

fn warnings() -> Vec<String> {
    said_here().lines().filter(|line| line.contains("image")).map(str::to_owned).collect()
}

#[test]
fn an_image_is_recorded_with_the_first_write_and_outlives_the_manager() {
    let (disk, mut rig, mut vtpm) = one_vtpm();
    name(&mut rig, &vtpm, &named([0xa1; 32]));
    let before = flushes(&disk);
    assert_eq!(vtpm.request(&mut rig, Request::Status).0, 0);
    assert_eq!(flushes(&disk), before, "nobody has asked for a record yet");
    assert_eq!(vtpm.request(&mut rig, NEW).0, 0);
    assert_eq!(flushes(&disk), before + 1, "one commit");
    assert_eq!(recorded(&mut rig, 1), [0xa1; 32]);
    let world = rig.world.clone();
    rig.shutdown();
    world.destroy_domain(rig.id);
    drop((vtpm, rig));
    let mut rig = Rig::start_in(&world, DomainId(901), &disk);
    assert_eq!(recorded(&mut rig, 1), [0xa1; 32]);
}

#[test]
fn another_image_is_said_once_and_kept_with_the_next_write_and_an_unchanged_one_costs_nothing() {
    let (disk, mut rig, mut vtpm) = one_vtpm();
    name(&mut rig, &vtpm, &named([0xa1; 32]));
    assert_eq!(vtpm.request(&mut rig, Request::Save(&body(1, 1))).0, 0);

    let mut vtpm = restarted(&mut rig, vtpm, 2, 1);
    name(&mut rig, &vtpm, &named([0xa1; 32]));
    let before = flushes(&disk);
    assert_eq!(vtpm.request(&mut rig, Request::Save(&body(1, 1))).0, 0);
    assert_eq!(flushes(&disk), before, "the same image, the same state: no commit");
    assert_eq!(warnings(), [""; 0]);

    let mut vtpm = restarted(&mut rig, vtpm, 3, 1);
    name(&mut rig, &vtpm, &named([0xb2; 32]));
    assert_eq!(vtpm.request(&mut rig, Request::Save(&body(1, 1))).0, 0, "never refused");
    assert_eq!(flushes(&disk), before, "no commit of its own");
    assert_eq!(recorded(&mut rig, 1), [0xa1; 32]);
    for save in 2..5 {
        assert_eq!(vtpm.request(&mut rig, Request::Save(&body(1, save))).0, 0);
    }
    assert_eq!(flushes(&disk), before + 3, "it goes with what is written anyway");
    assert_eq!(recorded(&mut rig, 1), [0xb2; 32]);
    let said = format!(
        "vTPM {} was started from another image: a1a1a1a1a1a1a1a1 was recorded, it is \
         b2b2b2b2b2b2b2b2 now",
        uuid(1)
    );
    assert_eq!(warnings(), [said]);
}

#[test]
fn what_is_no_digest_is_ignored_with_one_line() {
    let (_, mut rig, mut vtpm) = one_vtpm();
    let digest = named([0xa1; 32]);
    for (count, wrong) in
        ["", "sha256:", &digest[..70], &format!("{digest}0"), "/usr/lib/xen/boot/vtpm-stubdom.gz"]
            .into_iter()
            .enumerate()
    {
        name(&mut rig, &vtpm, wrong);
        for save in 0..3 {
            let save = u16::try_from(3 * count + save).unwrap();
            assert_eq!(vtpm.request(&mut rig, Request::Save(&body(1, save))).0, 0);
        }
        assert_eq!(warnings().len(), count + 1, "{wrong}");
    }
    assert!(recorded(&mut rig, 1).is_empty());
    name(&mut rig, &vtpm, &digest);
    assert_eq!(vtpm.request(&mut rig, Request::Save(&body(1, 99))).0, 0);
    assert_eq!(recorded(&mut rig, 1), [0xa1; 32], "and what is right is taken");
}

#[test]
fn without_a_name_a_record_stays_as_it_is_and_nothing_more_is_asked_of_xenstored() {
    let (_, mut rig, mut vtpm) = one_vtpm();
    assert_eq!(vtpm.request(&mut rig, Request::Save(&body(1, 1))).0, 0);
    assert!(recorded(&mut rig, 1).is_empty());
    name(&mut rig, &vtpm, &named([0xa1; 32]));
    assert_eq!(vtpm.request(&mut rig, Request::Save(&body(1, 2))).0, 0);
    let mut vtpm = restarted(&mut rig, vtpm, 2, 1);
    assert_eq!(vtpm.request(&mut rig, Request::Save(&body(1, 3))).0, 0);
    let asked = rig.requests();
    for save in 4..20 {
        assert_eq!(vtpm.request(&mut rig, Request::Save(&body(1, save))).0, 0);
    }
    assert_eq!(rig.requests(), asked);
    assert_eq!(recorded(&mut rig, 1), [0xa1; 32], "who names none takes none away");
    assert_eq!(warnings(), [""; 0]);
}

#[test]
fn an_image_that_is_named_late_is_recorded_with_the_next_save_under_the_right_uuid() {
    let disk = disk();
    let mut rig = Rig::start(&disk);
    let mut vtpms: Vec<_> = (1..=3).map(|number| Vtpm::connect(&mut rig, number)).collect();
    for (vtpm, number) in vtpms.iter_mut().zip(1..) {
        assert_eq!(vtpm.request(&mut rig, Request::Save(&body(number, 1))).0, 0);
    }
    name(&mut rig, &vtpms[1], &named([0xc3; 32]));
    for (vtpm, number) in vtpms.iter_mut().zip(1..) {
        assert_eq!(vtpm.request(&mut rig, Request::Save(&body(number, 2))).0, 0);
    }
    assert_eq!(recorded(&mut rig, 2), [0xc3; 32]);
    assert!(recorded(&mut rig, 1).is_empty() && recorded(&mut rig, 3).is_empty());
}

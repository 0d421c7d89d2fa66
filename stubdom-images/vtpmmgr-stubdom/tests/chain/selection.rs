//! Words that are recorded with a store: `pcrs=`, which PCRs a first start seals it to, and `tpm2`.

use crate::hardware::{domain_0, hardware, policy};
use crate::layer::{Layer, Wire};
use crate::rig::{Disk, Rig, disk};
use domain_io::DomainId;
use domain_io::test_utils::World;
use peers::Family;
use tpm_wire::Tag;
use tpm_wire::manager::{Force, PolicyCommand, PolicyReport, answer};
use tpm_wire::tpm12::TpmResult;
use vtpm_custody::Access;
use vtpm_manager::{Arguments, OpenError, WithHardware};

/// A start with this command line, as the image makes one.
fn start(wire: &Wire, id: u16, disk: &Disk, line: &str) -> Result<Rig, OpenError> {
    let world = World::new();
    let hardware = hardware(&world, Family::Tpm20, wire);
    let (arguments, _) = Arguments::parse(line.split(' ')).expect("a sound line");
    let force = if arguments.unmeasured { Force::Yes } else { Force::No };
    let access = Access::from(&arguments.hardware);
    let keeper = WithHardware::new(access, world.clock(), force);
    let keeper = Box::new(keeper.selecting(arguments.pcrs));
    Rig::with(&world, DomainId(id), disk, keeper, Some(hardware), line)
}

/// What the store is sealed to.
fn sealed_to(rig: &mut Rig) -> String {
    let mut dom0 = domain_0(rig);
    let (status, body) = policy(rig, &mut dom0, &PolicyCommand::Show);
    assert_eq!(status, 0);
    let packet = answer(Tag::VTPM_RSP2, TpmResult::SUCCESS, &body);
    let report = PolicyReport::of_answer(&packet).expect("a report");
    String::from_utf8(report.states[0].selection.clone()).expect("text")
}

fn refusal(wire: &Wire, disk: &Disk, line: &str) -> String {
    match start(wire, 900, disk, line) {
        Err(OpenError::Root(why)) => why.to_string(),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("{line} is accepted"),
    }
}

#[test]
fn pcrs_are_chosen_at_the_first_start_and_keep_to_it() {
    let Some((_swtpm, wire)) = Layer::fresh(Family::Tpm20) else { return };
    let disk = disk();
    let why = refusal(&wire, &disk, "pcrs=sha256:0,7 seal=unmeasured");
    assert!(why.contains("recovery key") && why.contains("reseal --pcrs sha256:0,7"), "{why}");
    let why = refusal(&wire, &disk, "pcrs=sha384:7");
    assert!(why.contains("all zeros") && why.contains("seal=unmeasured"), "{why}");
    let line = "pcrs=sha256:7+sha384:5 seal=unmeasured";
    let mut first = start(&wire, 900, &disk, line).unwrap_or_else(|why| panic!("{why}"));
    assert_eq!(sealed_to(&mut first), "sha256:7+sha384:5");
    first.shutdown();
    let later = start(&wire, 901, &disk, "pcrs=sha256:5");
    let mut later = later.unwrap_or_else(|why| panic!("{why}"));
    assert_eq!(sealed_to(&mut later), "sha256:7+sha384:5", "the word comes too late");
}

#[test]
fn a_version_word_over_an_existing_store_is_changed_by_one_more_word_only() {
    let Some((_swtpm, wire)) = Layer::fresh(Family::Tpm20) else { return };
    let disk = disk();
    let fine = |id, line| {
        let mut rig = start(&wire, id, &disk, line).unwrap_or_else(|why| panic!("{line}: {why}"));
        rig.shutdown();
    };
    fine(900, "seal=unmeasured");
    let why = refusal(&wire, &disk, "tpm2");
    assert!(why.contains("take tpm2 out of extra=") && why.contains("version=changed"), "{why}");
    fine(901, "loglevel=info");
    fine(902, "tpm2=1 version=changed");
    fine(903, "tpm2");
    let why = refusal(&wire, &disk, "loglevel=info");
    assert!(why.contains("put tpm2 back") && why.contains("version=changed"), "{why}");
    fine(904, "version=changed");
    fine(905, "loglevel=info");
}

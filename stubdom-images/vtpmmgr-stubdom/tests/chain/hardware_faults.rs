//! A hardware TPM that falls silent or is reset while the manager serves.

use crate::layer::{Layer, Wire};
use crate::rig::{Disk, Rig, Vtpm, body, disk};
use crate::rollback::{save, start};
use domain_io::test_utils::World;
use domain_io::{Clock, DomainId};
use peers::{Family, Swtpm, unless_missing};
use std::rc::Rc;
use std::time::Duration;
use tpm_hw::test_utils::{TisModel, bus};
use tpm_hw::{HardwareArguments, detect};
use tpm_wire::manager::{Force, Request};
use vtpm_custody::Access;
use vtpm_manager::{Hardware, WithHardware};

const LINE: &str = "tpm2 rollback=strict";

/// What TIS allows a command, for each of the few that a save costs, tried twice.
const LIMIT: Duration = Duration::from_secs(20 * 60);

/// A manager whose driver talks to a model of registers that the test may break.
fn breakable(wire: &Wire, disk: &Disk, line: &str) -> (Rig, TisModel) {
    let (world, answers) = (World::new(), Rc::clone(wire));
    let clock = world.clock();
    let executor =
        Box::new(move |command: &[u8]| answers.borrow_mut().transmit(command).expect("an answer"));
    let model = TisModel::new(clock.clone(), executor);
    let window = bus(0xFED4_0000, model.clone());
    let mut found = detect(window, &HardwareArguments::default(), clock.clone()).expect("a TPM");
    tpm_hw::start(found.tpm.as_mut(), found.version, &clock).expect("it starts");
    let keeper = Box::new(WithHardware::new(Access::default(), clock, Force::Yes));
    let hardware = Hardware { tpm: found.tpm, version: found.version };
    let rig = Rig::with(&world, DomainId(990), disk, keeper, Some(hardware), line);
    (rig.unwrap_or_else(|why| panic!("{why}")), model)
}

#[test]
fn while_the_hardware_tpm_is_silent_saves_are_refused_within_a_limit_and_nothing_is_lost() {
    let Some((_swtpm, wire)) = Layer::fresh(Family::Tpm20) else { return };
    let disk = disk();
    let (mut rig, model) = breakable(&wire, &disk, LINE);
    let mut vtpm = Vtpm::connect(&mut rig, 1);
    let mut reader = Vtpm::connect(&mut rig, 2);
    assert_eq!(save(&mut rig, &mut vtpm, 1, 1), 0);
    assert_eq!(save(&mut rig, &mut reader, 2, 1), 0);

    model.misbehave(|faults| faults.never_ends = true);
    let clock = rig.world.clock();
    let begin = clock.now();
    assert_eq!(save(&mut rig, &mut vtpm, 1, 2), 9, "TPM_FAIL: not known to be kept");
    assert_eq!(reader.request(&mut rig, Request::Load).0, 9, "nobody is told what may be undone");
    assert!(clock.now() - begin < LIMIT, "{:?}", clock.now() - begin);

    model.misbehave(|faults| faults.never_ends = false);
    rig.tick(Duration::from_secs(120));
    assert_eq!(save(&mut rig, &mut vtpm, 1, 2), 0, "it goes on by itself");
    assert_eq!(reader.request(&mut rig, Request::Load), (0, body(2, 1).to_vec()));
    drop((vtpm, reader, rig));
    let mut rig = start(&wire, Family::Tpm20, &disk, LINE).unwrap_or_else(|why| panic!("{why}"));
    let mut vtpm = Vtpm::connect(&mut rig, 1);
    assert_eq!(vtpm.request(&mut rig, Request::Load), (0, body(1, 2).to_vec()));
}

/// In batched mode, the only one of a TPM 1.2, saves do not ask the hardware TPM before their window ends: what was
/// answered within it is what a copy of the disk could undo in any case.
#[test]
fn in_batched_mode_a_silent_hardware_tpm_is_noticed_when_the_window_ends_and_saves_are_refused_then()
 {
    for (family, line) in [(Family::Tpm20, "tpm2 rollback=batched"), (Family::Tpm12, "")] {
        let Some((_swtpm, wire)) = Layer::fresh(family) else { return };
        let disk = disk();
        let (mut rig, model) = breakable(&wire, &disk, line);
        let mut vtpm = Vtpm::connect(&mut rig, 1);
        assert_eq!(save(&mut rig, &mut vtpm, 1, 1), 0);

        model.misbehave(|faults| faults.never_ends = true);
        assert_eq!(save(&mut rig, &mut vtpm, 1, 2), 0, "the window is open");
        rig.tick(Duration::from_secs(61));
        assert_eq!(save(&mut rig, &mut vtpm, 1, 3), 9, "TPM_FAIL: not known to be kept");
        assert_eq!(vtpm.request(&mut rig, Request::Load).0, 9, "nobody is told what may be undone");

        model.misbehave(|faults| faults.never_ends = false);
        rig.tick(Duration::from_secs(120));
        assert_eq!(save(&mut rig, &mut vtpm, 1, 3), 0, "it goes on by itself");
        drop((vtpm, rig));
        let mut rig = start(&wire, family, &disk, line).unwrap_or_else(|why| panic!("{why}"));
        let mut vtpm = Vtpm::connect(&mut rig, 1);
        assert_eq!(vtpm.request(&mut rig, Request::Load), (0, body(1, 3).to_vec()));
    }
}

/// The power of a hardware TPM goes for a moment and the machine's does not, under a manager of this line that
/// acknowledges so many saves all the same. Sessions are gone, and nobody sends Startup, since PCRs that were reset no
/// longer tell how the machine was booted.
fn reset_under_a_manager(line: &str, acknowledged_all_the_same: u16) {
    let state = tempfile::tempdir().expect("a folder");
    let power_on = || unless_missing(Swtpm::start_with_state(Family::Tpm20, state.path()));
    let Some(swtpm) = power_on() else { return };
    let (wire, disk) = (Layer::on(&swtpm), disk());
    let begin = || start(&wire, Family::Tpm20, &disk, line).unwrap_or_else(|why| panic!("{why}"));
    let mut rig = begin();
    let mut vtpm = Vtpm::connect(&mut rig, 1);
    assert_eq!(save(&mut rig, &mut vtpm, 1, 1), 0);

    drop(swtpm);
    let Some(swtpm) = power_on() else { return };
    wire.borrow_mut().replace(&swtpm);
    let last = 1 + acknowledged_all_the_same;
    for number in 2..=last {
        assert_eq!(save(&mut rig, &mut vtpm, 1, number), 0, "the window is open");
        rig.tick(Duration::from_secs(61));
    }
    for number in [last + 1, last + 2] {
        assert_eq!(save(&mut rig, &mut vtpm, 1, number), 9, "not known to be kept");
        rig.tick(Duration::from_secs(5));
    }
    drop((vtpm, rig));

    let mut rig = begin();
    let mut vtpm = Vtpm::connect(&mut rig, 1);
    let (status, loaded) = vtpm.request(&mut rig, Request::Load);
    assert_eq!(status, 0);
    let kept = (last..=last + 2).any(|number| loaded == body(1, number));
    assert!(kept, "what was acknowledged, or later: {loaded:02x?}");
    assert_eq!(save(&mut rig, &mut vtpm, 1, last + 3), 0);
}

#[test]
fn a_hardware_tpm_that_was_reset_takes_no_save_and_the_next_start_has_all_that_was_acknowledged() {
    reset_under_a_manager(LINE, 0);
}

/// As one that is silent.
#[test]
fn in_batched_mode_a_reset_of_the_hardware_tpm_is_noticed_when_the_window_ends_too() {
    reset_under_a_manager("tpm2 rollback=batched", 1);
}

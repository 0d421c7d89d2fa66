//! An end that domain 0 commands, with a hardware TPM whose counter does not follow.

use crate::hardware::domain_0;
use crate::layer::{Layer, Wire};
use crate::policy::{listen, said};
use crate::rig::{Rig, Vtpm, disk, parts};
use crate::rollback::{save, start};
use peers::Family;
use tpm_wire::manager::{Command, Force};

fn wear_out(wire: &Wire) {
    let mut layer = wire.borrow_mut();
    layer.worn_after = Some(layer.increments);
}

fn started(wire: &Wire, line: &str) -> (Rig, Vtpm, Vtpm) {
    let made = start(wire, Family::Tpm20, &disk(), line);
    let mut rig = made.unwrap_or_else(|why| panic!("{why}"));
    let vtpm = Vtpm::connect(&mut rig, 1);
    let dom0 = domain_0(&mut rig);
    (rig, vtpm, dom0)
}

fn prepare_shutdown(rig: &mut Rig, dom0: &mut Vtpm) -> (u32, String) {
    let (status, why) = parts(&dom0.ask(rig, &Command::PrepareShutdown(Force::Yes).packet()));
    assert!(rig.domain.wants_end());
    (status, String::from_utf8(why).expect("a sentence"))
}

const SENTENCE: &str =
    "the manager ends, and its last saves are not all kept, or can be put back unseen";

#[test]
fn an_end_whose_last_step_fails_is_no_success() {
    let Some((_swtpm, wire)) = Layer::fresh(Family::Tpm20) else { return };
    listen();
    let (mut rig, mut vtpm, mut dom0) = started(&wire, "tpm2 rollback=batched");
    assert_eq!(save(&mut rig, &mut vtpm, 1, 1), 0);
    wear_out(&wire);
    let (status, why) = prepare_shutdown(&mut rig, &mut dom0);
    assert!(status == 9 && why.starts_with(SENTENCE), "{status}: {why}");
    assert!(said().contains(&why), "on the console, too");
}

#[test]
fn an_end_after_a_failed_save_is_a_success_only_once_the_counter_follows() {
    for is_mended in [false, true] {
        let Some((_swtpm, wire)) = Layer::fresh(Family::Tpm20) else { return };
        let (mut rig, mut vtpm, mut dom0) = started(&wire, "tpm2");
        wear_out(&wire);
        assert_eq!(save(&mut rig, &mut vtpm, 1, 1), 9);
        if is_mended {
            wire.borrow_mut().worn_after = None;
        }
        let (status, why) = prepare_shutdown(&mut rig, &mut dom0);
        assert_eq!((status == 0, why.is_empty()), (is_mended, is_mended), "{status}: {why}");
    }
}

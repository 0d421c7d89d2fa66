//! A hardware TPM whose owner's authorisation is not given.

use crate::hardware::hardware;
use crate::layer::{Layer, Wire};
use crate::rig::{Disk, Rig, disk};
use domain_io::DomainId;
use domain_io::test_utils::World;
use peers::Family;
use tpm_hw::HardwareArguments;
use tpm_wire::manager::Force;
use tpm_wire::tpm12::{self, PhysicalPresence};
use vtpm_custody::Access;
use vtpm_manager::{OpenError, WithHardware};

fn start(wire: &Wire, disk: &Disk, words: &[&str]) -> Result<Rig, OpenError> {
    let world = World::new();
    let hardware = hardware(&world, Family::Tpm12, wire);
    let mut arguments = HardwareArguments::default();
    for word in words {
        arguments.take(word).expect("a word");
    }
    let keeper = WithHardware::new(Access::from(&arguments), world.clock(), Force::Yes);
    Rig::with(&world, DomainId(900), disk, Box::new(keeper), Some(hardware), &words.join(" "))
}

#[test]
fn a_counter_that_the_owner_does_not_allow_is_gone_without_by_a_word() {
    let Some((_swtpm, wire)) = Layer::fresh(Family::Tpm12) else { return };
    for command in [
        tpm12::startup(tpm12::StartupType::CLEAR),
        tpm12::physical_presence(PhysicalPresence::CMD_ENABLE),
        tpm12::physical_presence(PhysicalPresence::PRESENT),
        tpm12::physical_enable(),
        tpm12::physical_set_deactivated(false),
    ] {
        wire.borrow_mut().transmit(&command).expect("an answer");
    }
    let first = start(&wire, &disk(), &["owner_auth=text:owner", "rollback=off"]);
    first.unwrap_or_else(|why| panic!("{why}")).shutdown();
    let why = match start(&wire, &disk(), &["loglevel=info"]) {
        Err(OpenError::Root(why)) => why.to_string(),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("a counter was made without the owner"),
    };
    assert!(why.contains("a counter cannot be made without: rollback=off"), "{why}");
    assert!(why.contains("owner_auth="), "{why}");
    assert!(start(&wire, &disk(), &["rollback=off"]).is_ok());
}

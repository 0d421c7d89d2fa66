//! A hardware TPM whose owner's authorisation is not given.

use crate::hardware::hardware;
use crate::layer::{Layer, Wire};
use crate::rig::{Disk, Rig, disk};
use domain_io::DomainId;
use domain_io::test_utils::World;
use peers::Family;
use tpm_hw::HardwareArguments;
use tpm_hw::test_utils::set_up_tpm12;
use tpm_wire::manager::Force;
use tpm_wire::{Header, PacketBuilder, Tag, tpm20};
use vtpm_custody::Access;
use vtpm_manager::{OldStore, OpenError, WithHardware};

pub(crate) fn start(wire: &Wire, disk: &Disk, words: &[&str]) -> Result<Rig, OpenError> {
    start_of(Family::Tpm12, wire, disk, words)
}

fn start_of(family: Family, wire: &Wire, disk: &Disk, words: &[&str]) -> Result<Rig, OpenError> {
    let world = World::new();
    let hardware = hardware(&world, family, wire);
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
    for command in set_up_tpm12() {
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

/// `TPM2_HierarchyChangeAuth` of the owner's, from none to this.
fn give_owner(wire: &Wire, auth: &[u8]) {
    let startup = tpm20::startup(tpm20::StartupType::CLEAR);
    wire.borrow_mut().transmit(&startup).expect("an answer");
    let start = PacketBuilder::new(Tag::SESSIONS, 0x129).u32(0x4000_0001).u32(9).u32(0x4000_0009);
    let command = start.u16(0).u8(0).u16(0).sized(auth).finish();
    let answer = wire.borrow_mut().transmit(&command).expect("an answer");
    assert_eq!(Header::parse(&answer).expect("a packet").0.code, 0);
}

/// The counter's value is in the word also where the owner has an authorisation: else the word would
/// give up the next store, too.
#[test]
fn a_store_is_given_up_once_also_on_a_tpm_20_whose_owner_has_an_authorisation() {
    let Some((_swtpm, wire)) = Layer::fresh(Family::Tpm20) else { return };
    give_owner(&wire, &sha1_of_owner());
    let words = ["tpm2", "owner_auth=text:owner"];
    let start =
        |disk: &Disk, word: &str| start_of(Family::Tpm20, &wire, disk, &[words[0], words[1], word]);
    let first = start(&disk(), "loglevel=info");
    first.unwrap_or_else(|why| panic!("{why}")).shutdown();
    let why = match start(&disk(), "loglevel=info") {
        Err(OpenError::Old(why @ OldStore::Blank { .. })) => why.to_string(),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("a blank disk is served"),
    };
    let word = why.split_whitespace().find(|word| word.starts_with("forget=")).expect("a word");
    start(&disk(), word).unwrap_or_else(|why| panic!("{why}")).shutdown();
    let again = start(&disk(), word).err().expect("not twice");
    assert!(matches!(again, OpenError::Old(OldStore::Blank { .. })), "{again}");
}

/// What `owner_auth=text:owner` stands for.
fn sha1_of_owner() -> [u8; 20] {
    let mut arguments = HardwareArguments::default();
    arguments.take("owner_auth=text:owner").expect("a word");
    *arguments.owner_auth.bytes()
}

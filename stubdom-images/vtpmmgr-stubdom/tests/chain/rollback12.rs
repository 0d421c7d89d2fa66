//! Old state is refused by the monotonic counter of a TPM 1.2, which is advanced in batches.

use crate::hardware::hardware;
use crate::layer::{Layer, Wire};
use crate::owner;
use crate::rig::{Disk, Rig, Vtpm, body, disk};
use crate::rollback::{copy, save};
use domain_io::Clock;
use domain_io::test_utils::{FakeEntropy, World};
use peers::{Family, Swtpm, unless_missing};
use std::path::Path;
use std::time::Duration;
use tpm_wire::manager::{Force, Request};
use vtpm_custody::{Access, Former};
use vtpm_manager::{Ground, OldStore, OpenError, RootKeeper, WithHardware};

fn try_start(wire: &Wire, disk: &Disk, line: &str) -> Result<Rig, OpenError> {
    crate::rollback::start(wire, Family::Tpm12, disk, line)
}

fn start(wire: &Wire, disk: &Disk, line: &str) -> Rig {
    try_start(wire, disk, line).unwrap_or_else(|why| panic!("{why}"))
}

fn refusal(wire: &Wire, disk: &Disk, line: &str) -> OpenError {
    try_start(wire, disk, line).err().expect("it is refused")
}

/// The TPM of one machine, powered on anew.
fn power_on(state: &Path) -> Option<(Swtpm, Wire)> {
    let swtpm = unless_missing(Swtpm::start_with_state(Family::Tpm12, state))?;
    let wire = Layer::on(&swtpm);
    Some((swtpm, wire))
}

/// The word of this beginning that a message proposes.
fn word(why: &OpenError, beginning: &str) -> String {
    let text = why.to_string();
    let found = text.split_whitespace().find(|word| word.starts_with(beginning));
    found.unwrap_or_else(|| panic!("no {beginning} in: {text}")).to_owned()
}

const PLAIN: &str = "loglevel=info";

#[test]
fn a_tpm_12_refuses_what_is_older_than_its_window() {
    let Some((_swtpm, wire)) = Layer::fresh(Family::Tpm12) else { return };
    let disk = disk();
    let mut rig = start(&wire, &disk, PLAIN);
    let mut vtpm = Vtpm::connect(&mut rig, 1);
    assert_eq!(save(&mut rig, &mut vtpm, 1, 1), 0);
    let old = copy(&disk);
    let before = wire.borrow().increments;
    for number in 2..=5 {
        assert_eq!(save(&mut rig, &mut vtpm, 1, number), 0);
    }
    rig.tick(Duration::from_secs(61));
    assert_eq!(wire.borrow().increments, before + 1);
    rig.shutdown();
    drop((vtpm, rig));
    for disk in [&old, &self::disk()] {
        let refused = refusal(&wire, disk, PLAIN);
        assert!(matches!(refused, OpenError::Old(_)), "{refused}");
    }
    let strict = refusal(&wire, &disk, "rollback=strict");
    assert_eq!(strict, OpenError::Old(OldStore::StrictNeeds20));
    let mut rig = start(&wire, &disk, PLAIN);
    let mut vtpm = Vtpm::connect(&mut rig, 1);
    assert_eq!(vtpm.request(&mut rig, Request::Load), (0, body(1, 5).to_vec()));
}

#[test]
fn a_tpm_12_takes_an_older_disk_by_its_word_once() {
    let Some((_swtpm, wire)) = Layer::fresh(Family::Tpm12) else { return };
    let disk = disk();
    let mut rig = start(&wire, &disk, PLAIN);
    let mut vtpm = Vtpm::connect(&mut rig, 1);
    assert_eq!(save(&mut rig, &mut vtpm, 1, 1), 0);
    let (old, backup) = (copy(&disk), copy(&disk));
    assert_eq!(save(&mut rig, &mut vtpm, 1, 2), 0);
    rig.shutdown();
    drop((vtpm, rig));
    let word = word(&refusal(&wire, &old, PLAIN), "accept=");
    let mut rig = start(&wire, &old, &word);
    let mut vtpm = Vtpm::connect(&mut rig, 1);
    assert_eq!(vtpm.request(&mut rig, Request::Load), (0, body(1, 1).to_vec()));
    drop((vtpm, rig));
    for disk in [&backup, &disk] {
        let why = refusal(&wire, disk, &word);
        assert!(matches!(why, OpenError::Old(OldStore::Older { .. })), "{why}");
    }
}

/// A TPM 1.2 advances one counter in a boot, so the new store's has to wait for the next one when
/// the manager of the old store has run in this one.
#[test]
fn a_tpm_12_gives_a_store_up_once_and_needs_a_boot_for_it() {
    let state = tempfile::tempdir().expect("a folder");
    let Some((swtpm, wire)) = power_on(state.path()) else { return };
    let first = disk();
    start(&wire, &first, PLAIN).shutdown();
    let blank = disk();
    let word = word(&refusal(&wire, &blank, PLAIN), "forget=");
    let why = refusal(&wire, &blank, &word).to_string();
    assert!(why.contains("start the machine anew"), "{why}");
    drop((wire, swtpm));
    let Some((_swtpm, wire)) = power_on(state.path()) else { return };
    start(&wire, &blank, &word).shutdown();
    let again = refusal(&wire, &disk(), &word);
    assert!(matches!(again, OpenError::Old(OldStore::Blank { .. })), "not twice: {again}");
    let given_up = refusal(&wire, &first, &word);
    assert!(matches!(given_up, OpenError::Old(_)), "{given_up}");
}

/// A TPM 1.2 that holds an increment back answers TPM_RETRY; the same command is sent again.
#[test]
fn a_tpm_12_that_holds_increments_back_is_waited_for() {
    let Some((_swtpm, wire)) = Layer::fresh(Family::Tpm12) else { return };
    wire.borrow_mut().rate_every = Some(2);
    let disk = disk();
    let mut rig = start(&wire, &disk, PLAIN);
    let mut vtpm = Vtpm::connect(&mut rig, 1);
    let before = wire.borrow().increments;
    for number in 1..=3 {
        assert_eq!(save(&mut rig, &mut vtpm, 1, number), 0);
        rig.tick(Duration::from_secs(61));
    }
    assert_eq!(wire.borrow().increments, before + 3);
}

/// What is left of a first start that was cut short between the counter and its record on the disk: the
/// counter is a stranger, and the word of the message goes on without it.
#[test]
fn a_tpm_12_with_a_counter_that_is_not_on_record_is_gone_on_with_by_its_word() {
    let state = tempfile::tempdir().expect("a folder");
    let Some((swtpm, wire)) = power_on(state.path()) else { return };
    let disk = disk();
    start(&wire, &disk, "rollback=off").shutdown();
    start(&wire, &self::disk(), PLAIN).shutdown();
    drop((wire, swtpm));
    let Some((_swtpm, wire)) = power_on(state.path()) else { return };
    let why = refusal(&wire, &disk, PLAIN);
    let word = word(&why, "accept=");
    let backup = copy(&disk);
    let mut rig = start(&wire, &disk, &word);
    let mut vtpm = Vtpm::connect(&mut rig, 1);
    assert_eq!(save(&mut rig, &mut vtpm, 1, 1), 0);
    rig.shutdown();
    drop((vtpm, rig));
    let again = refusal(&wire, &backup, &word);
    assert!(matches!(again, OpenError::Old(_)), "not twice: {again}");
    start(&wire, &disk, PLAIN).shutdown();
}

/// A store whose counter was given up for another store's, after a boot.
fn given_up(state: &Path) -> Option<(Disk, Disk, (Swtpm, Wire))> {
    let (swtpm, wire) = power_on(state)?;
    let first = disk();
    let mut rig = start(&wire, &first, PLAIN);
    let mut vtpm = Vtpm::connect(&mut rig, 1);
    assert_eq!(save(&mut rig, &mut vtpm, 1, 1), 0);
    rig.shutdown();
    drop((vtpm, rig, wire, swtpm));
    let (swtpm, wire) = power_on(state)?;
    let other = disk();
    let forget = word(&refusal(&wire, &other, PLAIN), "forget=");
    start(&wire, &other, &forget).shutdown();
    drop((wire, swtpm));
    Some((first, other, power_on(state)?))
}

/// Reading it is not authenticated: that it is another store's shows at the first increment only.
#[test]
fn a_tpm_12_whose_counter_is_another_stores_is_gone_on_with_by_its_word_once() {
    let state = tempfile::tempdir().expect("a folder");
    let Some((first, other, (_swtpm, wire))) = given_up(state.path()) else { return };
    let word = word(&refusal(&wire, &first, PLAIN), "accept=");
    let backup = copy(&first);
    let mut rig = start(&wire, &first, &word);
    let mut vtpm = Vtpm::connect(&mut rig, 1);
    assert_eq!(vtpm.request(&mut rig, Request::Load), (0, body(1, 1).to_vec()));
    assert_eq!(save(&mut rig, &mut vtpm, 1, 2), 0);
    rig.shutdown();
    drop((vtpm, rig));
    for old in [&backup, &other] {
        let again = refusal(&wire, old, &word);
        assert!(matches!(again, OpenError::Old(_)), "not twice, nor the other one: {again}");
    }
    start(&wire, &first, PLAIN).shutdown();
}

/// The same where the first try stopped half-way, after a commit under the other store's counter.
#[test]
fn a_tpm_12_whose_counter_is_another_stores_is_no_dead_end_after_a_try_that_stopped() {
    let state = tempfile::tempdir().expect("a folder");
    let Some((first, _, (_swtpm, wire))) = given_up(state.path()) else { return };
    let word = |why: &OpenError| self::word(why, "accept=");
    let named = word(&refusal(&wire, &first, PLAIN));
    let stopped = owner::start(&wire, &first, &[&named, "owner_auth=text:wrong"]);
    assert!(matches!(stopped, Err(OpenError::Root(_))), "no new counter without the owner");
    let why = refusal(&wire, &first, PLAIN);
    assert!(matches!(why, OpenError::Old(OldStore::Lost { .. })), "{why}");
    assert_ne!(word(&why), named);
    let mut rig = start(&wire, &first, &word(&why));
    let mut vtpm = Vtpm::connect(&mut rig, 1);
    assert_eq!(vtpm.request(&mut rig, Request::Load), (0, body(1, 1).to_vec()));
    rig.shutdown();
    drop((vtpm, rig));
    start(&wire, &first, PLAIN).shutdown();
}

/// After a failure the manager opens its counter anew; the TPM is spared all the same.
#[test]
fn a_tpm_12_counts_once_in_five_seconds_also_when_its_counter_is_opened_anew() {
    let Some((_swtpm, wire)) = Layer::fresh(Family::Tpm12) else { return };
    let (world, mut entropy) = (World::new(), FakeEntropy::new(1));
    let mut hardware = hardware(&world, Family::Tpm12, &wire);
    let mut ground = Ground { hardware: Some(&mut hardware), entropy: &mut entropy };
    let mut keeper = WithHardware::new(Access::default(), world.clock(), Force::Yes);
    let (secret, sealed) = keeper.first_start(ground.again()).expect("a secret");
    let made = keeper.make_counter(ground.again(), (&secret, &sealed), Former::Keep);
    let (sealed, made) = made.expect("a counter");
    let mut times = Vec::new();
    for step in 1..=3 {
        assert_eq!(keeper.advance(ground.again()), Ok(made.value + step));
        times.push(world.clock().now());
        let found = keeper.counter(ground.again(), (&secret, &sealed));
        assert_eq!(found.map(|found| found.map(|found| found.value)), Ok(Some(made.value + step)));
    }
    let apart = times.windows(2).all(|two| two[1] - two[0] >= Duration::from_secs(5));
    assert!(apart, "{times:?}");
}

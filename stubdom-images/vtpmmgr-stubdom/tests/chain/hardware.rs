//! With swtpm behind a model of its registers.

use crate::layer::{Layer, Wire};
use crate::rig::{Disk, Rig, Vtpm, body, disk, parts};
use domain_io::DomainId;
use domain_io::test_utils::{TracedDisk, World};
use peers::{Family, Swtpm, unless_missing};
use std::cell::RefCell;
use std::rc::Rc;
use tpm_hw::test_utils::{TisModel, bus};
use tpm_hw::{HardwareArguments, detect};
use tpm_wire::manager::{Command, Force, PolicyCommand, Request, StatusReport, policy_request};
use tpm_wire::tpm20::{self, HashAlgorithm};
use tpm_wire::{PacketBuilder, Tag, TpmVersion};
use vtpm_custody::Access;
use vtpm_manager::{Hardware, WithHardware};

pub(crate) fn wire(swtpm: &Swtpm) -> Wire {
    Layer::on(swtpm)
}

/// The manager's own driver on a model of the registers in front of swtpm, started.
pub(crate) fn hardware(world: &World, family: Family, wire: &Wire) -> Hardware {
    let (clock, wire) = (world.clock(), Rc::clone(wire));
    let executor =
        Box::new(move |command: &[u8]| wire.borrow_mut().transmit(command).expect("an answer"));
    let model = match family {
        Family::Tpm20 => TisModel::new(clock.clone(), executor),
        Family::Tpm12 => TisModel::of_tpm12(clock.clone(), executor),
    };
    let arguments = HardwareArguments::default();
    let mut found = detect(bus(0xFED4_0000, model), &arguments, clock.clone()).expect("a TPM");
    tpm_hw::start(found.tpm.as_mut(), found.version, &clock).expect("it starts");
    let ours = &vtpm_custody::is_ours;
    tpm_hw::flush(found.tpm.as_mut(), found.version, ours).expect("it is flushed");
    Hardware { tpm: found.tpm, version: found.version }
}

pub(crate) fn rig(world: &World, id: u16, disk: &Disk, family: Family, wire: &Wire) -> Rig {
    let hardware = hardware(world, family, wire);
    let (access, time) = (Access::default(), world.clock());
    // swtpm has no firmware that measures anything.
    let keeper = Box::new(WithHardware::new(access, time, Force::Yes));
    let made = Rig::with(world, DomainId(id), disk, keeper, Some(hardware), "tpm2");
    made.unwrap_or_else(|why| panic!("{why}"))
}

fn random12(bytes: u32) -> Vec<u8> {
    PacketBuilder::new(Tag::RQU_COMMAND, 0x46).u32(bytes).finish()
}

fn pcr12(pcr: u32) -> Vec<u8> {
    PacketBuilder::new(Tag::RQU_COMMAND, 0x15).u32(pcr).finish()
}

#[test]
fn random_bytes_and_pcrs_of_a_tpm_20_reach_vtpms_in_both_forms() {
    let Some(swtpm) = unless_missing(Swtpm::start(Family::Tpm20)) else { return };
    let (world, wire) = (World::new(), wire(&swtpm));
    let mut rig = rig(&world, 900, &disk(), Family::Tpm20, &wire);
    let digests = [(HashAlgorithm::SHA1, vec![3; 20]), (HashAlgorithm::SHA256, vec![3; 32])];
    wire.borrow_mut().transmit(&tpm20::pcr_extend(4, &digests)).expect("extended");
    let mut vtpm = Vtpm::connect(&mut rig, 1);
    for bytes in [0_u32, 1, 32, 33, 256, 5000] {
        let answer = vtpm.ask(&mut rig, &random12(bytes));
        let sent = bytes.min(256);
        let sizes = [(14 + sent).to_be_bytes(), [0; 4], sent.to_be_bytes()].concat();
        assert_eq!(answer[..14], [&[0, 0xC4][..], &sizes].concat());
        assert_eq!(answer.len(), 14 + sent as usize);
    }
    let own = wire.borrow_mut().transmit(&tpm20::pcr_read(HashAlgorithm::SHA1, 4)).unwrap();
    let expected = tpm20::pcr_digest(&own).unwrap().unwrap().to_vec();
    let in_12_form = [&[0, 0xC4, 0, 0, 0, 0x1E, 0, 0, 0, 0][..], &expected].concat();
    assert_eq!(vtpm.ask(&mut rig, &pcr12(4)), in_12_form);
    assert_eq!(vtpm.ask(&mut rig, &pcr12(24)), [0, 0xC4, 0, 0, 0, 0x0A, 0, 0, 0, 2]);
    let question = tpm20::pcr_read(HashAlgorithm::SHA256, 4);
    let own = wire.borrow_mut().transmit(&question).unwrap();
    assert_eq!(vtpm.ask(&mut rig, &question), own);
    let answer = vtpm.ask(&mut rig, &tpm20::get_random(64));
    assert_eq!(tpm20::random_bytes(&answer).unwrap().len(), 64);
    let clear = tpm20::startup(tpm20::StartupType::CLEAR);
    assert_eq!(parts(&vtpm.ask(&mut rig, &clear)).0, 0x143, "nothing else is passed on");
    let report = StatusReport::of_answer(&vtpm.ask(&mut rig, &Request::Status.packet())).unwrap();
    assert_eq!(report.hardware, Some(TpmVersion::Tpm20));
}

#[test]
fn random_bytes_and_pcrs_of_a_tpm_12_reach_vtpms() {
    let Some(swtpm) = unless_missing(Swtpm::start(Family::Tpm12)) else { return };
    let (world, wire) = (World::new(), wire(&swtpm));
    let hardware = hardware(&world, Family::Tpm12, &wire);
    let keeper = Box::new(vtpm_manager::WithoutHardware);
    let made = Rig::with(&world, DomainId(900), &disk(), keeper, Some(hardware), "rollback=off");
    let mut rig = made.unwrap_or_else(|why| panic!("{why}"));
    let mut vtpm = Vtpm::connect(&mut rig, 1);
    let answer = vtpm.ask(&mut rig, &random12(32));
    assert_eq!(answer[..14], [0, 0xC4, 0, 0, 0, 0x2E, 0, 0, 0, 0, 0, 0, 0, 32]);
    assert_eq!(answer.len(), 46);
    let extend = PacketBuilder::new(Tag::RQU_COMMAND, 0x14).u32(4).bytes(&[9; 20]).finish();
    let (_, value) = parts(&wire.borrow_mut().transmit(&extend).unwrap());
    assert_eq!(parts(&vtpm.ask(&mut rig, &pcr12(4))), (0, value));
    for pcr in [0, 4, 23, 24, u32::MAX] {
        let own = wire.borrow_mut().transmit(&pcr12(pcr)).unwrap();
        assert_eq!(vtpm.ask(&mut rig, &pcr12(pcr)), own, "as the TPM itself answers");
    }
    assert_eq!(parts(&vtpm.ask(&mut rig, &extend)).0, 8, "a vTPM extends nothing in hardware");
}

/// On a board each of these bytes is an access to the bus.
#[test]
fn a_start_costs_the_hardware_tpm_a_bounded_number_of_commands() {
    let Some(swtpm) = unless_missing(Swtpm::start(Family::Tpm20)) else { return };
    let (wire, disk) = (wire(&swtpm), disk());
    let mut traffic = Vec::new();
    for start in 0..2 {
        let before = wire.borrow().traffic;
        let mut rig = rig(&World::new(), 900 + start, &disk, Family::Tpm20, &wire);
        let after = wire.borrow().traffic;
        traffic.push((after.0 - before.0, after.1 - before.1));
        rig.shutdown();
    }
    println!("commands and bytes of a first start and of a later one: {traffic:?}");
    let [(first, _), (later, bytes)] = traffic[..] else { panic!() };
    assert!(first <= 80 && later <= 40 && bytes <= 8192, "{traffic:?}");
}

#[test]
fn a_store_that_is_sealed_to_a_tpm_20_opens_after_a_restart_and_nowhere_else() {
    let Some(swtpm) = unless_missing(Swtpm::start(Family::Tpm20)) else { return };
    let (world, wire, disk) = (World::new(), wire(&swtpm), disk());
    let mut first = rig(&world, 900, &disk, Family::Tpm20, &wire);
    let mut vtpm = Vtpm::connect(&mut first, 1);
    assert_eq!(vtpm.request(&mut first, Request::Save(&body(1, 1))).0, 0);
    first.shutdown();
    drop((vtpm, first));
    let world = World::new();
    let mut second = rig(&world, 901, &disk, Family::Tpm20, &wire);
    let mut vtpm = Vtpm::connect(&mut second, 1);
    assert_eq!(vtpm.request(&mut second, Request::Load), (0, body(1, 1).to_vec()));
    drop((vtpm, second));
    let Some(other) = unless_missing(Swtpm::start(Family::Tpm20)) else { return };
    let (world, other) = (World::new(), self::wire(&other));
    let hardware = hardware(&world, Family::Tpm20, &other);
    let (access, time) = (Access::default(), world.clock());
    let keeper = Box::new(WithHardware::new(access, time, Force::Yes));
    let moved = Rig::with(&world, DomainId(902), &disk, keeper, Some(hardware), "tpm2");
    assert!(moved.is_err(), "a moved disk does not open");
}

/// A manager with a TPM of this family, to which nothing of its store is sealed.
fn unsealed_rig(family: Family) -> Option<(Rig, Wire, Swtpm)> {
    let ((swtpm, wire), world) = (Layer::fresh(family)?, World::new());
    let hardware = hardware(&world, family, &wire);
    let keeper = Box::new(vtpm_manager::WithoutHardware);
    let made = Rig::with(&world, DomainId(900), &disk(), keeper, Some(hardware), "rollback=off");
    Some((made.unwrap_or_else(|why| panic!("{why}")), wire, swtpm))
}

/// The last words to a TPM: TPM2_Shutdown(CLEAR), or TPM_SaveState.
fn assert_at_rest(wire: &Wire, family: Family) {
    let (command, answer) = wire.borrow().last.clone();
    let expected = match family {
        Family::Tpm20 => tpm20::shutdown(tpm20::StartupType::CLEAR),
        Family::Tpm12 => tpm_wire::tpm12::save_state(),
    };
    assert_eq!((command, parts(&answer).0), (expected, 0));
}

#[test]
fn the_hardware_tpm_is_brought_to_rest_by_control_shutdown_and_by_prepare_shutdown() {
    for family in [Family::Tpm20, Family::Tpm12] {
        let Some((mut rig, wire, _swtpm)) = unsealed_rig(family) else { return };
        let mut vtpm = Vtpm::connect(&mut rig, 1);
        assert_eq!(vtpm.request(&mut rig, Request::Save(&body(1, 1))).0, 0);
        rig.shutdown();
        assert_at_rest(&wire, family);

        let Some((mut rig, wire, _swtpm)) = unsealed_rig(family) else { return };
        let mut dom0 = domain_0(&mut rig);
        let command = Command::PrepareShutdown(Force::No).packet();
        assert_eq!(parts(&dom0.ask(&mut rig, &command)).0, 0);
        assert!(rig.domain.wants_end());
        assert_at_rest(&wire, family);
    }
}

/// As a TPM may be after an increment: `TPM_RC_NV_RATE`, TPM_RETRY.
#[test]
fn a_hardware_tpm_that_is_not_ready_to_rest_is_told_again() {
    for family in [Family::Tpm20, Family::Tpm12] {
        let Some((mut rig, wire, _swtpm)) = unsealed_rig(family) else { return };
        wire.borrow_mut().restless = 5;
        let mut dom0 = domain_0(&mut rig);
        let command = Command::PrepareShutdown(Force::No).packet();
        assert_eq!(parts(&dom0.ask(&mut rig, &command)).0, 0);
        assert_at_rest(&wire, family);
    }
}

#[test]
fn the_hardware_tpm_is_brought_to_rest_by_a_start_that_fails() {
    for family in [Family::Tpm20, Family::Tpm12] {
        for (byte, line) in
            [(0x55, "rollback=off"), (0, "rollback=strict"), (0, "rollback=batched")]
        {
            let Some((_swtpm, wire)) = Layer::fresh(family) else { return };
            let world = World::new();
            let hardware = hardware(&world, family, &wire);
            let disk: Disk = Rc::new(RefCell::new(TracedDisk::new(vec![byte; 1 << 20])));
            // Without force a first start refuses swtpm's PCRs, into which nobody measured.
            let keeper = WithHardware::new(Access::default(), world.clock(), Force::No);
            let made =
                Rig::with(&world, DomainId(900), &disk, Box::new(keeper), Some(hardware), line);
            assert!(made.is_err(), "{line}");
            assert_at_rest(&wire, family);
        }
    }
}

pub(crate) fn policy(
    rig: &mut Rig,
    dom0: &mut Vtpm,
    command: &PolicyCommand<'_>,
) -> (u32, Vec<u8>) {
    parts(&dom0.ask(rig, &policy_request(&command.encode())))
}

pub(crate) fn domain_0(rig: &mut Rig) -> Vtpm {
    let mut dom0 = Vtpm::create(rig, 0, 77);
    dom0.await_connection(rig);
    dom0
}

/// Another boot chain: nobody is served, and nobody is told "unknown", until domain 0 brings the
/// recovery key; then everything is there, also after the next restart.
#[test]
fn after_a_change_of_the_pcrs_the_recovery_key_opens_the_store() {
    let Some(swtpm) = unless_missing(Swtpm::start(Family::Tpm20)) else { return };
    let (world, wire, disk) = (World::new(), wire(&swtpm), disk());
    let mut first = rig(&world, 900, &disk, Family::Tpm20, &wire);
    let mut vtpm = Vtpm::connect(&mut first, 1);
    assert_eq!(vtpm.request(&mut first, Request::Save(&body(1, 1))).0, 0);
    let mut dom0 = domain_0(&mut first);
    let (status, key) =
        policy(&mut first, &mut dom0, &PolicyCommand::NewRecoveryKey { replace: Force::No });
    assert_eq!(status, 0);
    first.shutdown();
    drop((vtpm, dom0, first));

    let digests = [(HashAlgorithm::SHA256, vec![3; 32])];
    wire.borrow_mut().transmit(&tpm20::pcr_extend(7, &digests)).expect("extended");
    let world = World::new();
    let mut second = rig(&world, 901, &disk, Family::Tpm20, &wire);
    assert!(second.domain.locked().is_some());
    let mut vtpm = Vtpm::connect(&mut second, 1);
    for request in [Request::Load, Request::Status, Request::Save(&body(1, 9))] {
        assert_eq!(vtpm.request(&mut second, request).0, 0x800);
    }
    let mut dom0 = domain_0(&mut second);
    let (status, why) = parts(&dom0.ask(&mut second, &Command::Stats.packet()));
    let why = String::from_utf8(why).unwrap();
    assert!(status == 0x800 && why.contains("recovery key"), "{status:x}: {why}");
    let recover = |key| PolicyCommand::Recover { key, force: Force::Yes };
    assert_eq!(policy(&mut second, &mut dom0, &recover(b"0000")).0, 9, "not this key");
    assert!(second.domain.locked().is_some());
    assert_eq!(policy(&mut second, &mut dom0, &recover(&key)).0, 0);
    assert!(second.domain.locked().is_none());
    assert_eq!(vtpm.request(&mut second, Request::Load), (0, body(1, 1).to_vec()));
    second.shutdown();
    drop((vtpm, dom0, second));

    let world = World::new();
    let third = rig(&world, 902, &disk, Family::Tpm20, &wire);
    assert!(third.domain.locked().is_none(), "it is sealed to the new state");
}

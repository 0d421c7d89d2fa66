//! Detection, start and flush against a real software TPM behind both kinds of registers.

mod support;

use domain_io::test_utils::FakeClock;
use peers::Family;
use support::{BASE, swtpm};
use tpm_hw::test_utils::{CrbModel, Executor, TisModel, bus};
use tpm_hw::{
    Flushed, Found, HardwareArguments, HardwareTpm, Interface, Timeouts, VersionOutcome, detect,
    flush, start,
};
use tpm_wire::tpm20::{self, HashAlgorithm};
use tpm_wire::{Header, PacketBuilder, Tag, TpmVersion};

fn arguments(word: &str) -> HardwareArguments {
    let mut arguments = HardwareArguments::default();
    arguments.take(word).unwrap();
    arguments
}

fn found_fifo(executor: Executor, word: &str) -> (Found, TisModel, FakeClock) {
    let clock = FakeClock::default();
    let model = TisModel::new(clock.clone(), executor);
    model.misbehave(|faults| faults.bursts = vec![0, 8, 1, 64]);
    let found = detect(bus(BASE, model.clone()), &arguments(word), clock.clone()).unwrap();
    assert_eq!(found.interface, Interface::Fifo);
    (found, model, clock)
}

fn found_crb(executor: Executor) -> (Found, CrbModel, FakeClock) {
    let clock = FakeClock::default();
    let model = CrbModel::new(BASE, clock.clone(), executor);
    let found = detect(bus(BASE, model.clone()), &arguments("tpm2"), clock.clone()).unwrap();
    assert_eq!(found.interface, Interface::Crb);
    (found, model, clock)
}

fn code(tpm: &mut dyn HardwareTpm, command: &[u8]) -> u32 {
    Header::parse(&tpm.transmit(command).unwrap()).unwrap().0.code
}

/// Starts a TPM 2.0 twice, the second time as after firmware, and has it work.
fn use_tpm20(found: &mut Found, clock: &FakeClock) {
    assert_eq!((found.version, found.outcome), (TpmVersion::Tpm20, VersionOutcome::AsAsked));
    let tpm = found.tpm.as_mut();
    assert!(!start(tpm, TpmVersion::Tpm20, clock).unwrap().already_started);
    assert!(start(tpm, TpmVersion::Tpm20, clock).unwrap().already_started);
    let response = tpm.transmit(&tpm20::get_random(32)).unwrap();
    assert_eq!(tpm20::random_bytes(&response).unwrap().len(), 32);
    let response = tpm.transmit(&tpm20::pcr_read(HashAlgorithm::SHA256, 0)).unwrap();
    assert_eq!(tpm20::pcr_digest(&response).unwrap(), Some(&[0; 32][..]));
}

#[test]
fn a_tpm_2_is_found_started_and_used_through_its_fifo() {
    let Some(executor) = swtpm(Family::Tpm20) else { return };
    let (mut found, model, clock) = found_fifo(executor, "tpm2=1");
    use_tpm20(&mut found, &clock);
    assert_eq!(model.violations(), [""; 0]);
}

#[test]
fn a_tpm_2_is_found_started_and_used_through_its_buffers() {
    let Some(executor) = swtpm(Family::Tpm20) else { return };
    let (mut found, model, clock) = found_crb(executor);
    use_tpm20(&mut found, &clock);
    assert_eq!(model.violations(), [""; 0]);
    assert!(model.is_at_rest());
}

#[test]
fn a_tpm_1_2_is_found_and_started_and_its_time_outs_are_believed() {
    let Some(executor) = swtpm(Family::Tpm12) else { return };
    let clock = FakeClock::default();
    let model = TisModel::of_tpm12(clock.clone(), executor);
    let arguments = HardwareArguments::default();
    let mut found = detect(bus(BASE, model.clone()), &arguments, clock.clone()).unwrap();
    assert_eq!((found.version, found.outcome), (TpmVersion::Tpm12, VersionOutcome::AsAsked));
    let tpm = found.tpm.as_mut();
    let first = start(tpm, TpmVersion::Tpm12, &clock).unwrap();
    assert!(!first.already_started);
    let answer = first.timeouts.unwrap();
    assert!(!answer.absurd && !answer.in_milliseconds, "{answer}");
    assert!(answer.timeouts.a >= Timeouts::DEFAULT.a);
    assert!(start(tpm, TpmVersion::Tpm12, &clock).unwrap().already_started);
    let get_random = PacketBuilder::new(Tag::RQU_COMMAND, 0x46).u32(20).finish();
    assert_eq!(tpm.transmit(&get_random).unwrap().len(), 10 + 4 + 20);
    assert_eq!(model.violations(), [""; 0]);
}

#[test]
fn what_was_asked_for_and_is_not_there_is_said() {
    let Some(executor) = swtpm(Family::Tpm12) else { return };
    let (found, ..) = found_fifo(executor, "tpm2");
    assert_eq!(found.outcome, VersionOutcome::Tpm12InsteadOfTpm20);
    let Some(executor) = swtpm(Family::Tpm20) else { return };
    let (found, ..) = found_fifo(executor, "tpmirq=0");
    assert_eq!(found.outcome, VersionOutcome::Tpm20WithoutAsking);
}

/// TPM2_CreatePrimary of an ECC P-256 storage key in the owner hierarchy, whose authorisation is
/// empty.
fn create_primary() -> Vec<u8> {
    let public = [
        &[0x00, 0x23, 0x00, 0x0B, 0x00, 0x03, 0x00, 0x72, 0, 0][..],
        &[0x00, 0x06, 0x00, 0x80, 0x00, 0x43, 0x00, 0x10, 0x00, 0x03, 0x00, 0x10, 0, 0, 0, 0],
    ]
    .concat();
    with_password(0x131, &[0x4000_0001]).sized(&[0; 4]).sized(&public).u16(0).u32(0).finish()
}

fn with_password(code: u32, handles: &[u32]) -> PacketBuilder {
    let start = PacketBuilder::new(Tag::SESSIONS, code);
    let packet = handles.iter().fold(start, |packet, handle| packet.u32(*handle));
    packet.u32(9).u32(0x4000_0009).u16(0).u8(0).u16(0)
}

fn start_session(kind: u8) -> Vec<u8> {
    PacketBuilder::new(Tag::NO_SESSIONS, 0x176)
        .u32(0x4000_0007)
        .u32(0x4000_0007)
        .sized(&[7; 16])
        .sized(&[])
        .u8(kind)
        .u16(0x10)
        .u16(0x0B)
        .finish()
}

fn is_persistent(tpm: &mut dyn HardwareTpm, handle: u32) -> bool {
    let list = PacketBuilder::new(Tag::NO_SESSIONS, 0x17A).u32(1).u32(handle).u32(1).finish();
    tpm.transmit(&list).unwrap().ends_with(&handle.to_be_bytes())
}

/// TPM2_CreatePrimary of an ECC P-256 signing key: somebody else's.
fn create_foreign() -> Vec<u8> {
    let public = [
        &[0x00, 0x23, 0x00, 0x0B, 0x00, 0x04, 0x00, 0x72, 0, 0][..],
        &[0x00, 0x10, 0x00, 0x10, 0x00, 0x03, 0x00, 0x10, 0, 0, 0, 0],
    ]
    .concat();
    with_password(0x131, &[0x4000_0001]).sized(&[0; 4]).sized(&public).u16(0).u32(0).finish()
}

/// Ours, in these tests: storage keys as `create_primary` makes them.
fn is_ours(public: &[u8]) -> bool {
    public.starts_with(&[0x00, 0x23, 0x00, 0x0B, 0x00, 0x03, 0x00, 0x72])
}

#[test]
fn a_flush_takes_away_our_objects_and_leaves_those_of_others_and_persistent_keys() {
    let Some(executor) = swtpm(Family::Tpm20) else { return };
    let (mut found, _, clock) = found_crb(executor);
    let tpm = found.tpm.as_mut();
    start(tpm, TpmVersion::Tpm20, &clock).unwrap();
    for command in [create_primary(), create_foreign(), create_primary()] {
        assert_eq!(code(tpm, &command), 0);
    }
    let persistent = 0x8100_0001;
    let evict = with_password(0x120, &[0x4000_0001, 0x8000_0000]).u32(persistent).finish();
    assert_eq!(code(tpm, &evict), 0);
    let flushed = flush(tpm, TpmVersion::Tpm20, &is_ours).unwrap();
    assert_eq!(flushed, Flushed { objects: 2, left_objects: 1, ..Flushed::default() });
    let said = flushed.to_string();
    assert!(said.contains("2 loaded object(s) of an earlier manager were flushed"), "{said}");
    assert!(said.contains("1 loaded object(s) of others were left alone"), "{said}");
    let again = flush(tpm, TpmVersion::Tpm20, &is_ours).unwrap();
    assert_eq!(again, Flushed { left_objects: 1, ..Flushed::default() });
    assert!(is_persistent(tpm, persistent));
}

/// Has the TPM say that it has room for so many more sessions.
fn with_room(executor: Executor, room: u32) -> Executor {
    let mut executor = executor;
    Box::new(move |command: &[u8]| {
        let mut answer = executor(command);
        let is_about_room = command.len() == 22 && command[10..14] == [0, 0, 0, 6];
        if is_about_room && [[0, 0, 2, 4], [0, 0, 2, 6]].iter().any(|of| command[14..18] == *of) {
            let end = answer.len();
            answer[end - 4..].copy_from_slice(&room.to_be_bytes());
        }
        answer
    })
}

#[test]
fn sessions_are_ended_only_where_there_is_no_room_for_ours() {
    for (room, expected) in [
        (3, Flushed { left_sessions: 2, ..Flushed::default() }),
        (2, Flushed { sessions: 2, ..Flushed::default() }),
    ] {
        let Some(executor) = swtpm(Family::Tpm20) else { return };
        let (mut found, _, clock) = found_crb(with_room(executor, room));
        let tpm = found.tpm.as_mut();
        start(tpm, TpmVersion::Tpm20, &clock).unwrap();
        assert_eq!((code(tpm, &start_session(0)), code(tpm, &start_session(1))), (0, 0));
        let flushed = flush(tpm, TpmVersion::Tpm20, &is_ours).unwrap();
        assert_eq!(flushed, expected);
        assert!(flushed.to_string().contains("2 session(s), whose owner no TPM tells"));
    }
}

#[test]
fn a_tpm_1_2_with_room_keeps_its_sessions_and_a_full_one_does_not() {
    let Some(executor) = swtpm(Family::Tpm12) else { return };
    let (mut found, _, clock) = found_fifo(executor, "tpmirq=0");
    let tpm = found.tpm.as_mut();
    start(tpm, TpmVersion::Tpm12, &clock).unwrap();
    let oiap = PacketBuilder::new(Tag::RQU_COMMAND, 0x0A).finish();
    let mut begun = 0;
    while begun < 64 && code(tpm, &oiap) == 0 {
        begun += 1;
        let flushed = flush(tpm, TpmVersion::Tpm12, &is_ours).unwrap();
        assert_eq!(flushed.sessions + flushed.left_sessions, begun, "{flushed}");
        if flushed.sessions > 0 {
            assert_eq!(flushed.left_sessions, 0);
            break;
        }
    }
    assert!(begun > 1, "with room they stay");
    assert_eq!(flush(tpm, TpmVersion::Tpm12, &is_ours), Ok(Flushed::default()));
}

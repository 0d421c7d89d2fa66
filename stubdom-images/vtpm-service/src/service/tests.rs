//! What a vTPM does with its engine, seen by an engine that only takes notes.

use super::{AttachError, Origin, Service, ServiceError};
use crate::fake_engine::{Event, FakeEngine};
use crate::keeper::{Ephemeral, NotBegun, NotKept, StateKeeper};
use crate::life::{Past, Refusal};
use alloc::string::String;
use alloc::vec::Vec;
use domain_io::DomainId;
use proptest::prelude::{any, proptest};
use tpm_wire::tpm20::{HashAlgorithm, ResponseCode, error_response, get_random};
use tpm_wire::{MAX_PACKET_BYTES, TpmVersion};
use tpmif::nodes::DeviceId;
use vtpm_arguments::Arguments;

const STARTUP: u32 = 0x144;
const SHUTDOWN: u32 = 0x145;

fn arguments(line: &str) -> Arguments {
    Arguments::parse(line.split(' ')).unwrap().0
}

fn from(origin: Origin, line: &str) -> Service<FakeEngine, Ephemeral> {
    let arguments = arguments(line);
    let engine = FakeEngine::new(arguments.version);
    Service::start(engine, Ephemeral, arguments, origin).unwrap()
}

fn service(line: &str) -> Service<FakeEngine, Ephemeral> {
    from(Origin::New, line)
}

fn guest(number: u16) -> DeviceId {
    DeviceId { frontend: DomainId(number), device: 0 }
}

fn attach(service: &mut Service<FakeEngine, Ephemeral>, number: u16) {
    service.guest_attached(guest(number), None, |_| true).unwrap();
    service.guest_connected(guest(number));
}

#[test]
fn a_new_tpm_20_gets_its_banks_and_loses_its_platform_password() {
    let service = service("tpm2 ephemeral banks=sha256,sha384");
    assert_eq!(service.engine.banks, [HashAlgorithm::SHA256, HashAlgorithm::SHA384]);
    assert_eq!(service.started.banks, service.engine.banks);
    assert_eq!(service.engine.platform_auth.len(), 32);
    assert_eq!(service.engine.power_cycles(), 1);
}

#[test]
fn an_open_platform_keeps_its_empty_password() {
    assert!(service("tpm2 ephemeral platform=open").engine.platform_auth.is_empty());
}

#[test]
fn a_kept_tpm_is_not_made_again() {
    let service = from(Origin::Kept(Past::default()), "tpm2 ephemeral banks=sha384");
    assert_eq!(service.engine.power_cycles(), 0);
    assert_eq!(service.engine.banks, HashAlgorithm::ALL);
}

#[test]
fn a_new_tpm_12_gets_its_endorsement_key_before_its_first_boot() {
    let service = service("ephemeral");
    let cycle = service.engine.events.iter().position(|event| *event == Event::PowerCycle);
    let made = service.engine.events.iter().position(|event| *event == Event::Command(0x78));
    assert!(made.unwrap() < cycle.unwrap());
    assert_eq!(service.engine.events.last(), Some(&Event::Command(0x4000_000A)), "presence");
}

#[test]
fn save_without_kept_state_begins_a_fresh_boot() {
    for (line, version) in [("tpm2 ephemeral save", 0x144), ("ephemeral save", 0x99)] {
        let service = from(Origin::Kept(Past::default()), line);
        assert_eq!(service.engine.count(version), 2, "{line}");
        assert!(!service.started.resumed);
    }
}

#[test]
fn save_on_a_new_tpm_asks_for_no_state_that_cannot_be_there() {
    for (line, version) in [("tpm2 ephemeral save", 0x144), ("ephemeral save", 0x99)] {
        let clear = service(line.trim_end_matches(" save")).engine.count(version);
        assert_eq!(service(line).engine.count(version), clear, "{line}");
    }
}

#[test]
fn save_with_kept_state_goes_on_with_the_boot() {
    let mut engine = FakeEngine::new(TpmVersion::Tpm20);
    engine.kept_state = true;
    let past = Past { living: Vec::new(), last: Some(DomainId(3)) };
    let arguments = arguments("tpm2 ephemeral save");
    let mut service = Service::start(engine, Ephemeral, arguments, Origin::Kept(past)).unwrap();
    attach(&mut service, 3);
    assert_eq!((service.engine.count(STARTUP), service.engine.power_cycles()), (1, 0));
    service.guest_gone(guest(3)).unwrap();
    attach(&mut service, 4);
    assert_eq!((service.engine.count(STARTUP), service.engine.power_cycles()), (2, 1));
}

#[test]
fn every_close_every_loss_and_the_end_is_an_orderly_shutdown() {
    let mut service = service("tpm2 ephemeral");
    attach(&mut service, 3);
    let before = service.engine.count(SHUTDOWN);
    service.guest_closed(guest(3)).unwrap();
    service.guest_gone(guest(3)).unwrap();
    service.shutdown().unwrap();
    assert_eq!(service.engine.count(SHUTDOWN), before + 3);
}

#[test]
fn a_new_guest_gets_a_reset_tpm_with_a_closed_platform() {
    let mut service = service("tpm2 ephemeral");
    attach(&mut service, 3);
    service.guest_gone(guest(3)).unwrap();
    let secret = service.engine.platform_auth.clone();
    attach(&mut service, 4);
    assert_eq!(service.engine.power_cycles(), 2);
    assert_eq!(service.engine.platform_auth.len(), 32);
    assert_ne!(service.engine.platform_auth, secret);
}

#[test]
fn the_same_guest_again_is_not_reset() {
    let mut service = service("tpm2 ephemeral");
    for _ in 0..3 {
        attach(&mut service, 3);
        service.guest_closed(guest(3)).unwrap();
        service.guest_gone(guest(3)).unwrap();
    }
    assert_eq!(service.engine.power_cycles(), 1, "only at manufacture");
}

#[test]
fn a_second_frontend_changes_nothing_for_the_first() {
    let mut service = service("tpm2 ephemeral");
    attach(&mut service, 3);
    let events = service.engine.events.len();
    let refused = service.guest_attached(guest(4), None, |_| true);
    let expected = Refusal::Occupied { by: guest(3) };
    assert_eq!(refused, Err(AttachError::Refused(expected)));
    service.guest_closed(guest(4)).unwrap();
    service.guest_gone(guest(4)).unwrap();
    assert_eq!((service.engine.events.len(), service.present()), (events, Some(guest(3))));
}

#[test]
fn a_late_command_of_a_guest_that_is_gone_does_not_reach_the_next_one_s_tpm() {
    let mut service = service("tpm2 ephemeral");
    attach(&mut service, 3);
    service.guest_attached(guest(4), None, |domain| domain != DomainId(3)).unwrap();
    let events = service.engine.events.len();
    let answer = service.command(guest(3), 0, &get_random(8)).unwrap();
    assert_eq!(answer, error_response(ResponseCode::FAILURE));
    assert_eq!(service.engine.events.len(), events);
    service.guest_closed(guest(3)).unwrap();
    service.guest_gone(guest(3)).unwrap();
    assert_eq!((service.engine.events.len(), service.present()), (events, Some(guest(4))));
}

#[test]
fn claims_count_as_locality_zero_unless_configured() {
    let mut clamped = service("tpm2 ephemeral");
    attach(&mut clamped, 3);
    clamped.command(guest(3), 4, &get_random(8)).unwrap();
    assert_eq!(clamped.engine.localities.last(), Some(&0));

    let mut configured = service("tpm2 ephemeral locality=0,2");
    attach(&mut configured, 3);
    configured.command(guest(3), 2, &get_random(8)).unwrap();
    assert_eq!(configured.engine.localities.last(), Some(&2));
    let answer = configured.command(guest(3), 4, &get_random(8)).unwrap();
    assert_eq!(answer, error_response(ResponseCode::LOCALITY));
}

#[test]
fn a_guest_without_a_locality_rule_is_refused() {
    let mut service = service("tpm2 ephemeral locality=user_1:vm_r:guest_t=0");
    let refused = service.guest_attached(guest(3), None, |_| true);
    let expected = Refusal::NoLocalityRule { domain: DomainId(3) };
    assert_eq!(refused, Err(AttachError::Refused(expected)));
    service.guest_attached(guest(3), Some("user_1:vm_r:guest_t"), |_| true).unwrap();
}

#[test]
fn an_answer_that_does_not_fit_the_page_becomes_an_error() {
    let mut service = service("tpm2 ephemeral");
    attach(&mut service, 3);
    service.engine.answer_length = Some(MAX_PACKET_BYTES + 1);
    let answer = service.command(guest(3), 0, &get_random(8)).unwrap();
    assert_eq!(answer, error_response(ResponseCode::SIZE));
    service.engine.answer_length = Some(MAX_PACKET_BYTES);
    assert_eq!(service.command(guest(3), 0, &get_random(8)).unwrap().len(), MAX_PACKET_BYTES);
}

#[test]
fn a_broken_engine_gives_no_answer() {
    let mut service = service("tpm2 ephemeral");
    attach(&mut service, 3);
    service.engine.broken = true;
    assert!(matches!(service.command(guest(3), 0, &get_random(8)), Err(ServiceError::Engine(_))));
    assert!(matches!(service.shutdown(), Err(ServiceError::Engine(_))));
}

/// Fails once it has been asked this many times.
struct FailsAfter(usize);

impl StateKeeper<FakeEngine> for FailsAfter {
    fn keep(&mut self, _: &mut FakeEngine) -> Result<(), NotKept> {
        self.0 = self.0.checked_sub(1).ok_or(NotKept(String::from("disk full")))?;
        Ok(())
    }
}

#[test]
fn an_answer_whose_state_was_not_kept_never_leaves() {
    let engine = FakeEngine::new(TpmVersion::Tpm20);
    let arguments = arguments("tpm2 ephemeral");
    let mut service = Service::start(engine, FailsAfter(3), arguments, Origin::New).unwrap();
    service.guest_attached(guest(3), None, |_| true).unwrap();
    service.command(guest(3), 0, &get_random(8)).unwrap();
    let lost = service.command(guest(3), 0, &get_random(8)).unwrap_err();
    assert_eq!(lost, ServiceError::NotKept(NotKept(String::from("disk full"))));
}

/// What a keeper heard, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Heard {
    Begin,
    Remember(Past),
    Keep,
}

#[derive(Default)]
struct Listens(Vec<Heard>);

impl StateKeeper<FakeEngine> for Listens {
    fn keep(&mut self, _: &mut FakeEngine) -> Result<(), NotKept> {
        self.0.push(Heard::Keep);
        Ok(())
    }

    fn begin_boot(&mut self, _: &mut FakeEngine) -> Result<(), NotBegun> {
        self.0.push(Heard::Begin);
        Ok(())
    }

    fn remember(&mut self, guests: &Past) {
        self.0.push(Heard::Remember(guests.clone()));
    }
}

#[test]
fn a_keeper_hears_of_each_fresh_boot_and_of_its_guest_before_the_guest_is_answered() {
    let engine = FakeEngine::new(TpmVersion::Tpm20);
    let arguments = arguments("tpm2");
    let mut service = Service::start(engine, Listens::default(), arguments, Origin::New).unwrap();
    let nobody = Heard::Remember(Past::default());
    assert_eq!(core::mem::take(&mut service.keeper.0), [Heard::Begin, nobody, Heard::Keep]);
    let five = DomainId(5);
    service.guest_attached(guest(5), None, |_| true).unwrap();
    let first = Past { living: [five].to_vec(), last: Some(five) };
    assert_eq!(core::mem::take(&mut service.keeper.0), [Heard::Remember(first), Heard::Keep]);
    service.guest_gone(guest(5)).unwrap();
    service.keeper.0.clear();
    service.guest_attached(guest(6), None, |_| true).unwrap();
    let second = Past { living: [five, DomainId(6)].to_vec(), last: Some(DomainId(6)) };
    let expected = [Heard::Remember(second), Heard::Keep, Heard::Begin, Heard::Keep, Heard::Keep];
    assert_eq!(service.keeper.0, expected);
}

#[test]
fn a_resumed_boot_does_not_begin() {
    let mut engine = FakeEngine::new(TpmVersion::Tpm20);
    engine.kept_state = true;
    let origin = Origin::Kept(Past::default());
    let service = Service::start(engine, Listens::default(), arguments("tpm2 save"), origin);
    assert!(!service.unwrap().keeper.0.contains(&Heard::Begin));
}

proptest! {
    #[test]
    fn any_bytes_get_an_answer_that_fits(
        claim in any::<u8>(),
        tag in proptest::sample::select(&[0xC1_u16, 0xC2, 0xC3, 0x1C1, 0x1C2]),
        mut bytes in proptest::collection::vec(any::<u8>(), 0..80),
        sound in any::<bool>(),
    ) {
        if sound && bytes.len() >= 10 {
            let length = u32::try_from(bytes.len()).unwrap();
            bytes[..2].copy_from_slice(&tag.to_be_bytes());
            bytes[2..6].copy_from_slice(&length.to_be_bytes());
            bytes[6..9].fill(0);
        }
        let mut service = service("tpm2 ephemeral");
        attach(&mut service, 3);
        service.engine.answer_length = Some(10);
        let answer = service.command(guest(3), claim, &bytes).unwrap();
        assert!((10..=MAX_PACKET_BYTES).contains(&answer.len()));
    }
}

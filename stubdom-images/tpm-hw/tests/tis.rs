//! The FIFO driver against a strict model of the registers.

mod support;

use core::time::Duration;
use domain_io::Clock;
use support::{command, echoed, open_tis, tis_model};
use tpm_hw::test_utils::bus;
use tpm_hw::{Fault, HardwareError, HardwareTpm, Locality, Tis, Wait};

fn timed_out(what: Wait) -> impl Fn(&HardwareError) -> bool {
    move |error| matches!(error, HardwareError::TimedOut { what: it, .. } if *it == what)
}

#[test]
fn commands_of_every_length_pass_whole_with_any_burst_count() {
    let (model, clock) = tis_model();
    let mut tis = open_tis(&model, &clock).unwrap();
    for bursts in [vec![1], vec![64], vec![0, 0, 3, 1, 0, 32], vec![65535], vec![0, 4096, 2]] {
        model.misbehave(|faults| faults.bursts = bursts);
        for length in (10..200).chain([2048, 4095, 4096]) {
            assert_eq!(tis.transmit(&command(length)), Ok(echoed(length)));
        }
    }
    assert_eq!(model.violations(), [""; 0]);
}

#[test]
fn interrupts_are_switched_off_and_the_locality_is_given_back_after_each_command() {
    let (model, clock) = tis_model();
    let mut tis = open_tis(&model, &clock).unwrap();
    assert!(!model.has_interrupts());
    assert_eq!(model.active_locality(), None);
    tis.transmit(&command(12)).unwrap();
    assert_eq!(model.active_locality(), None);
}

#[test]
fn a_slow_command_is_waited_for() {
    let (model, clock) = tis_model();
    let mut tis = open_tis(&model, &clock).unwrap();
    model.misbehave(|faults| faults.duration = Duration::from_secs(90));
    assert_eq!(tis.transmit(&command(12)), Ok(echoed(12)));
    assert!(clock.now() < Duration::from_secs(91));
}

#[test]
fn a_command_that_never_ends_is_given_up_and_the_next_one_works() {
    let (model, clock) = tis_model();
    let mut tis = open_tis(&model, &clock).unwrap();
    model.misbehave(|faults| faults.never_ends = true);
    let error = tis.transmit(&command(12)).unwrap_err();
    assert!(timed_out(Wait::Execution)(&error), "{error}");
    model.misbehave(|faults| faults.never_ends = false);
    assert_eq!(tis.transmit(&command(12)), Ok(echoed(12)));
    assert_eq!(model.violations(), [""; 0]);
}

#[test]
fn a_command_that_the_tpm_drops_is_noticed_at_once_whatever_else_its_status_says() {
    let (model, clock) = tis_model();
    let mut tis = open_tis(&model, &clock).unwrap();
    for round in 0..100 {
        model.misbehave(|faults| (faults.drops, faults.self_tested) = (1, round % 2 == 0));
        let before = clock.now();
        assert_eq!(tis.transmit(&command(12)), Err(HardwareError::Fault(Fault::Aborted)));
        let took = clock.now() - before;
        assert!(took < Duration::from_millis(100), "round {round}: {took:?}");
        assert_eq!(tis.transmit(&command(12)), Ok(echoed(12)));
    }
    assert_eq!(model.violations(), [""; 0]);
}

#[test]
fn a_command_that_survives_an_abort_ends_by_letting_go_of_the_tpm() {
    let (model, clock) = tis_model();
    model.leave_busy(Some(0));
    model.misbehave(|faults| faults.ignores_abort = true);
    let mut tis = open_tis(&model, &clock).unwrap();
    assert_eq!(tis.transmit(&command(12)), Ok(echoed(12)));
    assert_eq!(model.violations(), [""; 0]);
}

#[test]
fn a_tpm_that_nothing_frees_is_stuck_and_recovers_when_it_does() {
    let (model, clock) = tis_model();
    let mut tis = open_tis(&model, &clock).unwrap();
    model.leave_busy(None);
    model.misbehave(|faults| (faults.ignores_abort, faults.ignores_release) = (true, true));
    assert_eq!(tis.transmit(&command(12)), Err(HardwareError::Stuck));
    assert!(clock.now() < Duration::from_secs(20), "{:?}", clock.now());
    model.misbehave(|faults| faults.ignores_abort = false);
    assert_eq!(tis.transmit(&command(12)), Ok(echoed(12)));
}

#[test]
fn a_burst_count_of_zero_for_ever_is_a_named_error() {
    let (model, clock) = tis_model();
    let mut tis = open_tis(&model, &clock).unwrap();
    model.misbehave(|faults| faults.bursts = vec![0]);
    let error = tis.transmit(&command(12)).unwrap_err();
    assert!(timed_out(Wait::Burst)(&error), "{error}");
    assert!(error.to_string().contains("burst count 0"));
    assert!(clock.now() < Duration::from_secs(15));
    model.misbehave(|faults| faults.bursts = vec![8]);
    assert_eq!(tis.transmit(&command(12)), Ok(echoed(12)));
}

#[test]
fn a_lost_byte_is_sent_again_with_the_whole_command() {
    let (model, clock) = tis_model();
    let mut tis = open_tis(&model, &clock).unwrap();
    model.misbehave(|faults| faults.loses = 1);
    assert_eq!(tis.transmit(&command(100)), Ok(echoed(100)));
    model.misbehave(|faults| faults.loses = usize::MAX);
    let error = tis.transmit(&command(100)).unwrap_err();
    assert_eq!(error, HardwareError::Fault(Fault::CommandNotEnough));
}

#[test]
fn a_response_cut_short_is_asked_for_again() {
    let (model, clock) = tis_model();
    let mut tis = open_tis(&model, &clock).unwrap();
    model.misbehave(|faults| faults.cuts_responses = 2);
    assert_eq!(tis.transmit(&command(100)), Ok(echoed(100)));
    model.misbehave(|faults| faults.cuts_responses = 100);
    let error = tis.transmit(&command(100)).unwrap_err();
    assert!(timed_out(Wait::Response)(&error), "{error}");
    assert_eq!(model.violations(), [""; 0]);
}

#[test]
fn a_static_burst_count_hides_no_short_response() {
    let (model, clock) = tis_model();
    let mut tis = open_tis(&model, &clock).unwrap();
    model.misbehave(|faults| (faults.static_burst, faults.bursts) = (true, vec![256]));
    for length in [10, 11, 100] {
        model.misbehave(|faults| faults.cuts_responses = 1);
        assert_eq!(tis.transmit(&command(length)), Ok(echoed(length)));
        model.misbehave(|faults| faults.cuts_responses = 100);
        let error = tis.transmit(&command(length)).unwrap_err();
        assert!(timed_out(Wait::Response)(&error), "{length}: {error}");
        model.misbehave(|faults| faults.cuts_responses = 0);
    }
}

#[test]
fn a_response_whose_header_lies_about_its_length_is_refused() {
    let (model, clock) = tis_model();
    let mut tis = open_tis(&model, &clock).unwrap();
    for (claimed, expected) in [
        (0, Some(Fault::ResponseLength(0))),
        (9, Some(Fault::ResponseLength(9))),
        (4097, Some(Fault::ResponseLength(4097))),
        (u32::MAX, Some(Fault::ResponseLength(u32::MAX))),
        (11, Some(Fault::LeftOver)),
        (13, None),
    ] {
        let mut lie = command(12);
        lie[2..6].copy_from_slice(&claimed.to_be_bytes());
        model.misbehave(|faults| faults.answers = Some(lie));
        let error = tis.transmit(&command(12)).unwrap_err();
        match expected {
            Some(fault) => assert_eq!(error, HardwareError::Fault(fault)),
            None => assert!(timed_out(Wait::Response)(&error), "{error}"),
        }
    }
    model.misbehave(|faults| faults.answers = None);
    assert_eq!(tis.transmit(&command(12)), Ok(echoed(12)));
}

#[test]
fn a_locality_that_is_never_granted_is_named_and_the_request_is_taken_back() {
    let (model, clock) = tis_model();
    model.misbehave(|faults| faults.denies_locality = true);
    let denied = Some(HardwareError::LocalityDenied(Locality::ZERO));
    assert_eq!(open_tis(&model, &clock).err(), denied);
    assert!(clock.now() < Duration::from_secs(1));
    model.misbehave(|faults| faults.denies_locality = false);
    model.leave_busy(Some(3));
    assert_eq!(open_tis(&model, &clock).err(), denied, "locality 3 holds it");
}

#[test]
fn a_locality_taken_away_is_named_and_does_not_stop_the_driver_for_ever() {
    let (model, clock) = tis_model();
    let mut tis = open_tis(&model, &clock).unwrap();
    model.misbehave(|faults| (faults.seized, faults.never_ends) = (true, true));
    let error = tis.transmit(&command(12)).unwrap_err();
    assert_eq!(error, HardwareError::LocalityLost(Locality::ZERO));
    assert!(clock.now() < Duration::from_secs(10));
}

#[test]
fn a_device_that_vanishes_is_absent_at_once() {
    let (model, clock) = tis_model();
    let mut tis = open_tis(&model, &clock).unwrap();
    model.misbehave(|faults| faults.vanished = true);
    assert_eq!(tis.transmit(&command(12)), Err(HardwareError::Absent));
    assert!(clock.now() < Duration::from_millis(1));
    assert_eq!(open_tis(&model, &clock).err(), Some(HardwareError::Absent));
}

#[test]
fn a_command_that_cannot_be_sent_reaches_no_register() {
    let (model, clock) = tis_model();
    let mut tis = open_tis(&model, &clock).unwrap();
    model.misbehave(|faults| faults.vanished = true);
    let too_long = HardwareError::CommandLength { bytes: 4097, limit: 4096 };
    assert_eq!(tis.transmit(&command(4097)), Err(too_long));
    for malformed in [&command(12)[..11], &[], &command(12)[..5]] {
        assert_eq!(tis.transmit(malformed), Err(HardwareError::CommandMalformed));
    }
}

#[test]
fn every_locality_works_and_an_unmapped_one_is_named() {
    let (model, clock) = tis_model();
    for number in 0..=4 {
        let locality = Locality::new(number).unwrap();
        let window = bus(support::BASE, model.clone());
        let mut tis = Tis::open(window, support::BASE, locality, clock.clone()).unwrap();
        assert_eq!(tis.transmit(&command(12)), Ok(echoed(12)));
    }
    let elsewhere = bus(0xFED5_0000, model);
    let error = Tis::open(elsewhere, support::BASE, Locality::ZERO, clock).err();
    assert_eq!(error, Some(HardwareError::NotMapped { address: support::BASE, bytes: 0x1000 }));
}

//! The CRB driver against a strict model of the registers.

mod support;

use core::time::Duration;
use domain_io::Clock;
use support::{BASE, command, crb_model, echoed, open_crb};
use tpm_hw::test_utils::bus;
use tpm_hw::{Crb, Fault, HardwareError, HardwareTpm, Locality, Wait};

#[test]
fn commands_of_every_length_pass_whole_and_leave_the_device_at_rest() {
    let (model, clock) = crb_model();
    let mut crb = open_crb(&model, &clock).unwrap();
    for length in (10..100).chain([0xF7F, 0xF80]) {
        assert_eq!(crb.transmit(&command(length)), Ok(echoed(length)));
        assert!(model.is_at_rest());
    }
    assert_eq!(model.violations(), [""; 0]);
}

#[test]
fn a_command_longer_than_the_buffer_is_refused_before_anything_is_written() {
    let (model, clock) = crb_model();
    let mut crb = open_crb(&model, &clock).unwrap();
    let error = HardwareError::CommandLength { bytes: 0xF81, limit: 0xF80 };
    assert_eq!(crb.transmit(&command(0xF81)), Err(error));
}

#[test]
fn a_command_that_never_ends_is_cancelled_and_the_next_one_works() {
    let (model, clock) = crb_model();
    let mut crb = open_crb(&model, &clock).unwrap();
    model.misbehave(|faults| faults.never_ends = true);
    let error = crb.transmit(&command(12)).unwrap_err();
    assert!(matches!(error, HardwareError::TimedOut { what: Wait::Execution, .. }), "{error}");
    model.misbehave(|faults| faults.never_ends = false);
    assert_eq!(crb.transmit(&command(12)), Ok(echoed(12)));
    assert_eq!(model.violations(), [""; 0]);
}

#[test]
fn a_command_that_survives_its_cancel_makes_the_tpm_stuck_until_it_ends() {
    let (model, clock) = crb_model();
    let mut crb = open_crb(&model, &clock).unwrap();
    model.misbehave(|faults| (faults.never_ends, faults.ignores_cancel) = (true, true));
    assert!(crb.transmit(&command(12)).is_err());
    let before = clock.now();
    assert_eq!(crb.transmit(&command(12)), Err(HardwareError::Stuck));
    assert!(clock.now() - before < Duration::from_secs(10));
    model.misbehave(|faults| faults.ignores_cancel = false);
    assert!(crb.transmit(&command(12)).is_err(), "the new command never ends either");
    model.misbehave(|faults| faults.never_ends = false);
    assert_eq!(crb.transmit(&command(12)), Ok(echoed(12)));
}

#[test]
fn a_response_whose_header_lies_about_its_length_is_refused() {
    let (model, clock) = crb_model();
    let mut crb = open_crb(&model, &clock).unwrap();
    for claimed in [0, 9, 0xF81, u32::MAX] {
        let mut lie = command(12);
        lie[2..6].copy_from_slice(&claimed.to_be_bytes());
        model.misbehave(|faults| faults.answers = Some(lie));
        let error = HardwareError::Fault(Fault::ResponseLength(claimed));
        assert_eq!(crb.transmit(&command(12)), Err(error));
    }
}

#[test]
fn states_that_are_never_reached_are_named() {
    let (model, clock) = crb_model();
    let mut crb = open_crb(&model, &clock).unwrap();
    model.misbehave(|faults| faults.never_ready = true);
    let error = crb.transmit(&command(12)).unwrap_err();
    assert!(matches!(error, HardwareError::TimedOut { what: Wait::Ready, .. }), "{error}");
    model.misbehave(|faults| (faults.never_ready, faults.denies_locality) = (false, true));
    let denied = HardwareError::LocalityDenied(Locality::ZERO);
    assert_eq!(crb.transmit(&command(12)), Err(denied));
    model.misbehave(|faults| (faults.denies_locality, faults.vanished) = (false, true));
    assert_eq!(crb.transmit(&command(12)), Err(HardwareError::Absent));
    assert!(clock.now() < Duration::from_secs(5), "{:?}", clock.now());
    model.misbehave(|faults| (faults.vanished, faults.breaks) = (false, true));
    assert_eq!(crb.transmit(&command(12)), Err(HardwareError::Fault(Fault::Fatal)));
    assert_eq!(crb.transmit(&command(12)), Err(HardwareError::Fault(Fault::Fatal)));
}

#[test]
fn buffers_outside_the_mapped_windows_are_refused_by_name() {
    let (model, clock) = crb_model();
    for (address, bytes) in [
        (0, 0x1000),
        (BASE + 0x80, 0xF81),
        (BASE + 0x80, 9),
        (BASE - 1, 0x100),
        (u64::MAX, 0x100),
        (u64::MAX - 0xFF, 0x100),
        (0xBF00_0000, 0x1000),
    ] {
        model.declare_buffers(address, bytes);
        let error = open_crb(&model, &clock).err().unwrap();
        let named = matches!(error, HardwareError::BadBuffer { which: "command", address: at, .. }
            if at == address);
        assert!(named, "{error}");
    }
    assert!(model.is_at_rest());
}

#[test]
fn a_control_area_by_itself_is_driven_without_locality_registers() {
    let (model, clock) = crb_model();
    // The model wants its locality held, so hold it as firmware would.
    let mut page = model.clone();
    tpm_hw::Mmio::write32(&mut page, 0x08, 1);
    let window = bus(BASE, model.clone());
    let mut crb = Crb::open_control_area(window, BASE + 0x40, clock.clone()).unwrap();
    assert_eq!(crb.transmit(&command(50)), Ok(echoed(50)));
    assert_eq!(model.violations(), [""; 0]);
    let error = Crb::open_control_area(bus(BASE, model), 0xBF00_0040, clock).err();
    assert_eq!(error, Some(HardwareError::NotMapped { address: 0xBF00_0040, bytes: 0x30 }));
}

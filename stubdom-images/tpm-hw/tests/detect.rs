//! Which interface is taken for which.

mod support;

use support::{BASE, crb_model, tis_model};
use tpm_hw::test_utils::{Liar, bus};
use tpm_hw::{HardwareArguments, HardwareError, Interface, detect};

#[test]
fn every_fifo_of_the_specifications_is_taken_for_one() {
    for interface_id in [u32::MAX, 0, 0x6000, 0x000F_000F] {
        let (model, clock) = tis_model();
        model.set_interface_id(interface_id);
        let found = detect(bus(BASE, model), &HardwareArguments::default(), clock).unwrap();
        assert_eq!(found.interface, Interface::Fifo);
    }
    let (model, clock) = tis_model();
    model.set_interface_id(0x2);
    let error = detect(bus(BASE, model), &HardwareArguments::default(), clock).unwrap_err();
    assert_eq!(error, HardwareError::UnknownInterface(2));
}

#[test]
fn a_crb_device_is_found_and_its_control_area_may_be_named() {
    let (model, clock) = crb_model();
    let arguments = HardwareArguments::default();
    let found = detect(bus(BASE, model.clone()), &arguments, clock.clone()).unwrap();
    assert_eq!(found.interface, Interface::Crb);
    let mut page = model.clone();
    tpm_hw::Mmio::write32(&mut page, 0x08, 1);
    let arguments = HardwareArguments { control_area: Some(BASE + 0x40), ..arguments };
    let found = detect(bus(BASE, model), &arguments, clock).unwrap();
    assert_eq!(found.interface, Interface::Crb);
}

#[test]
fn nothing_there_and_nothing_mapped_are_told_apart() {
    let (_, clock) = tis_model();
    let nothing = bus(BASE, Liar::new(vec![u32::MAX], 0x1000));
    let arguments = HardwareArguments::default();
    let error = detect(nothing, &arguments, clock.clone()).unwrap_err();
    assert_eq!(error, HardwareError::Absent);
    assert!(error.to_string().contains("tpmiomem="));
    let short = bus(BASE, Liar::new(vec![0], 0xFFF));
    let error = detect(short, &arguments, clock).unwrap_err();
    assert_eq!(error, HardwareError::NotMapped { address: BASE, bytes: 0x1000 });
}

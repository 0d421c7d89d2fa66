//! Who gets the TPM, who is refused, and when it is reset.

use super::{Admission, BootLife, Past, Refusal};
use alloc::vec;
use alloc::vec::Vec;
use domain_io::DomainId;
use tpmif::nodes::DeviceId;
use vtpm_arguments::Reattach;

fn guest(number: u16) -> DeviceId {
    DeviceId { frontend: DomainId(number), device: 0 }
}

fn fresh() -> BootLife {
    BootLife::new(Past::default(), false, Reattach::Refuse)
}

/// Attaches while every domain lives.
fn attach(life: &mut BootLife, number: u16) -> Result<Admission, Refusal> {
    life.attach(guest(number), |_| true)
}

fn serve(life: &mut BootLife, number: u16) -> Admission {
    let admission = attach(life, number).unwrap();
    life.detach(guest(number));
    admission
}

#[test]
fn the_first_guest_gets_the_boot_that_is_there() {
    assert_eq!(attach(&mut fresh(), 3), Ok(Admission::SameBoot));
}

#[test]
fn the_same_domain_again_resets_nothing() {
    let mut life = fresh();
    for _ in 0..3 {
        assert_eq!(serve(&mut life, 3), Admission::SameBoot);
    }
}

#[test]
fn a_new_domain_gets_a_new_boot_once_the_old_one_is_gone() {
    let mut life = fresh();
    attach(&mut life, 3).unwrap();
    assert_eq!(attach(&mut life, 4), Err(Refusal::Occupied { by: guest(3) }));
    assert_eq!(life.present(), Some(guest(3)));
    life.detach(guest(3));
    assert_eq!(attach(&mut life, 4), Ok(Admission::NewBoot));
}

#[test]
fn a_dead_domain_s_device_does_not_hold_up_the_next_guest() {
    let mut life = fresh();
    attach(&mut life, 3).unwrap();
    assert_eq!(life.attach(guest(4), |domain| domain != DomainId(3)), Ok(Admission::NewBoot));
    life.detach(guest(3));
    assert_eq!(life.present(), Some(guest(4)), "the old device's end comes late");
}

#[test]
fn a_second_device_of_the_same_guest_is_refused() {
    let mut life = fresh();
    attach(&mut life, 3).unwrap();
    let second = DeviceId { device: 1, ..guest(3) };
    assert_eq!(life.attach(second, |_| true), Err(Refusal::Occupied { by: guest(3) }));
    life.detach(second);
    assert_eq!(life.present(), Some(guest(3)));
}

#[test]
fn a_living_guest_whose_pcrs_are_lost_is_refused() {
    let mut life = fresh();
    serve(&mut life, 3);
    serve(&mut life, 4);
    assert_eq!(attach(&mut life, 3), Err(Refusal::LostPcrs { domain: DomainId(3) }));
    assert_eq!(attach(&mut life, 4), Ok(Admission::SameBoot), "a refusal changes nothing");
}

#[test]
fn blank_pcrs_are_given_when_the_administrator_says_so() {
    let mut life = BootLife::new(Past::default(), false, Reattach::BlankPcrs);
    serve(&mut life, 3);
    serve(&mut life, 4);
    assert_eq!(serve(&mut life, 3), Admission::NewBoot);
    assert_eq!(serve(&mut life, 3), Admission::SameBoot);
}

#[test]
fn a_dead_domain_s_number_may_come_again() {
    let mut life = fresh();
    serve(&mut life, 3);
    serve(&mut life, 4);
    life.forget_dead(|domain| domain != DomainId(3));
    assert_eq!(serve(&mut life, 3), Admission::NewBoot);
}

#[test]
fn a_recycled_number_does_not_inherit_pcrs() {
    let mut life = fresh();
    serve(&mut life, 3);
    life.forget_dead(|_| false);
    assert_eq!(serve(&mut life, 3), Admission::NewBoot);
}

#[test]
fn a_dead_owner_is_not_forgotten_while_its_device_is_there() {
    let mut life = fresh();
    attach(&mut life, 3).unwrap();
    life.forget_dead(|_| false);
    life.detach(guest(3));
    assert_eq!(attach(&mut life, 3), Ok(Admission::SameBoot));
}

#[test]
fn many_guests_leave_no_list_of_the_dead_behind() {
    let mut life = fresh();
    for number in 1..1000 {
        life.attach(guest(number), |domain| domain == DomainId(number)).unwrap();
        life.detach(guest(number));
    }
    assert!(life.earlier.len() <= 1, "{:?}", life.earlier);
}

#[test]
fn after_a_restart_a_guest_that_lived_through_it_is_refused() {
    let past = Past { living: vec![DomainId(5)], last: Some(DomainId(5)) };
    let mut life = BootLife::new(past.clone(), false, Reattach::Refuse);
    assert_eq!(attach(&mut life, 5), Err(Refusal::LostPcrs { domain: DomainId(5) }));
    assert_eq!(attach(&mut life, 6), Ok(Admission::SameBoot), "a younger guest is welcome");

    let mut blank = BootLife::new(past, false, Reattach::BlankPcrs);
    assert_eq!(attach(&mut blank, 5), Ok(Admission::SameBoot), "the PCRs are blank already");
}

#[test]
fn a_guest_that_lives_through_many_restarts_is_remembered_once() {
    let mut past = Past { living: vec![DomainId(5)], last: Some(DomainId(5)) };
    for _ in 0..3 {
        let mut life = BootLife::new(past, false, Reattach::BlankPcrs);
        attach(&mut life, 5).unwrap();
        past = life.past();
        assert_eq!(past.living, [DomainId(5)]);
    }
}

#[test]
fn after_a_host_reboot_the_same_number_is_another_guest() {
    let past = Past { living: Vec::new(), last: Some(DomainId(5)) };
    let mut life = BootLife::new(past, false, Reattach::Refuse);
    assert_eq!(attach(&mut life, 5), Ok(Admission::SameBoot));
}

#[test]
fn a_resumed_boot_belongs_to_its_last_guest_only() {
    let past = Past { living: vec![DomainId(5)], last: Some(DomainId(5)) };
    let mut same = BootLife::new(past.clone(), true, Reattach::Refuse);
    assert_eq!(attach(&mut same, 5), Ok(Admission::SameBoot));
    let mut other = BootLife::new(past, true, Reattach::Refuse);
    assert_eq!(attach(&mut other, 6), Ok(Admission::NewBoot));
    let mut unknown = BootLife::new(Past::default(), true, Reattach::Refuse);
    assert_eq!(attach(&mut unknown, 6), Ok(Admission::NewBoot));
}

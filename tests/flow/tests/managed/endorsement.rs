//! What the manager knows of a vTPM besides its state: its endorsement key, and the image of its domain.

use domain_io::test_utils::FakeEntropy;
use domain_io::{DomainId, Xenstore};
use flow_tests::packets::key::create_endorsement;
use flow_tests::{Guest, MANAGER, Machine, VTPM};
use std::rc::Rc;
use std::time::Duration;
use tpm_wire::manager::{Command, List, Show};
use tpm_wire::tpm12::read_pubek;
use tpmif::nodes::DeviceId;
use vtpm_manager::{Arguments, Manager, Parts, Reply, WithoutHardware};

/// What `vtpmmgr-ctl show` is told about the one vTPM of this machine's manager.
fn shown(machine: &Machine) -> Show {
    let (arguments, _) = Arguments::parse(["hwtpm=none"]).unwrap();
    let (disk, entropy) = (Rc::clone(&machine.store), Box::new(FakeEntropy::new(5)));
    let parts =
        Parts { disk, keeper: WithoutHardware, hardware: None, entropy, now: Duration::ZERO };
    let (mut manager, _) = Manager::open(parts, &arguments).unwrap();
    let domain_0 = DeviceId { frontend: DomainId(0), device: 0 };
    let mut ask =
        |command: Command| match manager.request(domain_0, &command.packet(), Duration::ZERO) {
            Reply::Now(answer) => answer,
            other => panic!("{other:?}"),
        };
    let list = List::of_answer(&ask(Command::List { after: None, most: 9 })).unwrap();
    assert_eq!(list.entries.len(), 1);
    Show::of_answer(&ask(Command::Show(list.entries[0].uuid))).unwrap()
}

#[test]
fn the_manager_names_the_key_that_a_guest_of_a_tpm_20_makes() {
    let mut machine = Machine::default();
    let mut named = Vec::new();
    for boot in 1..4 {
        let mut chain = machine.start("tpm2").unwrap();
        let mut guest = Guest::boot(&mut chain, boot);
        let made = guest.succeed(&mut chain, &create_endorsement());
        guest.destroy(&mut chain);
        chain.stop();
        let shown = shown(&machine);
        assert_eq!(shown.ek_name.len(), 34);
        assert!(made.ends_with(&[&shown.ek_name[..], &[0, 0, 1, 0, 0]].concat()));
        let modulus = &shown.ek_public[33..289];
        assert!(made.windows(256).any(|window| window == modulus));
        named.push((shown.ek_name, shown.ek_public));
    }
    assert!(named.windows(2).all(|pair| pair[0] == pair[1]), "one key for life");
}

#[test]
fn the_manager_names_the_endorsement_key_of_a_tpm_12() {
    let mut machine = Machine::default();
    let mut chain = machine.start("loglevel=info").unwrap();
    let mut guest = Guest::boot(&mut chain, 1);
    let public = guest.succeed(&mut chain, &read_pubek([7; 20]));
    guest.destroy(&mut chain);
    chain.stop();
    let shown = shown(&machine);
    assert!(shown.ek_name.is_empty(), "keys of a TPM 1.2 have no Name");
    let modulus = &shown.ek_public[33..289];
    assert!(public.windows(256).any(|window| window == modulus));
}

#[test]
fn the_manager_records_the_image_that_domain_0_names_for_the_vtpm_s_domain() {
    let mut machine = Machine::default();
    let mut chain = machine.start("tpm2").unwrap();
    let mut domain_0 = machine.world.store(DomainId(0));
    let devices = format!("/local/domain/{MANAGER}/backend/vtpm/{VTPM}");
    let device = domain_0.list(&devices).unwrap().concat();
    let text = format!("sha256:{}", "5a".repeat(32));
    domain_0.write(&format!("{devices}/{device}/image"), &text).unwrap();
    let mut guest = Guest::boot(&mut chain, 1);
    crate::define(&mut chain, &mut guest);
    guest.destroy(&mut chain);
    chain.stop();
    assert_eq!(shown(&machine).image_hash, [0x5a; 32]);
    // Started by somebody who names none.
    machine.start("tpm2").unwrap().stop();
    assert_eq!(shown(&machine).image_hash, [0x5a; 32]);
}

#[test]
fn another_vtpm_has_another_key() {
    let keys = [(); 2].map(|()| {
        let mut machine = Machine::default();
        machine.start("tpm2").unwrap().stop();
        shown(&machine).ek_public
    });
    assert_ne!(keys[0], keys[1]);
}

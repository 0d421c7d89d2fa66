//! The vTPM domain starts again, on the same host or after a reboot of it.

use super::{define, read, write};
use domain_io::DomainId;
use flow_tests::packets::{response_code, tpm12};
use flow_tests::{Guest, Machine, NoStart};
use tpm_wire::tpm12::read_pubek;
use tpm_wire::tpm20::{HashAlgorithm, pcr_digest, pcr_extend, pcr_read};
use tpmif::nodes::DeviceId;
use tpmif::peers::Waiting;
use vtpm_keeper::Stop;

#[test]
fn what_a_guest_wrote_is_there_after_an_orderly_stop_and_after_a_kill() {
    let mut machine = Machine::default();
    let mut chain = machine.start("tpm2").unwrap();
    let mut guest = Guest::boot(&mut chain, 1);
    define(&mut chain, &mut guest);
    write(&mut chain, &mut guest, 1);
    guest.destroy(&mut chain);
    chain.stop();
    for boot in 2..6 {
        let mut chain = machine.start("tpm2").unwrap();
        let mut guest = Guest::boot(&mut chain, boot);
        assert_eq!(read(&mut chain, &mut guest), Some(u64::from(boot) - 1));
        write(&mut chain, &mut guest, u64::from(boot));
        guest.destroy(&mut chain);
        if boot % 2 == 0 {
            chain.kill();
        } else {
            chain.stop();
        }
    }
}

#[test]
fn a_tpm_12_keeps_its_endorsement_key() {
    let mut machine = Machine::default();
    let mut keys = Vec::new();
    for boot in 1..4 {
        let mut chain = machine.start("loglevel=info").unwrap();
        let mut guest = Guest::boot(&mut chain, boot);
        keys.push(guest.succeed(&mut chain, &read_pubek([7; 20])));
        guest.destroy(&mut chain);
        chain.stop();
    }
    assert!(keys.windows(2).all(|pair| pair[0][..290] == pair[1][..290]));
}

#[test]
fn state_of_the_other_version_stops_the_domain() {
    let mut machine = Machine::default();
    machine.start("tpm2").unwrap().stop();
    let stopped = machine.start("loglevel=info");
    assert!(matches!(stopped, Err(NoStart::Stop(Stop::OtherTpmAtManager { .. }))));
    machine.start("tpm2").unwrap();
}

#[test]
fn a_guest_that_lived_through_a_restart_of_its_vtpm_is_refused_and_the_next_one_is_served() {
    for line in ["tpm2", "tpm2 reattach=blank-pcrs"] {
        let mut machine = Machine::default();
        let mut chain = machine.start(line).unwrap();
        let guest = Guest::boot(&mut chain, 1);
        chain.kill();
        let mut chain = machine.start(line).unwrap();
        let device = DeviceId { frontend: DomainId(1), device: 0 };
        drop(guest);
        let (ended, _) = chain.attach(device);
        if line == "tpm2" {
            assert_ne!(ended, Waiting::Reached);
            assert!(chain.message(device).unwrap().contains("reattach=blank-pcrs"));
        } else {
            assert_eq!(ended, Waiting::Reached);
            continue;
        }
        let _ = Guest::boot(&mut chain, 2);
    }
}

#[test]
fn with_save_the_same_guest_goes_on_with_its_pcrs_and_another_begins_anew() {
    let measure = pcr_extend(8, &[(HashAlgorithm::SHA256, vec![0xAB; 32])]);
    let ask = pcr_read(HashAlgorithm::SHA256, 8);
    let mut machine = Machine::default();
    let mut chain = machine.start("tpm2 save").unwrap();
    let mut guest = Guest::boot(&mut chain, 1);
    guest.succeed(&mut chain, &measure);
    let measured = guest.succeed(&mut chain, &ask);
    guest.detach(&mut chain);
    chain.stop();
    let mut chain = machine.start("tpm2 save").unwrap();
    let mut guest = Guest::boot(&mut chain, 1);
    let found = guest.succeed(&mut chain, &ask);
    assert_eq!(pcr_digest(&found), pcr_digest(&measured));
    guest.destroy(&mut chain);
    chain.stop();
    let mut chain = machine.start("tpm2 save").unwrap();
    let mut other = Guest::boot(&mut chain, 2);
    let found = other.succeed(&mut chain, &ask);
    assert_eq!(pcr_digest(&found), Ok(Some(&[0; 32][..])));
}

#[test]
fn with_save_a_tpm_12_goes_on_too() {
    let mut machine = Machine::default();
    let mut chain = machine.start("save").unwrap();
    let mut guest = Guest::boot(&mut chain, 1);
    guest.succeed(&mut chain, &tpm12::extend(8, &[0xAB; 20]));
    let measured = guest.succeed(&mut chain, &tpm12::pcr_read(8));
    guest.detach(&mut chain);
    chain.stop();
    let mut chain = machine.start("save").unwrap();
    let mut guest = Guest::boot(&mut chain, 1);
    let found = guest.send(&mut chain, &tpm12::pcr_read(8));
    assert_eq!((response_code(&found), found), (0, measured));
}

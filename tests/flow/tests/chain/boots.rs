//! A TPM boot is one guest domain's life.

use flow_tests::packets::tpm12;
use flow_tests::{Chain, Guest, VTPM};
use tpm_wire::tpm20::{HashAlgorithm, pcr_digest, pcr_extend, pcr_read};
use tpmif::peers::LinuxFrontend;

const PCR: u32 = 8;

fn read(chain: &mut Chain, guest: &mut Guest) -> Vec<u8> {
    let answer = guest.succeed(chain, &pcr_read(HashAlgorithm::SHA256, PCR));
    pcr_digest(&answer).unwrap().expect("the bank is active").to_vec()
}

fn measure(chain: &mut Chain, guest: &mut Guest) -> Vec<u8> {
    guest.succeed(chain, &pcr_extend(PCR, &[(HashAlgorithm::SHA256, vec![0xAB; 32])]));
    let measured = read(chain, guest);
    assert_ne!(measured, [0; 32]);
    measured
}

#[test]
fn a_rebooted_guest_is_a_new_domain_and_finds_blank_pcrs() {
    let mut chain = Chain::start("tpm2 ephemeral");
    let mut guest = Guest::boot(&mut chain, 1);
    for _ in 0..3 {
        measure(&mut chain, &mut guest);
        guest = guest.reboot(&mut chain);
        assert_eq!(read(&mut chain, &mut guest), [0; 32]);
    }
}

#[test]
fn a_rebooted_guest_finds_blank_pcrs_in_a_tpm_12() {
    let mut chain = Chain::start("ephemeral");
    let mut guest = Guest::boot(&mut chain, 1);
    for _ in 0..2 {
        let extended = guest.succeed(&mut chain, &tpm12::extend(PCR, &[0xAB; 20]));
        assert_ne!(extended[10..], [0; 20]);
        guest = guest.reboot(&mut chain);
        assert_eq!(guest.succeed(&mut chain, &tpm12::pcr_read(PCR))[10..], [0; 20]);
    }
}

#[test]
fn a_guest_that_follows_a_destroyed_one_finds_blank_pcrs() {
    let mut chain = Chain::start("tpm2 ephemeral");
    let mut guest = Guest::boot(&mut chain, 1);
    measure(&mut chain, &mut guest);
    guest.destroy(&mut chain);
    let mut next = Guest::boot(&mut chain, 2);
    assert_eq!(read(&mut chain, &mut next), [0; 32]);
}

#[test]
fn a_driver_that_is_loaded_again_finds_its_pcrs_as_they_were() {
    let mut chain = Chain::start("tpm2 ephemeral");
    let mut guest = Guest::boot(&mut chain, 1);
    for _ in 0..3 {
        let measured = measure(&mut chain, &mut guest);
        guest.driver.remove();
        chain.tick();
        guest.probe(&mut chain);
        assert_eq!(read(&mut chain, &mut guest), measured);
    }
}

/// The new kernel's driver knows nothing of the old one's page.
#[test]
fn a_kexec_without_a_close_finds_the_pcrs_as_they_were() {
    let mut chain = Chain::start("tpm2 ephemeral");
    let mut guest = Guest::boot(&mut chain, 1);
    let measured = measure(&mut chain, &mut guest);
    let new = LinuxFrontend::new(&chain.world, VTPM, guest.id);
    let old = std::mem::replace(&mut guest.driver, new);
    guest.probe(&mut chain);
    assert_eq!(read(&mut chain, &mut guest), measured);
    drop(old);
}

#[test]
fn a_device_detached_and_attached_to_the_same_guest_has_its_pcrs_as_they_were() {
    let mut chain = Chain::start("tpm2 ephemeral");
    let mut guest = Guest::boot(&mut chain, 1);
    let measured = measure(&mut chain, &mut guest);
    guest.detach(&mut chain);
    let mut again = Guest::boot(&mut chain, 1);
    assert_eq!(read(&mut chain, &mut again), measured);
}

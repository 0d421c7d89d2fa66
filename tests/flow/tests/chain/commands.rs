//! Commands, long answers, cancels.

use flow_tests::packets::key::{self, Kind, Template};
use flow_tests::packets::{flush, handle, nv, response_code};
use flow_tests::{Chain, Guest};
use std::time::Duration;
use tpm_wire::tpm20::get_random;
use tpmif::peers::Sent;

const DIGEST: [u8; 32] = [7; 32];

#[test]
fn a_guest_makes_keys_signs_verifies_and_quotes() {
    let mut chain = Chain::start("tpm2 ephemeral");
    let mut guest = Guest::boot(&mut chain, 1);
    for kind in [Kind::RsaSigning(2048), Kind::EccSigning] {
        let made = guest.succeed(&mut chain, &Template::new(kind).create_primary());
        let key = handle(&made);
        let signed = guest.succeed(&mut chain, &key::sign(key, &[], &DIGEST));
        guest.succeed(&mut chain, &key::verify(key, &DIGEST, &signed));
        let forged = guest.send(&mut chain, &key::verify(key, &[8; 32], &signed));
        assert_ne!(response_code(&forged), 0, "{kind:?}");
        guest.succeed(&mut chain, &key::quote(key, b"nonce", 0));
        guest.succeed(&mut chain, &flush(key));
    }
}

#[test]
fn what_a_guest_writes_into_nv_outlives_its_reboot() {
    const INDEX: u32 = 0x0150_0000;
    let secret = [0x5A; 1024];
    let mut chain = Chain::start("tpm2 ephemeral");
    let mut guest = Guest::boot(&mut chain, 1);
    guest.succeed(&mut chain, &nv::define(INDEX, 1024));
    guest.succeed(&mut chain, &nv::write(INDEX, &secret));
    let mut guest = guest.reboot(&mut chain);
    let answer = guest.succeed(&mut chain, &nv::read(INDEX, 1024));
    assert!(answer.windows(secret.len()).any(|window| window == secret));
}

/// Linux has given up waiting and takes the command back while it runs: the cancel is written into
/// the page right after the backend has read the packet.
#[test]
fn a_cancel_is_acknowledged_when_the_running_command_ends() {
    let mut chain = Chain::start("tpm2 ephemeral");
    let mut guest = Guest::boot(&mut chain, 1);
    let make = Template::new(Kind::RsaStorage(2048)).create_primary();
    let length = make.len();
    guest.driver.raw.page().after_each_read(move |offset, read, page| {
        if (offset, read) == (8, length) {
            page[4] = 3;
        }
    });
    let answer = guest.send(&mut chain, &make);
    assert_eq!(response_code(&answer), 0, "the command ran to its end: {answer:02x?}");
    assert_eq!(guest.driver.raw.page_state(), 2, "acknowledged as finished");
    assert!(guest.driver.raw.was_notified());
    guest.succeed(&mut chain, &get_random(8));
}

#[test]
fn a_cancel_without_a_command_is_acknowledged_as_idle() {
    let mut chain = Chain::start("tpm2 ephemeral");
    let mut guest = Guest::boot(&mut chain, 1);
    guest.driver.raw.page().poke(4, &[3]);
    guest.driver.raw.notify();
    chain.tick();
    assert_eq!(guest.driver.raw.page_state(), 0);
    guest.succeed(&mut chain, &get_random(8));
}

#[test]
fn a_command_taken_back_before_it_was_seen_does_not_run() {
    let mut chain = Chain::start("tpm2 ephemeral");
    let mut guest = Guest::boot(&mut chain, 1);
    let before = guest.succeed(&mut chain, &get_random(8));
    assert!(guest.driver.send(&get_random(16)));
    guest.driver.raw.page().poke(4, &[3]);
    guest.driver.raw.notify();
    chain.tick();
    assert_eq!(guest.driver.raw.page_state(), 0, "idle: there is no answer");
    let answer = guest.succeed(&mut chain, &get_random(8));
    assert_eq!(answer.len(), before.len());
}

#[test]
fn the_longest_answer_and_the_longest_command_go_through_the_page() {
    let mut chain = Chain::start("tpm2 ephemeral");
    let mut guest = Guest::boot(&mut chain, 1);
    // TPM2_GetCapability(commands): as many as fit
    let list = [0x80, 1, 0, 0, 0, 22, 0, 0, 1, 0x7A, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 1, 0];
    assert!(guest.succeed(&mut chain, &list).len() > 400);
    let mut longest = vec![0; 4088];
    longest[..10].copy_from_slice(&[0x80, 1, 0, 0, 0x0F, 0xF8, 0, 0, 1, 0x7B]);
    assert!(guest.driver.send(&longest));
    chain.tick();
    let Sent::Answer(answer) = guest.driver.receive() else { panic!("no answer") };
    assert_ne!(response_code(&answer), 0);
    guest.succeed(&mut chain, &get_random(8));
}

#[test]
fn an_idle_guest_costs_nothing_and_is_served_at_once_when_it_wakes_up() {
    let mut chain = Chain::start("tpm2 ephemeral");
    let mut guest = Guest::boot(&mut chain, 1);
    chain.run(Duration::from_secs(120));
    assert!(guest.driver.send(&get_random(8)));
    chain.tick();
    assert!(matches!(guest.driver.receive(), Sent::Answer(_)));
}

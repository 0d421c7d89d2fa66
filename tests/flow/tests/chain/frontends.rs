//! A second frontend.

use domain_io::DomainId;
use flow_tests::packets::response_code;
use flow_tests::{Chain, Guest};
use tpm_wire::tpm20::{HashAlgorithm, get_random, pcr_extend, pcr_read};
use tpmif::nodes::DeviceId;
use tpmif::peers::Waiting;

#[test]
fn a_second_frontend_is_closed_with_a_message_while_the_first_goes_on() {
    let mut chain = Chain::start("tpm2 ephemeral");
    let mut first = Guest::boot(&mut chain, 1);
    first.succeed(&mut chain, &pcr_extend(8, &[(HashAlgorithm::SHA256, vec![1; 32])]));
    let measured = first.succeed(&mut chain, &pcr_read(HashAlgorithm::SHA256, 8));
    for (domain, device) in [(2, 0), (1, 1)] {
        let second = DeviceId { frontend: DomainId(domain), device };
        let (ended, _) = chain.attach(second);
        assert_eq!(ended, Waiting::TimedOut, "xl reports that the device was not accepted");
        let message = chain.message(second).expect("a message");
        assert!(message.contains("one frontend at a time"), "{message}");
        assert!(message.contains("domain 1"), "{message}");
    }
    assert_eq!(first.succeed(&mut chain, &pcr_read(HashAlgorithm::SHA256, 8)), measured);
}

#[test]
fn a_refused_guest_is_served_once_it_is_attached_after_the_first_has_gone() {
    let mut chain = Chain::start("tpm2 ephemeral");
    let first = Guest::boot(&mut chain, 1);
    let second = DeviceId { frontend: DomainId(2), device: 0 };
    assert_eq!(chain.attach(second).0, Waiting::TimedOut);
    first.destroy(&mut chain);
    let mut wait = chain.libxl.detach(flow_tests::VTPM, second);
    assert_eq!(chain.until(&mut wait).0, Waiting::Reached);
    let mut wait = chain.libxl.wait_for_removal(flow_tests::VTPM, second);
    assert_eq!(chain.until(&mut wait).0, Waiting::Reached);
    chain.libxl.finish_removal(second);
    let mut guest = Guest::boot(&mut chain, 2);
    assert_eq!(response_code(&guest.send(&mut chain, &get_random(8))), 0);
}

#[test]
fn a_vtpm_that_is_one_guest_s_serves_no_line_with_another_uuid() {
    let mut chain = Chain::start("tpm2 ephemeral guest=0f8e1a52-7c3d-4b69-9a10-5566778899ab");
    let other = DeviceId { frontend: DomainId(1), device: 0 };
    assert_eq!(chain.attach(other).0, Waiting::TimedOut);
    let message = chain.message(other).expect("a message");
    assert!(message.contains("uuid=0f8e1a52-7c3d-4b69-9a10-5566778899ab (guest="), "{message}");
    assert!(message.contains(&format!("uuid={}:", tpmif::peers::UUID)), "{message}");
    drop(chain);

    let mut chain = Chain::start(&format!("tpm2 ephemeral guest={}", tpmif::peers::UUID));
    let mut guest = Guest::boot(&mut chain, 1);
    guest.succeed(&mut chain, &get_random(8));
}

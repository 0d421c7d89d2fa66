//! libxl waits up to ten seconds for each step of a removal, and never has to.

use flow_tests::packets::key::{Kind, Template};
use flow_tests::{Chain, Guest};
use std::time::Duration;
use tpm_wire::tpm20::get_random;

const SOON: Duration = Duration::from_secs(1);
/// libxl reads a node this long after it changed, in milliseconds.
const DELAYS: [u64; 2] = [0, 250];

fn each_delay(check: impl Fn(&mut Chain, Guest)) {
    for delay in DELAYS {
        let mut chain = Chain::start("tpm2 ephemeral");
        chain.libxl.delay = Duration::from_millis(delay);
        let guest = Guest::boot(&mut chain, 1);
        check(&mut chain, guest);
    }
}

#[test]
fn a_detach_takes_less_than_a_second_per_step() {
    each_delay(|chain, mut guest| {
        let removal = guest.detach(chain);
        assert!(removal.is_within(SOON), "{removal:?}");
    });
}

#[test]
fn a_detach_with_a_command_in_the_page_takes_less_than_a_second_per_step() {
    each_delay(|chain, mut guest| {
        assert!(guest.driver.send(&Template::new(Kind::RsaStorage(2048)).create_primary()));
        let removal = guest.detach(chain);
        assert!(removal.is_within(SOON), "{removal:?}");
    });
}

#[test]
fn a_destroy_takes_less_than_a_second_per_step() {
    each_delay(|chain, guest| {
        let removal = guest.destroy(chain);
        assert!(removal.is_within(SOON), "{removal:?}");
    });
}

#[test]
fn a_destroy_with_a_command_in_the_page_takes_less_than_a_second_per_step() {
    each_delay(|chain, mut guest| {
        assert!(guest.driver.send(&get_random(8)));
        let removal = guest.destroy(chain);
        assert!(removal.is_within(SOON), "{removal:?}");
    });
}

#[test]
fn a_guest_that_shuts_down_waits_less_than_a_second() {
    each_delay(|chain, guest| {
        let (waited, removal) = guest.shut_down(chain);
        assert!(waited < SOON, "{waited:?}");
        assert!(removal.is_within(SOON), "{removal:?}");
    });
}

#[test]
fn a_vtpm_domain_that_stops_lets_its_device_go_within_a_second() {
    let mut chain = Chain::start("tpm2 ephemeral");
    let _guest = Guest::boot(&mut chain, 1);
    assert!(chain.stop() < SOON);
}

#[test]
fn nothing_is_left_mapped_bound_or_watched_after_a_guest() {
    let mut chain = Chain::start("tpm2 ephemeral");
    let before = (chain.world.ports(flow_tests::VTPM).len(), chain.world.watches(flow_tests::VTPM));
    for number in 1..5 {
        let guest = Guest::boot(&mut chain, number);
        guest.destroy(&mut chain);
        assert_eq!(chain.world.mappings(flow_tests::VTPM), 0);
        let ports = chain.world.ports(flow_tests::VTPM).len();
        assert_eq!((ports, chain.world.watches(flow_tests::VTPM)), before);
    }
}

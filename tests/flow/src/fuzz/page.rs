//! A frontend does anything to its page and its nodes, in front of a whole vTPM domain.

use super::actions::act;
use super::bytes::Bytes;
use crate::blank::blank_state;
use crate::chain::{Chain, VTPM};
use crate::guest::Guest;
use domain_io::{DomainId, Xenstore};
use std::time::Duration;
use tpm_wire::TpmVersion;
use tpm_wire::tpm20::get_random;
use tpmif::nodes::DeviceId;
use tpmif::peers::{RawFrontend, Waiting};

const MOST_STEPS: usize = 64;
/// Steps of libxl's removal, each of which it would wait ten seconds for.
const SOON: Duration = Duration::from_secs(2);
const HOSTILE: DeviceId = DeviceId { frontend: DomainId(1), device: 0 };

/// Steps, each of one byte and what belongs to it: time passes, or the frontend acts.
///
/// # Panics
/// When the domain stops, maps more than one page, lets libxl wait, leaves anything behind, or does
/// not serve the next guest.
pub fn page(data: &[u8]) {
    let mut bytes = Bytes(data);
    let mut chain = Chain::start_from("tpm2 ephemeral", Some(blank_state(TpmVersion::Tpm20)));
    assert_eq!(chain.attach(HOSTILE).0, Waiting::Reached);
    let mut front = RawFrontend::new(&chain.world, VTPM, HOSTILE);
    for _ in 0..MOST_STEPS {
        if bytes.is_empty() {
            break;
        }
        match bytes.byte() {
            time @ 0..64 => chain.run(Duration::from_millis(40) * u32::from(time)),
            64..224 => act(&mut front, &mut bytes),
            _ => act_and_turn(&mut chain, &mut front, &mut bytes),
        }
        assert!(chain.world.mappings(VTPM) <= 1);
        assert!(chain.world.ports(VTPM).len() <= 1);
    }
    remove(&mut chain);
    next_guest(&mut chain);
}

fn act_and_turn(chain: &mut Chain, front: &mut RawFrontend, bytes: &mut Bytes<'_>) {
    act(front, bytes);
    chain.turn();
}

/// `xl destroy`, while anything may be in the page.
fn remove(chain: &mut Chain) {
    let mut first = chain.libxl.destroy(VTPM, HOSTILE);
    let (ended, took) = chain.until(&mut first);
    assert!(ended != Waiting::TimedOut && took < SOON, "{ended:?} after {took:?}");
    let mut second = chain.libxl.wait_for_removal(VTPM, HOSTILE);
    let (ended, took) = chain.until(&mut second);
    assert!(ended == Waiting::Reached && took < SOON, "{ended:?} after {took:?}");
    chain.libxl.finish_removal(HOSTILE);
    let home = format!("/local/domain/{}", HOSTILE.frontend);
    chain.libxl.store.remove(&home).expect("domain 0 may remove a domain's nodes");
    assert_eq!((chain.world.mappings(VTPM), chain.world.ports(VTPM).len()), (0, 0));
}

fn next_guest(chain: &mut Chain) {
    let mut guest = Guest::boot(chain, 2);
    guest.succeed(chain, &get_random(8));
}

//! The lab's hostile guest, in front of a vTPM domain in memory.

use domain_io::{Clock, DomainId};
use flow_tests::{Chain, Guest, Removal, VTPM};
use hostile_stubdom::{Hostile, Kind, Rest, Tally, Target, sound_commands};
use std::time::Duration;
use tpm_wire::tpm20::get_random;
use tpmif::peers::Waiting;

const HOSTILE: DomainId = DomainId(1);
/// Another domain of the machine, of which nothing may be seen.
const OTHER: DomainId = DomainId(3);
const ATTACK: Duration = Duration::from_secs(20);
/// libxl would wait ten seconds for each step of a removal.
const SOON: Duration = Duration::from_secs(2);

/// While the guest rests, the vTPM domain runs. It never holds more than one page and one port.
struct Beside<'a>(&'a mut Chain);

impl Clock for Beside<'_> {
    fn now(&self) -> Duration {
        self.0.now()
    }
}

impl Rest for Beside<'_> {
    fn rest(&mut self, time: Duration) {
        self.0.run(time.max(Duration::from_millis(5)));
        assert!(self.0.world.mappings(VTPM) <= 1 && self.0.world.ports(VTPM).len() <= 1);
    }
}

fn attack(chain: &mut Chain, seed: u64) -> Tally {
    let target = Target { own: HOSTILE, backend: VTPM, others: vec![DomainId(0), OTHER] };
    let (store, sharing) = (chain.world.store(HOSTILE), chain.world.sharing(HOSTILE));
    let mut hostile = Hostile::new(store, sharing, |_| (), target, seed);
    let end = chain.now() + ATTACK;
    while chain.now() < end {
        hostile.act(&mut Beside(chain));
    }
    hostile.leave();
    chain.run(Duration::from_secs(1));
    hostile.tally().clone()
}

#[test]
fn a_hostile_guest_reaches_nothing_of_others_and_the_next_guest_is_served() {
    for seed in 1..=12 {
        let mut chain = Chain::start("tpm2 ephemeral");
        chain.world.add_domain(OTHER);
        let toolstack = Guest::create(&mut chain, HOSTILE.0);
        let tally = attack(&mut chain, seed);
        assert_eq!(tally.breaches, 0, "seed {seed}: {tally}");
        assert!(tally.connected >= 5 && tally.answers >= 5, "seed {seed} is tame: {tally}");
        assert!(Kind::ALL.iter().all(|kind| tally.of(*kind) > 0), "seed {seed}: {tally}");
        let removal = toolstack.destroy(&mut chain);
        // The hostile guest may have removed its nodes, and the backend its own after them.
        let Removal { closed, removed } = removal;
        assert!(closed.0 != Waiting::TimedOut && closed.1 < SOON, "seed {seed}: {closed:?}");
        assert!(removed.0 == Waiting::Reached && removed.1 < SOON, "seed {seed}: {removed:?}");
        assert_eq!((chain.world.mappings(VTPM), chain.world.ports(VTPM).len()), (0, 0));
        Guest::boot(&mut chain, 2).succeed(&mut chain, &get_random(8));
    }
}

#[test]
fn the_commands_that_a_hostile_guest_sends_in_order_make_a_tpm_work() {
    let mut chain = Chain::start("tpm2 ephemeral");
    let mut guest = Guest::boot(&mut chain, 1);
    for packet in sound_commands() {
        guest.succeed(&mut chain, &packet);
    }
}

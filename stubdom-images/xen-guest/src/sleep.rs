//! How to sleep until any of many ports has an event, when Xen can be told about few.
//!
//! Xen checks the ports of a call before it puts the domain to sleep (Xen common/sched/core.c,
//! `do_poll`), and wakes a sleeper for any port whose mark it sets, unless the call named exactly one
//! (common/event_channel.c, `evtchn_check_pollers`). An event of a port that is not named is therefore
//! missed only when it comes between our last look and the call; a second one does not help, since its
//! mark is set already. So all marks are looked at right before the call, and the sleep is short.

use core::time::Duration;

/// Most ports that one call takes (128 or more are refused with `EINVAL`).
pub(crate) const POLL_PORTS: usize = 127;

/// With more ports than one call can name, sleep no longer than this before looking again.
pub(crate) const BLIND_SLEEP: Duration = Duration::from_millis(20);

/// What to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Plan<'a> {
    /// There is an event.
    Look,
    /// Call Xen with these ports and this moment.
    Sleep(&'a [u32], Option<Duration>),
}

/// What to do when the domain has to wait for an event of `ports`, or for a moment.
pub(crate) fn plan(
    ports: &[u32],
    is_pending: impl Fn(u32) -> bool,
    now: Duration,
    until: Option<Duration>,
) -> Plan<'_> {
    let Some(named) = ports.get(..POLL_PORTS).filter(|named| named.len() < ports.len()) else {
        return Plan::Sleep(ports, until);
    };
    if ports.iter().any(|port| is_pending(*port)) {
        return Plan::Look;
    }
    let soon = now.saturating_add(BLIND_SLEEP);
    Plan::Sleep(named, Some(until.map_or(soon, |until| until.min(soon))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeMap;
    use alloc::vec::Vec;
    use std::println;

    const STEP: Duration = Duration::from_micros(10);

    /// A domain with ports, other domains that send events at any moment, and Xen's rules.
    struct Model {
        now: Duration,
        pending: Vec<bool>,
        asleep: bool,
        /// Events that were sent and not seen, by port: when the first was.
        unseen: BTreeMap<usize, Duration>,
        random: u64,
        sent: u32,
        longest: Duration,
    }

    impl Model {
        fn new(ports: usize, random: u64) -> Self {
            Self {
                now: Duration::ZERO,
                pending: alloc::vec![false; ports],
                asleep: false,
                unseen: BTreeMap::new(),
                random,
                sent: 0,
                longest: Duration::ZERO,
            }
        }

        fn below(&mut self, bound: usize) -> usize {
            self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (self.random >> 33) as usize % bound
        }

        /// Time passes, in which somebody may send; `rarity` steps without for each with an event.
        fn step(&mut self, rarity: usize) {
            self.now += STEP;
            if self.below(rarity) > 0 {
                return;
            }
            let port = self.below(self.pending.len());
            self.sent += 1;
            self.unseen.entry(port).or_insert(self.now);
            // A mark that is set already wakes nobody.
            if !core::mem::replace(&mut self.pending[port], true) {
                self.asleep = false;
            }
        }

        /// The domain takes every mark, with events coming in between.
        fn look(&mut self, rarity: usize) {
            for port in 0..self.pending.len() {
                self.step(rarity * 8);
                if core::mem::take(&mut self.pending[port]) {
                    let since = self.unseen.remove(&port).unwrap();
                    self.longest = self.longest.max(self.now - since);
                }
            }
        }

        fn poll(&mut self, named: &[u32], until: Duration, rarity: usize) {
            self.asleep = !named.iter().any(|port| self.pending[*port as usize]);
            while self.asleep && self.now < until {
                self.step(rarity);
            }
        }
    }

    fn longest_wait(ports: u32, rarity: usize) -> Duration {
        let mut model = Model::new(ports as usize, u64::from(ports));
        let all: Vec<u32> = (0..ports).collect();
        while model.sent < 1000 || (rarity < 100 && model.sent < 20_000) {
            model.look(rarity);
            model.step(rarity);
            let far = model.now + Duration::from_secs(60);
            let planned = plan(&all, |port| model.pending[port as usize], model.now, Some(far));
            // The moment that no check can cover.
            model.step(rarity);
            if let Plan::Sleep(named, until) = planned {
                model.poll(named, until.unwrap(), rarity);
            }
        }
        println!("{ports} ports: {:?}", model.longest);
        model.longest
    }

    #[test]
    fn no_event_is_lost_however_many_ports_there_are() {
        for ports in [1, 2, 126, 127, 128, 129, 512, 1000] {
            for rarity in [3, 40, 2000] {
                let one_round = STEP * (ports + 4);
                let bound = BLIND_SLEEP + one_round * 2;
                let longest = longest_wait(ports, rarity);
                assert!(longest <= bound, "{ports} ports: an event waited {longest:?}");
            }
        }
    }

    #[test]
    fn a_pending_port_that_xen_is_not_told_about_prevents_the_sleep() {
        let ports: Vec<u32> = (0..200).collect();
        let at = |pending: u32| plan(&ports, |port| port == pending, Duration::ZERO, None);
        assert_eq!(at(199), Plan::Look);
        assert_eq!(at(500), Plan::Sleep(&ports[..127], Some(BLIND_SLEEP)));
        let few = plan(&ports[..127], |_| true, Duration::ZERO, None);
        assert_eq!(few, Plan::Sleep(&ports[..127], None), "Xen sees for itself");
    }
}

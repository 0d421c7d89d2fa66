//! The short form of `./x soak`, without Xen: guests of a managed vTPM come, work and go, its domain starts
//! again and again, and what is counted stays as it was. One test, so that nobody else allocates.
#![forbid(unsafe_code)]

use domain_io::DomainId;
use domain_io::test_utils::FakeDisk;
use flow_tests::packets::{nv, plain};
use flow_tests::{AnyDisk, Chain, Guest, MANAGER, Machine, Managed, VTPM};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use std::alloc::System;
use std::cell::RefCell;
use std::rc::Rc;

#[global_allocator]
static HEAP: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const GUESTS: u16 = 3;
/// What the first turns bring into being once is no growth.
const FIRST: usize = 4;
const TURNS: usize = 16;
const INDEX: u32 = 0x0180_0001;

#[derive(Clone, Debug, PartialEq, Eq)]
struct Counted {
    mapped: usize,
    granted: usize,
    ports: usize,
    watches: usize,
    nodes: usize,
}

fn counted(machine: &Machine, domain: DomainId) -> Counted {
    let world = &machine.world;
    Counted {
        mapped: world.mappings(domain),
        granted: world.grants(domain),
        ports: world.ports(domain).len(),
        watches: world.watches(domain),
        nodes: world.nodes(domain),
    }
}

/// Bytes in use.
fn used() -> isize {
    let stats = HEAP.stats();
    stats.bytes_allocated.cast_signed() - stats.bytes_deallocated.cast_signed()
}

fn blank(mib: usize) -> AnyDisk {
    Rc::new(RefCell::new(FakeDisk::new(mib * 2048)))
}

struct Soak {
    machine: Machine,
    guests: u64,
    /// What the counter in the guests' TPM was last.
    counter: u64,
}

impl Soak {
    /// The vTPM's domain starts, serves guests one after the other, and stops.
    fn turn(&mut self) {
        let mut chain = self.machine.start("tpm2").unwrap();
        let before = counted(&self.machine, VTPM);
        for number in 1..=GUESTS {
            let mut guest = Guest::boot(&mut chain, number);
            self.work(&mut chain, &mut guest);
            guest.shut_down(&mut chain);
            self.guests += 1;
            assert_eq!(counted(&self.machine, VTPM), before, "after {} guests", self.guests);
        }
        chain.stop();
    }

    fn work(&mut self, chain: &mut Chain<Managed>, guest: &mut Guest) {
        for _ in 0..20 {
            guest.succeed(chain, &plain(0x17b).u16(32).finish());
        }
        if self.guests == 0 {
            guest.succeed(chain, &nv::define_counter(INDEX));
        }
        guest.succeed(chain, &nv::increment(INDEX));
        let answer = guest.succeed(chain, &nv::read(INDEX, 8));
        let counter = u64::from_be_bytes(answer[16..24].try_into().unwrap());
        assert!(self.guests == 0 || counter == self.counter + 1, "{counter} of {}", self.counter);
        self.counter = counter;
    }
}

#[test]
fn guests_come_and_go_and_nothing_grows_or_is_lost() {
    let mut soak = Soak { machine: Machine::on(blank(2), blank(4)), guests: 0, counter: 0 };
    for _ in 0..FIRST {
        soak.turn();
    }
    let look = |soak: &Soak| (counted(&soak.machine, MANAGER), used());
    let before = look(&soak);
    let mut grown = Vec::with_capacity(TURNS);
    for _ in 0..TURNS {
        soak.turn();
        let (manager, heap) = look(&soak);
        assert_eq!(manager, before.0, "after {} guests", soak.guests);
        grown.push(heap - before.1);
    }
    // What the doubles of Xen queue at that moment differs a little.
    assert!(grown.iter().all(|grown| grown.abs() < 512), "{grown:?}");
}

//! What attackers cost in memory, counted by the allocator. One test, so that nobody else allocates.

#[allow(dead_code, reason = "the other tests use the rest")]
#[path = "chain/rig.rs"]
mod rig;

use domain_io::DomainId;
use rig::{Rig, Vtpm, body, uuid};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use std::alloc::System;
use std::time::Duration;
use tpm_wire::manager::Request;
use tpm_wire::{PacketBuilder, Tag};
use tpmif::nodes::DeviceId;
use tpmif::peers::RawFrontend;

#[global_allocator]
static HEAP: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Bytes in use.
fn used() -> usize {
    let stats = HEAP.stats();
    stats.bytes_allocated - stats.bytes_deallocated
}

fn raw(rig: &mut Rig, number: u16) -> RawFrontend {
    let id = DeviceId { frontend: DomainId(number), device: 0 };
    rig.world.add_domain(id.frontend);
    rig.attach(id, uuid(number));
    let mut front = RawFrontend::new(&rig.world, rig.id, id);
    front.publish_ring();
    front.set("feature-protocol-v2", "1");
    front.set("state", "4");
    for _ in 0..15 {
        rig.tick(Duration::from_millis(100));
    }
    assert_eq!(front.backend_state(), "4");
    front
}

/// Whatever costs the manager's disk nothing, since the disk of this test remembers every write.
fn attack(fronts: &mut [RawFrontend], round: usize) {
    for (number, front) in fronts.iter_mut().enumerate() {
        match (round + number) % 4 {
            0 => {
                let length = 10 + (round * 37 + number) % 4079;
                let tag = Tag([0x01C1, 0x00C1, 0x8001][round % 3]);
                let body = vec![7; length - 10];
                front.submit(
                    &PacketBuilder::new(tag, u32::try_from(round % 7).unwrap())
                        .bytes(&body)
                        .finish(),
                );
            }
            1 => {
                front.page().poke(4, &[3]);
                front.notify();
            }
            2 => {
                front.set("state", ["6", "1", "4"][round / 4 % 3]);
                front.set("ring-ref", if round.is_multiple_of(8) { "8" } else { "99999" });
            }
            _ => {
                front.set("state", "4");
                front.submit(&Request::Load.packet());
            }
        }
    }
}

#[test]
fn attackers_cost_the_manager_a_bounded_amount_of_memory() {
    let mut rig = Rig::start(&rig::disk());
    let mut good = Vtpm::connect(&mut rig, 500);
    good.submit(&Request::Save(&body(500, 1)).packet());
    rig.turn();
    assert!(good.answer().is_some());
    let mut bad: Vec<_> = (1..=40).map(|number| raw(&mut rig, number)).collect();
    let mut peaks = [0; 6];
    for round in 0..6000 {
        attack(&mut bad, round);
        rig.tick(Duration::from_millis(7));
        let peak = &mut peaks[round / 1000];
        *peak = used().max(*peak);
    }
    println!("figure: most bytes in use in each thousand rounds: {peaks:?}");
    assert!(peaks[5] <= peaks[1] + 8192, "{peaks:?}");
    good.submit(&Request::Load.packet());
    rig.turn();
    assert!(good.answer().is_some(), "the neighbour is served");
}

//! What a guest's commands leave in a vTPM domain's memory, counted by the allocator. One test, so that nobody else
//! allocates. The C libraries' own memory is counted where the engine runs without a C library
//! (`random_commands_neither_break_nor_grow_the_engine`).
#![forbid(unsafe_code)]

use flow_tests::packets::{nv, plain, response_code};
use flow_tests::{Chain, Guest};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use std::alloc::System;
use tpm_wire::tpm20;

#[global_allocator]
static HEAP: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const INDEX: u32 = 0x0180_0001;

/// Bytes in use.
fn used() -> isize {
    let stats = HEAP.stats();
    stats.bytes_allocated.cast_signed() - stats.bytes_deallocated.cast_signed()
}

#[test]
fn a_vtpms_memory_does_not_grow_with_the_commands_of_its_guest() {
    let mut chain = Chain::start("tpm2 ephemeral");
    let mut guest = Guest::boot(&mut chain, 1);
    let define = guest.send(&mut chain, &nv::define(INDEX, 64));
    assert_eq!(response_code(&define), 0);
    let random = plain(0x17b).u16(48).finish();
    let unknown = plain(0x7fff).bytes(&[0; 3000]).finish();
    let mut after = Vec::new();
    for round in 0..6000_u64 {
        let write = nv::write(INDEX, &round.to_be_bytes().repeat(8));
        for packet in [&random, &write, &nv::read(INDEX, 64), &tpm20::self_test(false)] {
            assert_eq!(response_code(&guest.send(&mut chain, packet)), 0, "round {round}");
        }
        assert_ne!(response_code(&guest.send(&mut chain, &unknown)), 0);
        if round % 1000 == 999 {
            after.push(used());
        }
    }
    // 5,000 commands more each time; what the doubles of Xen count may take a little.
    let grown: Vec<_> = after.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(grown.iter().all(|grown| grown.abs() < 512), "{after:?}");
}

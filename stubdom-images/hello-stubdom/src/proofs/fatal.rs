//! Ways to die. Each must end in one line on the console and the crash state.

use super::Outcome;
use alloc::format;
use alloc::vec;
use alloc::vec::Vec;
use core::hint::black_box;
use xen_guest::provoke;

/// Brings the domain down as asked. Coming back is the failure.
pub(super) fn provoke(name: &str) -> Outcome {
    match name {
        "panic" => panic!("asked to"),
        "null" => drop(black_box(provoke::read_null())),
        "write-code" => provoke::write_to_code(),
        "write-constants" => provoke::write_to_constants(),
        "run-stack" => provoke::run_data(),
        "run-heap" => provoke::run_heap(),
        "stack" => drop(black_box(provoke::overflow_stack(0))),
        "no-memory" => {
            let mut blocks: Vec<Vec<u8>> = Vec::new();
            loop {
                blocks.push(vec![1; 65_536]);
            }
        }
        "overflow" => {
            let most = black_box(usize::MAX);
            log::info!("{}", most + 1);
        }
        _ => return Err("there is no such test".into()),
    }
    Err(format!("{name} was survived"))
}

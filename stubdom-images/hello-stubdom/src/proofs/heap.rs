//! Memory.

use super::{Outcome, ensure};
use alloc::vec;
use alloc::vec::Vec;
use xen_guest::Domain;

/// Blocks of many sizes, freed in another order, keep their contents and give all memory back.
pub(super) fn blocks(domain: &mut Domain) -> Outcome {
    let before = domain.memory.used();
    let mut random = 12345_u32;
    let mut next = move || {
        random = random.wrapping_mul(1_103_515_245).wrapping_add(12345);
        (random >> 8) as usize
    };
    let mut blocks: Vec<(u8, Vec<u8>)> = Vec::new();
    for round in 0..20_000 {
        if blocks.len() > 60 || (round % 3 == 2 && !blocks.is_empty()) {
            let (fill, block) = blocks.swap_remove(next() % blocks.len());
            ensure!(block.iter().all(|byte| *byte == fill), "a block changed in round {round}");
        } else {
            let fill = next().to_le_bytes()[0];
            blocks.push((fill, vec![fill; 1 + next() % 5000]));
        }
    }
    drop(blocks);
    let after = domain.memory.used();
    ensure!(after == before, "{before} bytes were in use before, {after} after");
    ensure!(domain.memory.peak() > before + 50_000, "the peak is {}", domain.memory.peak());
    Ok(())
}

/// Nearly all of the heap can be had in one piece or in small ones, and is zero when asked for so.
pub(super) fn figures(domain: &mut Domain) -> Outcome {
    let (total, heap) = (domain.memory.total() / 1024, domain.memory.heap() / 1024);
    log::info!("memory {total} KiB, heap {heap} KiB, in use {} bytes", domain.memory.used());
    let mut pages = Vec::new();
    while pages.len() * 4 < heap.saturating_sub(600) {
        let page = vec![0_u8; 4096];
        ensure!(page.iter().all(|byte| *byte == 0), "page {} is not zero", pages.len());
        pages.push(page);
    }
    log::info!("touched {} KiB of heap", pages.len() * 4);
    Ok(())
}

//! What the CPU gives: random bytes, and the ground C code stands on.

use super::{Outcome, ensure};
use domain_io::{Entropy, NoEntropy};
use xen_guest::{Domain, provoke};

pub(super) fn entropy(domain: &mut Domain) -> Outcome {
    let mut blocks = [[0_u8; 4096]; 2];
    for block in &mut blocks {
        domain.entropy.fill(block).map_err(|error| alloc::format!("{error}"))?;
    }
    ensure!(blocks[0] != blocks[1], "two blocks are alike");
    let ones: u32 = blocks.iter().flatten().map(|byte| byte.count_ones()).sum();
    // 65,536 fair bits: 32,768 ones with a standard deviation of 128.
    ensure!((31_900..33_600).contains(&ones), "{ones} of 65536 bits are set");
    Ok(())
}

/// For a domain whose CPU shows neither instruction.
pub(super) fn no_entropy(domain: &mut Domain) -> Outcome {
    let mut bytes = [0; 32];
    let refused = domain.entropy.fill(&mut bytes);
    ensure!(refused == Err(NoEntropy), "it served without a source");
    domain.entropy.add_source(&[1; 32]);
    ensure!(domain.entropy.fill(&mut bytes).is_ok(), "an added source does not count");
    Ok(())
}

pub(super) fn ground_for_c_code() -> Outcome {
    let (block, canary) = provoke::stack_canary();
    ensure!(block.is_multiple_of(64), "the thread block lies at {block:#x}");
    ensure!(canary != 0 && canary.to_le_bytes()[0] == 0, "the canary is {canary:#x}");
    log::info!("canary {canary:#018x}");
    let sum = provoke::add_with_sse2(1.5, 2.25);
    ensure!(sum.to_bits() == 3.75_f64.to_bits(), "1.5 + 2.25 gave {:#x}", sum.to_bits());
    Ok(())
}

//! The console and the command line.

use super::{Outcome, ensure};
use core::time::Duration;
use domain_io::Clock;
use xen_guest::Domain;

/// Far more text than the ring holds. Whoever reads it or not, it takes bounded time.
pub(super) fn flood(domain: &mut Domain) -> Outcome {
    let start = domain.clock.now();
    for line in 0..500 {
        log::info!("flood line {line} {}", "and more text to fill it up with ".repeat(3));
    }
    let took = domain.clock.now() - start;
    log::info!("flood took {} ms", took.as_millis());
    ensure!(took < Duration::from_secs(20), "it took {} ms", took.as_millis());
    Ok(())
}

/// Lines below the chosen level are not shown.
pub(super) fn levels(domain: &mut Domain) -> Outcome {
    log::debug!("hidden debug line");
    domain.console.set_level(log::LevelFilter::Debug);
    log::debug!("shown debug line");
    domain.console.set_level(log::LevelFilter::Info);
    log::debug!("hidden debug line");
    log::info!("control characters: [\u{1b}\u{7}]");
    Ok(())
}

/// The words are shown one by one.
pub(super) fn command_line(domain: &mut Domain) -> Outcome {
    let words = domain.command_line.words().map_err(|error| alloc::format!("{error}"))?;
    for (index, word) in words.iter().enumerate() {
        log::info!("word {index} is [{word}]");
    }
    log::info!("raw is [{}]", domain.command_line.raw());
    Ok(())
}

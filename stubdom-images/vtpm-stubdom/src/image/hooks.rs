//! What the engine's C libraries ask of the domain.

use core::time::Duration;
use domain_io::{Clock, Entropy, NoEntropy};
use engine_crt::Hooks;
use spin::Mutex;
use xen_guest::{DomainClock, DomainEntropy};

struct Ground {
    clock: DomainClock,
    entropy: DomainEntropy,
}

/// The C functions take no context, so what they stand on is here.
static GROUND: Mutex<Option<Ground>> = Mutex::new(None);

static HOOKS: Hooks = Hooks { monotonic, wall, entropy, print, die };

/// Puts the engine's C libraries on this domain's ground.
pub(crate) fn install(clock: DomainClock, entropy: DomainEntropy) {
    *GROUND.lock() = Some(Ground { clock, entropy });
    engine_crt::install(&HOOKS);
}

/// Mixes in bytes that nobody outside of this domain and its manager knows.
pub(crate) fn add_entropy(bytes: &[u8]) {
    if let Some(ground) = GROUND.lock().as_mut() {
        ground.entropy.add_source(bytes);
    }
}

/// The domain's entropy, for what is not C.
pub(crate) struct GroundEntropy;

impl Entropy for GroundEntropy {
    fn fill(&mut self, into: &mut [u8]) -> Result<(), NoEntropy> {
        GROUND.lock().as_mut().ok_or(NoEntropy)?.entropy.fill(into)
    }
}

fn monotonic() -> Duration {
    GROUND.lock().as_ref().map_or(Duration::ZERO, |ground| ground.clock.now())
}

/// The domain knows no date, and the engine needs none: libtpms measures differences.
fn wall() -> Duration {
    monotonic()
}

fn entropy(into: &mut [u8]) -> bool {
    GROUND.lock().as_mut().is_some_and(|ground| ground.entropy.fill(into).is_ok())
}

fn print(text: &[u8]) {
    log::info!("engine: {}", alloc::string::String::from_utf8_lossy(text).trim_end());
}

fn die(why: &str) -> ! {
    panic!("the engine gave up: {why}")
}

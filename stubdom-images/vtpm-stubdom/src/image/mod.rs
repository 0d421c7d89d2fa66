//! From the domain's first instruction to its last.

mod fault;
mod hooks;
mod serve;
mod start;

use fault::Fault;
use vtpm_service::announce::{self, State};
use xen_guest::{Domain, Ending};

/// What the image calls itself in the log and in `data/vtpm/image`.
const IMAGE: &str = concat!("vtpm-stubdom ", env!("CARGO_PKG_VERSION"));

/// How long a domain that failed stays, so that whoever waits for it can read why.
const LINGER: core::time::Duration = core::time::Duration::from_secs(5);

/// Runs the domain.
pub(crate) fn main(domain: Domain) -> Ending {
    let (major, minor) = domain.xen_version();
    let Domain {
        mode,
        command_line,
        memory,
        mut console,
        mut store,
        sharing,
        clock,
        entropy,
        waiter,
    } = domain;
    log::info!(
        "{IMAGE}, a {mode} domain on Xen {major}.{minor} with {} KiB of memory, {} KiB of it heap",
        memory.total() / 1024,
        memory.heap() / 1024
    );
    hooks::install(clock, entropy);
    let outcome = start::vtpm(&command_line, &memory, &mut console, &mut store)
        .and_then(|vtpm| serve::until_shutdown(vtpm, &mut store, sharing, &clock, waiter));
    match outcome {
        Ok(ending) => ending,
        Err(fault) => {
            log::error!("this vTPM stops: {fault}");
            if let Err(error) = announce::failed(&mut store, &fault) {
                log::error!("and cannot say so in xenstore: {error}");
            }
            waiter.sleep(LINGER);
            Ending::Crash
        }
    }
}

/// Tells whoever looks into xenstore. The domain serves without, too.
fn announce(store: &mut xen_guest::StoreConnection, state: State) {
    if let Err(error) = announce::state(store, state) {
        log::warn!("cannot write data/vtpm/state = {state}: {error}");
    }
}

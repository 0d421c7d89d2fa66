//! From the domain's first instruction to its last.

mod fault;
mod ground;
mod hooks;
mod serve;
mod start;

use fault::Fault;
use ground::Store;
use start::Footing;
use vtpm_service::Arguments;
use vtpm_service::announce::{self, State};
use vtpm_service::arguments::Custody;
use xen_guest::{Domain, DomainSharing, Ending};

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
    let arguments = start::arguments(&command_line, &memory, &mut console, &mut store);
    let (links, mut store) = start::split(store);
    let outcome = arguments.and_then(|arguments| {
        let footing = Footing { store: links, sharing: sharing.clone(), clock, waiter };
        run(arguments, footing, &mut store, sharing)
    });
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

/// Starts and serves.
fn run(
    arguments: Arguments,
    footing: Footing,
    store: &mut Store,
    sharing: DomainSharing,
) -> Result<Ending, Fault> {
    let (clock, waiter) = (footing.clock, footing.waiter);
    match arguments.custody {
        Custody::Ephemeral => {
            let vtpm = start::ephemeral(store, arguments)?;
            serve::until_shutdown(vtpm, None, store, sharing, &clock, waiter)
        }
        Custody::Managed => {
            let (vtpm, link) = start::managed(store, footing, arguments)?;
            serve::until_shutdown(vtpm, Some(link), store, sharing, &clock, waiter)
        }
    }
}

/// Tells whoever looks into xenstore. The domain serves without, too.
fn announce(store: &mut Store, state: State) {
    if let Err(error) = announce::state(store, state) {
        log::warn!("cannot write data/vtpm/state = {state}: {error}");
    }
}

//! From the domain's first instruction to its last.

mod fault;
mod ground;
mod hooks;
mod serve;
mod start;

use fault::Fault;
use ground::{Requests, Store};
use serve::Serving;
use start::Footing;
use vtpm_service::Arguments;
use vtpm_service::announce::{self, State};
use vtpm_service::arguments::Custody;
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
    let arguments = start::arguments(&command_line, &memory, &mut console, &mut store);
    let (links, mut store) = start::split(store);
    let requests = Requests::new(&store);
    let outcome = arguments.and_then(|arguments| {
        let requests = requests.clone();
        let footing = Footing { links, store: store.clone(), sharing, clock, waiter, requests };
        run(arguments, footing)
    });
    log::info!("in use were {}", memory.most_used());
    match (outcome, requests.shutdown()) {
        (Ok(ending), _) => ending,
        (Err(fault), Some(ending)) => {
            log::warn!("stopping at once: {fault}");
            ending
        }
        (Err(fault), None) => {
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
fn run(arguments: Arguments, mut footing: Footing) -> Result<Ending, Fault> {
    let desk = start::desk(&mut footing.store)?;
    match arguments.custody {
        Custody::Ephemeral => {
            let vtpm = start::ephemeral(&mut footing.store, desk, arguments)?;
            Serving::new(vtpm, None, footing).until_shutdown()
        }
        Custody::Managed => {
            let (vtpm, link) = start::managed(&footing, desk, arguments)?;
            Serving::new(vtpm, Some(link), footing).until_shutdown()
        }
    }
}

/// Tells whoever looks into xenstore. The domain serves without, too.
fn announce(store: &mut Store, state: State) {
    if let Err(error) = announce::state(store, state) {
        log::warn!("cannot write data/vtpm/state = {state}: {error}");
    }
}

//! From the domain's first instruction to its last.

mod fault;
mod hardware;
mod registers;
mod serve;
mod start;
mod time;

use alloc::rc::Rc;
use core::cell::RefCell;
use vtpm_manager::announce::{HERE, State};
use xen_guest::{Domain, DomainSharing, Ending, StoreConnection};

/// What the image calls itself in the log and in `data/vtpmmgr/image`.
const IMAGE: &str = concat!("vtpmmgr-stubdom ", env!("CARGO_PKG_VERSION"));

/// How long a domain that failed stays, so that whoever waits for it can read why.
const LINGER: core::time::Duration = core::time::Duration::from_secs(5);

/// The connection to xenstored, which the driver of another TPM domain uses too.
type Store = Rc<RefCell<StoreConnection>>;

/// Pages and ports, likewise.
type Sharing = Rc<RefCell<DomainSharing>>;

/// Runs the domain.
pub(crate) fn main(domain: Domain) -> Ending {
    let (major, minor) = domain.xen_version();
    log::info!(
        "{IMAGE}, a {} domain on Xen {major}.{minor} with {} KiB of memory, {} KiB of it heap",
        domain.mode,
        domain.memory.total() / 1024,
        domain.memory.heap() / 1024
    );
    let (waiter, memory) = (domain.waiter, domain.memory);
    let started = start::manager(domain);
    let (mut store, outcome) = match started {
        Ok(mut serving) => {
            let outcome = serving.until_shutdown();
            (serving.store, outcome)
        }
        Err((store, fault)) => (store, Err(fault)),
    };
    log::info!("in use were {}", memory.most_used());
    match outcome {
        Ok(ending) => ending,
        Err(fault) => {
            log::error!("the manager stops: {fault}");
            if let Err(error) = HERE.failed(&mut store, &fault) {
                log::error!("and cannot say so in xenstore: {error}");
            }
            waiter.sleep(LINGER);
            Ending::Crash
        }
    }
}

/// Tells whoever looks into xenstore. The domain serves without, too.
fn announce(store: &mut Store, state: State) {
    if let Err(error) = HERE.state(store, state) {
        log::warn!("cannot write data/vtpmmgr/state = {state}: {error}");
    }
}

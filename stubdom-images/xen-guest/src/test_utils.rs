//! Parts of the runtime over memory, for tests and fuzz targets on the host.

use crate::store::client::{Client, Host};
use core::cell::Cell;
use core::time::Duration;
use domain_io::{SharedPage, Xenstore};

/// How much time a wait takes: enough of them and a request is given up.
const STEP: Duration = Duration::from_secs(1);

/// The connection to xenstored over `page`. `daemon` is called whenever the connection waits, to
/// play xenstored's end of the page; each call takes a second.
pub fn xenstore_over(page: impl SharedPage, daemon: impl Fn()) -> impl Xenstore {
    Client::new(page, Waits { daemon, now: Cell::new(Duration::ZERO) })
}

struct Waits<D> {
    daemon: D,
    now: Cell<Duration>,
}

impl<D: Fn()> Host for Waits<D> {
    fn now(&self) -> Duration {
        self.now.get()
    }

    fn wake(&self) {}

    fn clear(&self) {}

    fn wait(&self, until: Duration) {
        (self.daemon)();
        self.now.set(self.now.get().saturating_add(STEP).min(until));
    }
}

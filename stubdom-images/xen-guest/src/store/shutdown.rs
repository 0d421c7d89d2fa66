//! What the toolstack asks of the domain.

use super::client::CONTROL_TOKEN;
use domain_io::{StoreError, Xenstore};

const SHUTDOWN: &str = "control/shutdown";

/// What the toolstack asks of the domain (Xen docs/misc/xenstore-paths.pandoc, `control/shutdown`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShutdownRequest {
    /// `xl shutdown`: end with `Ending::Poweroff`.
    Poweroff,
    /// `xl reboot`: end with `Ending::Reboot`.
    Reboot,
}

/// Follows the toolstack's node. The toolstack writes there once, so a request of ours that xenstored
/// did not answer is made again at the next look.
#[derive(Debug, Default)]
pub(crate) struct Shutdown {
    is_watched: bool,
    /// The node changed, and what is there now could not be read.
    is_unread: bool,
}

impl Shutdown {
    /// Begins to follow the node.
    pub(crate) fn watch<X: Xenstore>(&mut self, store: &mut X) {
        match store.watch(SHUTDOWN, CONTROL_TOKEN) {
            Ok(()) => self.is_watched = true,
            Err(StoreError::NoAnswer) => {}
            Err(error) => {
                log::warn!("shutdown requests will not be noticed: {error}");
                self.is_watched = true;
            }
        }
    }

    /// Whether the toolstack wants the domain to end; acknowledges the request, as it expects.
    /// `changed` says whether the watch has fired since the last look.
    pub(crate) fn look<X: Xenstore>(
        &mut self,
        store: &mut X,
        changed: bool,
    ) -> Option<ShutdownRequest> {
        if !self.is_watched {
            self.watch(store);
        }
        let changed = core::mem::take(&mut self.is_unread) || changed;
        if !changed {
            return None;
        }
        let request = match store.read(SHUTDOWN).as_deref() {
            Ok("poweroff" | "halt") => ShutdownRequest::Poweroff,
            Ok("reboot") => ShutdownRequest::Reboot,
            Err(StoreError::NoAnswer) => {
                self.is_unread = true;
                return None;
            }
            Ok("") | Err(_) => return None,
            Ok(other) => {
                log::warn!("the toolstack asks for {other:?}, which this domain cannot do");
                return None;
            }
        };
        if let Err(error) = store.write(SHUTDOWN, "") {
            log::warn!("the shutdown request could not be acknowledged: {error}");
        }
        Some(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use domain_io::DomainId;
    use domain_io::test_utils::{Hiccup, Unanswered, World, each_unanswered};

    const OWN: DomainId = DomainId(5);

    /// A domain that is asked to end after it began to follow the node, and looks until it has
    /// noticed. The request of its own after `answered` others gets no answer.
    fn notices(answered: usize, fate: Unanswered) -> (Option<ShutdownRequest>, bool) {
        let world = World::new();
        world.add_domain(OWN);
        let mut dom0 = world.store(DomainId(0));
        let mut store = Hiccup::new(world.store(OWN));
        store.after(answered, fate);
        let mut shutdown = Shutdown::default();
        shutdown.watch(&mut store);
        dom0.write("/local/domain/5/control/shutdown", "reboot").unwrap();
        let found = (0..3).find_map(|_| {
            let changed = core::iter::from_fn(|| store.next_event()).count() > 0;
            shutdown.look(&mut store, changed)
        });
        (found, store.is_pending())
    }

    #[test]
    fn no_single_request_without_an_answer_hides_what_the_toolstack_asks() {
        let requests = each_unanswered(|answered, fate| {
            let (found, is_pending) = notices(answered, fate);
            let right = found == Some(ShutdownRequest::Reboot);
            (right.then_some(()).ok_or(format!("{found:?}")), is_pending)
        });
        assert_eq!(requests, 3, "watch, read and write");
    }

    #[test]
    fn what_has_not_changed_is_not_read() {
        let mut store = World::new().store(OWN);
        let mut shutdown = Shutdown { is_watched: true, is_unread: false };
        store.failure = Some(StoreError::NoAnswer);
        assert_eq!(shutdown.look(&mut store, false), None);
        assert!(!shutdown.is_unread);
    }
}

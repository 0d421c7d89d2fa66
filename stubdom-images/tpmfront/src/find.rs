//! Which device to use: the first whose backend is ready for a frontend, else the first that has a
//! backend at all.

use crate::device::{Device, Phase};
use crate::frontend::{BACKEND_TOKEN, Frontend};
use alloc::string::String;
use domain_io::{DomainId, Sharing, StoreError, Xenstore};
use tpmif::XenbusState::{InitWait, Initialising};
use tpmif::{XenbusState, nodes};

/// What one directory below `device/vtpm` says.
struct Candidate {
    number: u32,
    backend: DomainId,
    backend_dir: String,
    ready: bool,
}

impl<S: Sharing> Frontend<S> {
    /// Settles on a device and watches its backend; gives up `unless` only for one that is ready.
    pub(crate) fn find<X: Xenstore + ?Sized>(
        &mut self,
        store: &mut X,
        unless: Option<u32>,
    ) -> Result<(), StoreError> {
        let Some(found) = best(store, unless)? else { return Ok(()) };
        self.forget(store);
        let Candidate { number, backend, backend_dir, .. } = found;
        let (phase, written, owed, parting) = (Phase::Waiting, None, None, None);
        let device = Device { number, backend, backend_dir, phase, written, owed, parting };
        store.watch(&device.backend_node(nodes::STATE), BACKEND_TOKEN)?;
        self.device = Some(device);
        self.changed = true;
        Ok(())
    }

    /// Drops the device, its page, its port and its watch.
    pub(crate) fn forget<X: Xenstore + ?Sized>(&mut self, store: &mut X) {
        if let Some(device) = self.device.take() {
            let _ = store.unwatch(&device.backend_node(nodes::STATE), BACKEND_TOKEN);
            self.changed = true;
        }
    }
}

fn best<X: Xenstore + ?Sized>(
    store: &mut X,
    unless: Option<u32>,
) -> Result<Option<Candidate>, StoreError> {
    let listed = match store.list(nodes::FRONTEND_ROOT) {
        Err(error) if error.is_absent() => return Ok(None),
        listed => listed?,
    };
    let mut best = None;
    for number in listed.iter().filter_map(|name| nodes::number(name)) {
        let Some(candidate) = examine(store, number)? else { continue };
        if unless == Some(number) {
            continue;
        }
        if candidate.ready {
            return Ok(Some(candidate));
        }
        if unless.is_none() && best.is_none() {
            best = Some(candidate);
        }
    }
    Ok(best)
}

/// Reads one device's directory. `None` when its backend is gone, or when the nodes, which only
/// the toolstack and we ourselves can write, do not agree.
fn examine<X: Xenstore + ?Sized>(
    store: &mut X,
    number: u32,
) -> Result<Option<Candidate>, StoreError> {
    let own = |name: &str| alloc::format!("{}/{number}/{name}", nodes::FRONTEND_ROOT);
    let backend = read(store, &own(nodes::BACKEND_ID))?.as_deref().and_then(nodes::number);
    let backend = backend.and_then(|number| number.try_into().ok()).map(DomainId);
    let backend_dir = read(store, &own(nodes::BACKEND))?;
    let Some((backend, backend_dir)) = backend.zip(backend_dir) else { return Ok(None) };
    let below = alloc::format!("{}/{backend}/{}/", nodes::DOMAINS, nodes::BACKEND_ROOT);
    if !backend_dir.starts_with(&below) {
        return Ok(None);
    }
    let state = read(store, &alloc::format!("{backend_dir}/{}", nodes::STATE))?;
    let ready = |state: &str| matches!(XenbusState::parse(state), Some(Initialising | InitWait));
    let ready = state.as_deref().map(ready);
    Ok(ready.map(|ready| Candidate { number, backend, backend_dir, ready }))
}

/// A node that may be missing, or out of our sight.
pub(crate) fn read<X: Xenstore + ?Sized>(
    store: &mut X,
    path: &str,
) -> Result<Option<String>, StoreError> {
    match store.read(path) {
        Err(error) if error.is_out_of_sight() => Ok(None),
        read => read.map(Some),
    }
}

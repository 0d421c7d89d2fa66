//! Meeting a new device: our own nodes, as the toolstack wrote them.

use crate::backend::{Backend, FRONTENDS_TOKEN};
use crate::device::{Device, Phase};
use crate::event::Event;
use crate::refused::Refusal;
use alloc::string::String;
use core::time::Duration;
use domain_io::{Sharing, StoreError, Xenstore};
use tpmif::nodes::{self, DeviceId};
use tpmif::{Uuid, XenbusState};

impl<S: Sharing> Backend<S> {
    /// Reads a new device's nodes and announces it, or turns it away.
    pub(crate) fn meet<X: Xenstore + ?Sized>(
        &mut self,
        id: DeviceId,
        store: &mut X,
        now: Duration,
    ) -> Result<Option<Event>, StoreError> {
        let mut read = |name: &str| match store.read(&alloc::format!("{}/{name}", id.backend_dir()))
        {
            Err(error) if error.is_out_of_sight() => Ok(None),
            read => read.map(Some),
        };
        // A directory without a state is one that is just being removed.
        let Some(state) = read(nodes::STATE)? else { return Ok(None) };
        let going = state == XenbusState::Closing.as_str() || state == XenbusState::Closed.as_str();
        let checked = check(id, &mut read)?;
        let full = self.accepted() >= self.limits.frontends;
        let mut device = Device::new(id, Phase::New, now);
        let event = match checked {
            // Left for the next look, which closes what is unwanted.
            Ok(_) if going => {
                device.phase = Phase::Refused(Refusal::Unopened);
                None
            }
            Ok(_) if full => {
                device.turn_down(store, now, "no room for another frontend");
                None
            }
            Ok(uuid) => Some(Event::Attached { id, uuid }),
            Err(what) => {
                device.turn_down(store, now, what);
                None
            }
        };
        device.announced = event.is_some();
        self.watch_frontend(&mut device, store);
        self.devices.insert(id, device);
        Ok(event)
    }

    fn accepted(&self) -> usize {
        self.devices.values().filter(|d| !matches!(d.phase, Phase::Refused(_))).count()
    }

    /// Gives the device a watch of its own where one watch does not cover all.
    fn watch_frontend<X: Xenstore + ?Sized>(&self, device: &mut Device<S>, store: &mut X) {
        if !self.wide {
            let state = device.frontend_node(nodes::STATE);
            device.watched = store.watch(&state, FRONTENDS_TOKEN).is_ok();
        }
    }
}

impl<S: Sharing> Device<S> {
    /// Refuses a device of which the owner knows nothing; said here, since there may be no room for the
    /// message in xenstore.
    fn turn_down<X: Xenstore + ?Sized>(&mut self, store: &mut X, now: Duration, why: &str) {
        self.say(now, log::Level::Warn, format_args!("refused: {why}"));
        self.refuse(store, why);
    }
}

/// Everything the toolstack writes has to agree; the frontend's own nodes are not asked.
fn check(
    id: DeviceId,
    read: &mut impl FnMut(&str) -> Result<Option<String>, StoreError>,
) -> Result<Result<Uuid, &'static str>, StoreError> {
    let domain = read(nodes::FRONTEND_ID)?.as_deref().and_then(nodes::number);
    if domain != Some(u32::from(id.frontend.0)) {
        return Ok(Err("frontend-id is missing or is not the domain of the path"));
    }
    if read(nodes::FRONTEND)? != Some(id.frontend_dir()) {
        return Ok(Err("frontend is missing or is not the path of this device's other end"));
    }
    let uuid = read(nodes::UUID)?;
    Ok(uuid.as_deref().and_then(Uuid::parse).ok_or("uuid is missing or is no uuid"))
}

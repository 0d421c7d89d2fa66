//! Which device speaks for which vTPM.

use crate::image::Named;
use alloc::collections::BTreeMap;
use core::fmt;
use tpmif::nodes::DeviceId;
use vtpm_store::Uuid;

/// SHA-1 of a security label, the form of upstream's GET_BOOT_HASH.
pub(crate) type LabelHash = [u8; 20];

/// One attached vTPM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Session {
    pub(crate) uuid: Uuid,
    /// The label of the domain at the other end, when the hypervisor has labels.
    pub(crate) label: Option<LabelHash>,
    /// The image that this domain was started from.
    pub(crate) image: Named,
    /// It was said that the vTPM is new.
    introduced: bool,
}

/// Why a device gets no session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Another device has the session of this uuid.
    InUse {
        /// The uuid.
        uuid: Uuid,
        /// Whose session it is.
        by: DeviceId,
    },
    /// The nil uuid is nobody's.
    Nil,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InUse { uuid, by } => write!(
                f,
                "uuid {uuid} is in use by {by}; two vTPM domains never share one: detach that \
                 device first, or give this one its own uuid"
            ),
            Self::Nil => f.write_str("the nil uuid names no vTPM; give the device a uuid"),
        }
    }
}

/// All sessions; at most one for a uuid and one for a device.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    by_device: BTreeMap<DeviceId, Session>,
    by_uuid: BTreeMap<Uuid, DeviceId>,
}

impl Sessions {
    /// Begins a session. `lives` says whether an earlier device of the same uuid is still there.
    pub(crate) fn begin(
        &mut self,
        id: DeviceId,
        uuid: Uuid,
        lives: impl FnOnce(DeviceId) -> bool,
    ) -> Result<(), Refusal> {
        if uuid == Uuid::default() {
            return Err(Refusal::Nil);
        }
        if let Some(by) = self.by_uuid.get(&uuid).copied().filter(|by| *by != id) {
            if lives(by) {
                return Err(Refusal::InUse { uuid, by });
            }
            self.end(by);
        }
        self.end(id);
        self.by_device
            .insert(id, Session { uuid, label: None, image: Named::Unread, introduced: false });
        self.by_uuid.insert(uuid, id);
        Ok(())
    }

    pub(crate) fn set_label(&mut self, id: DeviceId, label: Option<LabelHash>) {
        if let Some(session) = self.by_device.get_mut(&id) {
            session.label = label;
        }
    }

    pub(crate) fn set_image(&mut self, id: DeviceId, image: Named) {
        if let Some(session) = self.by_device.get_mut(&id) {
            session.image = image;
        }
    }

    pub(crate) fn end(&mut self, id: DeviceId) {
        if let Some(session) = self.by_device.remove(&id) {
            self.by_uuid.remove(&session.uuid);
        }
    }

    /// Whether it is worth a line that a vTPM is new: once in a session, however often it is not kept.
    pub(crate) fn introduces(&mut self, uuid: Uuid) -> bool {
        let session = self.by_uuid.get(&uuid).and_then(|id| self.by_device.get_mut(id));
        session.is_some_and(|session| !core::mem::replace(&mut session.introduced, true))
    }

    pub(crate) fn of(&self, id: DeviceId) -> Option<Session> {
        self.by_device.get(&id).copied()
    }

    pub(crate) fn holder(&self, uuid: Uuid) -> Option<DeviceId> {
        self.by_uuid.get(&uuid).copied()
    }

    pub(crate) fn count(&self) -> usize {
        self.by_device.len()
    }
}

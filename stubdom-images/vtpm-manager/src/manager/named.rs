//! Which image a vTPM's domain was started from. Domain 0 builds domains and may name what it likes: the digest is
//! for whoever looks at the record later, and nobody is refused for it.

use super::Manager;
use crate::image::{ImageDigest, Named, Start};
use crate::root::RootKeeper;
use domain_io::BlockDevice;
use tpm_wire::manager::Ordinal;
use tpm_wire::{Header, Tag};
use tpmif::nodes::DeviceId;
use vtpm_store::Uuid;

impl<D: BlockDevice, K: RootKeeper> Manager<D, K> {
    /// Domain 0 may have named another image for this device.
    pub fn image_changed(&mut self, id: DeviceId) {
        self.sessions.set_image(id, Named::Unread);
    }

    /// Whether this packet may write the device's record and its image was not looked for yet, so that
    /// [`image_named`](Self::image_named) should be told first.
    #[must_use]
    pub fn wants_image(&self, id: DeviceId, packet: &[u8]) -> bool {
        let is_unread = |session: crate::sessions::Session| session.image == Named::Unread;
        self.locked.is_none() && self.sessions.of(id).is_some_and(is_unread) && may_write(packet)
    }

    /// The value of the device's node `image`, which domain 0 writes. It is kept with the next change of the
    /// record and causes none.
    pub fn image_named(&mut self, id: DeviceId, value: Option<&str>) {
        let Some(session) = self.sessions.of(id) else { return };
        let digest = value.and_then(ImageDigest::parse);
        match (digest, value) {
            (Some(digest), _) => self.compare(session.uuid, &digest),
            (None, Some(_)) => log::warn!(
                "vTPM {}: what domain 0 names as its image is not sha256: and 64 hexadecimal digits, and is not \
                 recorded",
                session.uuid
            ),
            (None, None) => {}
        }
        self.sessions.set_image(id, digest.map_or(Named::Nothing, Named::Image));
    }

    /// Says that a known vTPM runs another image than before, as after each upgrade of the images.
    fn compare(&mut self, uuid: Uuid, named: &ImageDigest) {
        let Ok(Some(record)) = self.ledger.get(uuid) else { return };
        if !record.image_hash.is_empty() && record.image_hash != named.0 {
            log::warn!(
                "vTPM {uuid} was started from another image: {} was recorded, it is {} now",
                Start(&record.image_hash),
                Start(&named.0)
            );
        }
    }
}

fn may_write(packet: &[u8]) -> bool {
    let writes = |header: Header| {
        header.tag == Tag::VTPM_REQ
            && [Ordinal::SAVE_HASH_KEY, Ordinal::REGISTER].contains(&Ordinal(header.code))
    };
    Header::parse(packet).is_ok_and(|(header, _)| writes(header))
}

//! What a frontend has published.

use alloc::string::String;
use domain_io::Xenstore;
use tpmif::nodes;

/// A frontend's claims of its page and its port; `None` where there is no number.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Published {
    pub(crate) ring_ref: Option<u32>,
    pub(crate) event_channel: Option<u32>,
}

impl Published {
    /// What stands in a frontend's directory now.
    pub(crate) fn read<X: Xenstore + ?Sized>(dir: &str, store: &mut X) -> Self {
        let mut number = |name: &str| {
            let text: Option<String> = store.read(&alloc::format!("{dir}/{name}")).ok();
            text.as_deref().and_then(nodes::number)
        };
        Self { ring_ref: number(nodes::RING_REF), event_channel: number(nodes::EVENT_CHANNEL) }
    }

    /// Whether another page or port than this is there now, as of a frontend that closed and opened
    /// between two looks. Where there is no number it is still at it.
    pub(crate) fn was_left<X: Xenstore + ?Sized>(self, dir: &str, store: &mut X) -> bool {
        let now = Self::read(dir, store);
        let other = |old: Option<u32>, new: Option<u32>| new.is_some() && new != old;
        other(self.ring_ref, now.ring_ref) || other(self.event_channel, now.event_channel)
    }
}

//! A leaf: records in the order of their uuids.

use super::pages::BODY_BYTES;
use super::record_bytes::{self, Raw, uuid_of};
use crate::Uuid;
use crate::bytes::Reader;
use alloc::vec;
use alloc::vec::Vec;
use zeroize::Zeroizing;

/// Bytes for records in a leaf; the first two hold their number.
const ROOM: usize = BODY_BYTES - 2;

/// The records of one leaf.
pub(super) struct Leaf(pub(super) Vec<Raw>);

impl Leaf {
    /// `None` when the body is not that of a leaf.
    pub(super) fn decode(body: &[u8]) -> Option<Self> {
        let mut from = Reader::new(body);
        let count = from.u16()?;
        let records: Vec<_> =
            (0..count).map(|_| record_bytes::take(&mut from)).collect::<Option<_>>()?;
        records.is_sorted_by(|a, b| uuid_of(a) < uuid_of(b)).then_some(Self(records))
    }

    pub(super) fn encode(&self) -> Raw {
        let count = u16::try_from(self.0.len()).expect("a record has at least 36 bytes");
        let mut body = Zeroizing::new(Vec::with_capacity(BODY_BYTES));
        body.extend_from_slice(&count.to_le_bytes());
        for record in &self.0 {
            body.extend_from_slice(record);
        }
        body
    }

    fn find(&self, uuid: Uuid) -> Result<usize, usize> {
        self.0.binary_search_by_key(&uuid, |raw| uuid_of(raw))
    }

    pub(super) fn get(&self, uuid: Uuid) -> Option<&Raw> {
        self.find(uuid).ok().and_then(|at| self.0.get(at))
    }

    /// Adds or replaces.
    pub(super) fn put(&mut self, raw: Raw) {
        match self.find(uuid_of(&raw)) {
            Ok(at) => self.0[at] = raw,
            Err(at) => self.0.insert(at, raw),
        }
    }

    pub(super) fn remove(&mut self, uuid: Uuid) {
        if let Ok(at) = self.find(uuid) {
            self.0.remove(at);
        }
    }

    /// Splits into as many leaves as the records need; none when there are none. A leaf that just
    /// overflowed is halved, except at the end `grows_at_end`, where uuids that come in ascending
    /// order would leave every leaf half empty.
    pub(super) fn split(self, grows_at_end: bool) -> Vec<Self> {
        let total: usize = self.0.iter().map(|raw| raw.len()).sum();
        let pages = total.div_ceil(ROOM);
        let aim = if grows_at_end || pages == 0 { ROOM } else { total.div_ceil(pages) };
        let mut leaves = vec![];
        let (mut leaf, mut bytes) = (vec![], 0);
        for raw in self.0 {
            let length = raw.len();
            if !leaf.is_empty() && (bytes + length > ROOM || bytes >= aim) {
                leaves.push(Self(core::mem::take(&mut leaf)));
                bytes = 0;
            }
            bytes += length;
            leaf.push(raw);
        }
        if !leaf.is_empty() {
            leaves.push(Self(leaf));
        }
        leaves
    }
}

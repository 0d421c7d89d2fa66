//! How one page names another.

use super::pages::Place;
use crate::Uuid;
use crate::bytes::Reader;
use crate::seal::TAG_BYTES;
use alloc::vec::Vec;

/// Bytes of one pointer on the disk.
pub(super) const POINTER_BYTES: usize = 16 + 4 + 8 + TAG_BYTES;

/// A page of the tree, seen from the page above.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pointer {
    /// No record under this page has a smaller uuid.
    pub(super) first: Uuid,
    /// Where the page stands, and since which commit.
    pub(super) place: Place,
    /// The page's authentication tag: only the one text that was written there has it.
    pub(super) tag: [u8; TAG_BYTES],
}

impl Pointer {
    fn put(&self, into: &mut Vec<u8>) {
        into.extend_from_slice(&self.first.0);
        into.extend_from_slice(&self.place.page.to_le_bytes());
        into.extend_from_slice(&self.place.born.to_le_bytes());
        into.extend_from_slice(&self.tag);
    }

    fn take(from: &mut Reader<'_>) -> Option<Self> {
        let first = Uuid(from.array()?);
        let place = Place { page: from.u32()?, born: from.u64()? };
        Some(Self { first, place, tag: from.array()? })
    }
}

/// Appends the number of pointers (u16) and the pointers.
pub(super) fn encode(pointers: &[Pointer], into: &mut Vec<u8>) {
    let count = u16::try_from(pointers.len()).expect("a page holds less than a hundred pointers");
    into.extend_from_slice(&count.to_le_bytes());
    for pointer in pointers {
        pointer.put(into);
    }
}

/// Reads what [`encode`] wrote; `None` when it is cut short or not in the order of uuids.
pub(super) fn decode(from: &mut Reader<'_>) -> Option<Vec<Pointer>> {
    let count = from.u16()?;
    let pointers: Vec<_> = (0..count).map(|_| Pointer::take(from)).collect::<Option<_>>()?;
    pointers.is_sorted_by(|a, b| a.first < b.first).then_some(pointers)
}

/// Which of the pointers leads to `uuid`: the last that does not start after it. The first one also
/// serves everything before it.
pub(super) fn leading_to(firsts: impl Iterator<Item = Uuid>, uuid: Uuid) -> usize {
    firsts.take_while(|first| *first <= uuid).count().saturating_sub(1)
}

//! Encrypted pages of the tree on the disk.

use super::error::StoreError;
use super::layout::{PAGE_BYTES, sector_of};
use crate::Secret;
use crate::seal::{self, SALT_BYTES, TAG_BYTES, Wrap};
use alloc::vec;
use alloc::vec::Vec;
use domain_io::{BlockDevice, BlockError, Entropy};
use zeroize::Zeroizing;

/// Bytes of a page that its owner may fill.
pub(super) const BODY_BYTES: usize = PAGE_BYTES - SALT_BYTES - TAG_BYTES;

/// Separates the tree's keys from all other keys made of the same secret.
pub(super) const PURPOSE: &[u8] = b"xen-vtpmmgr store 1 page";

/// What a page is; part of what it claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Root = 1,
    Branch = 2,
    Leaf = 3,
}

/// Where a page stands and which commit wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) page: u32,
    pub(super) born: u64,
}

/// What opens the pages of one store.
pub(super) struct Keys {
    pub(super) secret: Secret,
    pub(super) store_id: [u8; 16],
}

impl Keys {
    /// The facts with which a page is authenticated.
    pub(super) fn claims(&self, kind: Kind, place: Place) -> Vec<u8> {
        let mut claims = Vec::with_capacity(29);
        claims.extend_from_slice(&self.store_id);
        claims.push(kind as u8);
        claims.extend_from_slice(&place.page.to_le_bytes());
        claims.extend_from_slice(&place.born.to_le_bytes());
        claims
    }
}

/// Encrypts `body`, filled up with zeros, and writes it; durable after the next flush.
/// Returns the tag by which the page above names it.
pub(super) fn write(
    disk: &mut dyn BlockDevice,
    keys: &Keys,
    entropy: &mut dyn Entropy,
    (kind, place): (Kind, Place),
    body: &[u8],
) -> Result<[u8; TAG_BYTES], StoreError> {
    let mut page = Zeroizing::new(vec![0; PAGE_BYTES]);
    let (head, text) = page.split_at_mut(PAGE_BYTES - BODY_BYTES);
    let (filled, _) = text.split_at_mut_checked(body.len()).ok_or(StoreError::RecordTooLong)?;
    filled.copy_from_slice(body);
    let wrap = seal::seal(&keys.secret, PURPOSE, entropy, &keys.claims(kind, place), text)?;
    head[..SALT_BYTES].copy_from_slice(&wrap.salt);
    head[SALT_BYTES..].copy_from_slice(&wrap.tag);
    disk.write(sector_of(place.page), &page)?;
    Ok(wrap.tag)
}

/// Reads and opens a page; `None` when it is not the one that has this tag.
pub(super) fn read(
    disk: &mut dyn BlockDevice,
    keys: &Keys,
    (kind, place): (Kind, Place),
    tag: &[u8; TAG_BYTES],
) -> Result<Option<Zeroizing<Vec<u8>>>, BlockError> {
    let mut page = Zeroizing::new(vec![0; PAGE_BYTES]);
    disk.read(sector_of(place.page), &mut page)?;
    let mut wrap = Wrap { salt: [0; SALT_BYTES], tag: *tag };
    wrap.salt.copy_from_slice(&page[..SALT_BYTES]);
    if page[SALT_BYTES..SALT_BYTES + TAG_BYTES] != *tag {
        return Ok(None);
    }
    let mut body = Zeroizing::new(page.split_off(PAGE_BYTES - BODY_BYTES));
    let opened = seal::open(&keys.secret, PURPOSE, &wrap, &keys.claims(kind, place), &mut body);
    Ok(opened.ok().map(|()| body))
}

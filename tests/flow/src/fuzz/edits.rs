//! Changes to something that is sound.

use super::bytes::Bytes;
use sha2::{Digest, Sha256};

/// More say nothing new.
const MOST_EDITS: usize = 16;

/// Overwrites runs of bytes, each behind its place (three bytes) and its length (one), up to the end
/// of the input.
pub(super) fn edit(sound: &[u8], bytes: &mut Bytes<'_>) -> Vec<u8> {
    let mut edited = sound.to_vec();
    for _ in 0..MOST_EDITS {
        if bytes.is_empty() || edited.is_empty() {
            break;
        }
        let place = usize::from(bytes.word()) | (usize::from(bytes.byte()) << 16);
        let place = place % edited.len();
        let count = usize::from(bytes.byte());
        let run = bytes.take(count.min(edited.len() - place));
        edited[place..place + run.len()].copy_from_slice(run);
    }
    edited
}

/// Puts right whatever anybody can compute without a secret: the digests of the marks and headers in
/// sectors 0 and 8, of the sealed secret in pages 2 and 4, and of the roots in pages 6 and 7 (docs
/// formats vtpm-disk and manager-store).
pub(super) fn put_digests_right(disk: &mut [u8]) {
    for start in [0, 4096] {
        if let Some(sector) = disk.get_mut(start..start + 512) {
            let digest = Sha256::digest(&sector[..480]);
            sector[480..].copy_from_slice(&digest);
        }
    }
    for page in [2, 4] {
        if let Some(copy) = disk.get_mut(page * 4096..(page + 2) * 4096) {
            let length = u32::from_le_bytes([copy[20], copy[21], copy[22], copy[23]]) as usize;
            let end = copy.len().min(length.saturating_add(64));
            let digest = Sha256::new().chain_update(&copy[..32]).chain_update(&copy[64..end]);
            copy[32..64].copy_from_slice(&digest.finalize());
        }
    }
    for page in [6, 7] {
        if let Some(root) = disk.get_mut(page * 4096..(page + 1) * 4096) {
            let digest = Sha256::new().chain_update(&root[..112]).chain_update(&root[128..]);
            root[112..128].copy_from_slice(&digest.finalize()[..16]);
        }
    }
}

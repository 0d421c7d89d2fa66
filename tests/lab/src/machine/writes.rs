//! What a disk was told, in order: the log that QEMU's driver "blklogwrites" keeps, in the format of
//! Linux' dm-log-writes (Documentation/admin-guide/device-mapper/log-writes.rst; drivers/md/dm-log-writes.c).
//!
//! The first sector describes the log. Then, for each request, a sector that begins with four
//! little-endian numbers of eight bytes: first sector, number of sectors, flags, length of a mark's
//! text; for a write its data follow.

use anyhow::{Context, Result, bail};

/// Bytes of a sector, of the disk and of the log.
pub(super) const SECTOR: usize = 512;

/// How a log begins, as a number.
const MAGIC: u64 = 0x006a_7366_7773_6872;

/// The flag of a flush. The machine's disk takes no other request than writes and flushes.
const FLUSH: u64 = 1;

/// One request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Request<'a> {
    /// These whole sectors, from this one on.
    Write(u64, &'a [u8]),
    /// All that was completed before it is durable.
    Flush,
}

/// Reads the whole log. None when its end is not known: a request in its middle was being written when
/// QEMU was killed, and what stands behind it cannot be found.
pub(super) fn read(log: &[u8]) -> Result<Option<Vec<Request<'_>>>> {
    let (head, mut rest) =
        log.split_at_checked(SECTOR).context("the log of writes is too short")?;
    if number(head, 0) != MAGIC {
        bail!("this is no log of writes");
    }
    let mut requests = Vec::new();
    while let Some((entry, data)) = rest.split_at_checked(SECTOR) {
        let (first, count, flags) = (number(entry, 0), number(entry, 1), number(entry, 2));
        rest = data;
        if flags & !FLUSH != 0 {
            bail!("the log of writes holds a request with flags {flags:#x}");
        }
        if count > 0 {
            // The last one may be incomplete: nobody was told that it is done.
            let bytes = usize::try_from(count)?.saturating_mul(SECTOR);
            let Some((sectors, behind)) = data.split_at_checked(bytes) else { break };
            requests.push(Request::Write(first, sectors));
            rest = behind;
        }
        if flags & FLUSH != 0 {
            requests.push(Request::Flush);
        } else if count == 0 {
            return Ok(None);
        }
    }
    Ok(Some(requests))
}

/// The little-endian number at this place of an entry.
fn number(sector: &[u8], place: usize) -> u64 {
    let bytes = sector[place * 8..].first_chunk();
    bytes.map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in super::super) fn sector(numbers: &[u64]) -> Vec<u8> {
        let mut bytes: Vec<_> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        bytes.resize(SECTOR, 0);
        bytes
    }

    pub(in super::super) fn log(entries: &[Vec<u8>]) -> Vec<u8> {
        [sector(&[MAGIC, 1]), entries.concat()].concat()
    }

    #[test]
    fn requests_are_read_in_order() {
        let data = vec![7; 2 * SECTOR];
        let entries = [sector(&[5, 2]), data.clone(), sector(&[0, 0, FLUSH])];
        let log = log(&entries);
        let requests = read(&log).unwrap().unwrap();
        assert_eq!(requests, [Request::Write(5, &data), Request::Flush]);
    }

    #[test]
    fn a_last_request_that_is_incomplete_was_never_done() {
        let log = log(&[sector(&[0, 0, FLUSH]), sector(&[5, 2]), vec![7; SECTOR]]);
        assert_eq!(read(&log).unwrap().unwrap(), [Request::Flush]);
    }

    #[test]
    fn behind_a_hole_nothing_is_known_and_another_file_is_no_log() {
        let log = log(&[sector(&[]), sector(&[0, 0, FLUSH])]);
        assert_eq!(read(&log).unwrap(), None);
        assert!(read(&[0; 2 * SECTOR]).is_err());
        assert!(read(b"short").is_err());
        assert!(read(&self::log(&[sector(&[1, 1, 4])])).is_err());
    }
}

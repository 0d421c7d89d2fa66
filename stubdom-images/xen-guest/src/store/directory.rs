//! A directory's names when they do not fit into one answer (Xen docs/misc/xenstore.txt,
//! `DIRECTORY_PART`): pieces of the list that belong together as long as the node's generation stays.

use alloc::string::ToString;
use alloc::vec::Vec;
use domain_io::StoreError;

/// More than all the names of as many domains as Xen can number (32,752 of at most six bytes each).
const MOST_BYTES: usize = 256 << 10;

/// How often the directory may change while it is read.
const MOST_CHANGES: u32 = 16;

/// The names, each with a zero byte behind it. `ask` requests the piece that begins at this offset, in
/// decimal: the generation, a zero byte, names; an empty name at the end says that nothing follows.
///
/// # Errors
/// What `ask` answers; `EAGAIN` when the directory does not stop changing, `E2BIG` when its names take
/// more than 256 KiB.
pub(super) fn in_parts(
    mut ask: impl FnMut(&str) -> Result<Vec<u8>, StoreError>,
) -> Result<Vec<u8>, StoreError> {
    let (mut names, mut generation, mut changes) = (Vec::new(), None, 0);
    loop {
        let answer = ask(&names.len().to_string())?;
        let (now, piece) = parts(&answer)?;
        if generation.as_deref().is_some_and(|known: &[u8]| known != now) {
            changes += 1;
            if changes > MOST_CHANGES {
                return Err(StoreError::Refused("EAGAIN".into()));
            }
            names.clear();
            generation = None;
            continue;
        }
        generation = Some(now.to_vec());
        if let Some(last) = end(piece) {
            names.extend_from_slice(last);
            return Ok(names);
        }
        names.extend_from_slice(piece);
        if names.len() > MOST_BYTES {
            return Err(StoreError::Refused("E2BIG".into()));
        }
    }
}

/// The generation, and the names behind it.
fn parts(answer: &[u8]) -> Result<(&[u8], &[u8]), StoreError> {
    let at = answer.iter().position(|byte| *byte == 0);
    let halves = at.and_then(|at| Some((answer.get(..at)?, answer.get(at + 1..)?)));
    let wrong = StoreError::Malformed("a part of a directory is neither names nor their end");
    // A piece without any byte would be asked for again and again.
    halves.filter(|(_, piece)| piece.last() == Some(&0)).ok_or(wrong)
}

/// The names of the last piece, without the empty one; `None` when it is not the last.
fn end(piece: &[u8]) -> Option<&[u8]> {
    let names = piece.strip_suffix(b"\0")?;
    (names.is_empty() || names.ends_with(b"\0")).then_some(names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    /// Answers as xenstored does, `room` bytes of names at a time.
    fn serve(list: &[u8], generation: &str, room: usize, offset: &str) -> Vec<u8> {
        let from = offset.parse().unwrap();
        let mut answer = [generation.as_bytes(), b"\0"].concat();
        let rest: &[u8] = &list[from..];
        let until = rest.len().min(room);
        let whole = rest[..until].iter().rposition(|byte| *byte == 0).map_or(0, |at| at + 1);
        answer.extend_from_slice(&rest[..whole]);
        if whole == rest.len() {
            answer.push(0);
        }
        answer
    }

    #[test]
    fn pieces_are_joined_wherever_they_end() {
        let list = b"one\0two\0three\0";
        for room in 6..20 {
            let found = in_parts(|offset| Ok(serve(list, "7", room, offset)));
            assert_eq!(found.unwrap(), list, "{room}");
        }
        assert_eq!(in_parts(|offset| Ok(serve(b"", "1", 9, offset))).unwrap(), b"");
    }

    #[test]
    fn a_directory_that_changes_is_read_again_from_its_beginning() {
        let (old, new) = (b"one\0two\0three\0", b"two\0three\0four\0");
        let mut asked = Vec::new();
        let found = in_parts(|offset| {
            asked.push(offset.to_string());
            Ok(match asked.len() {
                1 => serve(old, "7", 8, offset),
                _ => serve(new, "8", 10, offset),
            })
        });
        assert_eq!(found.unwrap(), new);
        assert_eq!(asked, ["0", "8", "0", "10"]);
    }

    #[test]
    fn neither_endless_change_nor_endless_names_are_followed() {
        let mut number = 0;
        let changing = in_parts(|_| {
            number += 1;
            Ok([number.to_string().as_bytes(), b"\0a\0"].concat())
        });
        assert_eq!(changing, Err(StoreError::Refused("EAGAIN".into())));
        let piece = [b"1\0".to_vec(), vec![b'a'; 4000], vec![0]].concat();
        let endless = in_parts(|_| Ok(piece.clone()));
        assert_eq!(endless, Err(StoreError::Refused("E2BIG".into())));
    }

    #[test]
    fn what_is_no_part_is_named() {
        for answer in ["", "7", "7\0", "7\0name"] {
            let found = in_parts(|_| Ok(answer.as_bytes().to_vec()));
            assert!(matches!(found, Err(StoreError::Malformed(_))), "{answer:?}");
        }
    }
}

//! Xenstore as a program of root's has it: /dev/xen/xenbus, which takes the messages of Xen
//! public/io/xs_wire.h.

use domain_io::{DomainId, StoreError, WatchEvent, Xenstore};
use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};

const DIRECTORY: u32 = 1;
const READ: u32 = 2;
const WATCH: u32 = 4;
const UNWATCH: u32 = 5;
const WRITE: u32 = 11;
const RM: u32 = 13;
const WATCH_EVENT: u32 = 15;
const ERROR: u32 = 16;
const IS_DOMAIN_INTRODUCED: u32 = 17;
const HEADER: usize = 16;

/// A connection of its own.
pub(crate) struct Xenbus<F = File> {
    file: F,
    events: VecDeque<WatchEvent>,
}

impl Xenbus {
    /// Opens the device.
    ///
    /// # Errors
    /// It is not there.
    pub(crate) fn open() -> anyhow::Result<Self> {
        use anyhow::Context;
        let path = "/dev/xen/xenbus";
        let file = OpenOptions::new().read(true).write(true).open(path).context(path)?;
        Ok(Self { file, events: VecDeque::new() })
    }
}

impl<F: Read + Write> Xenbus<F> {
    fn ask(&mut self, kind: u32, parts: &[&[u8]]) -> Result<String, StoreError> {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        let length = u32::try_from(length).map_err(|_| StoreError::Malformed("too long"))?;
        let mut message: Vec<u8> =
            [kind, 0, 0, length].iter().flat_map(|w| w.to_le_bytes()).collect();
        parts.iter().for_each(|part| message.extend_from_slice(part));
        // The kernel refuses what is longer than xenstored takes.
        self.file.write_all(&message).map_err(|_| StoreError::Refused("E2BIG".into()))?;
        loop {
            let (kind, text) = self.answer().ok_or(StoreError::NoAnswer)?;
            match kind {
                WATCH_EVENT => self.events.extend(event(&text)),
                ERROR => return Err(StoreError::Refused(text.trim_end_matches('\0').into())),
                _ => return Ok(text),
            }
        }
    }

    fn answer(&mut self) -> Option<(u32, String)> {
        let mut header = [0; HEADER];
        self.file.read_exact(&mut header).ok()?;
        let word = |at: usize| Some(u32::from_le_bytes(*header.get(at..)?.first_chunk()?));
        let mut bytes = vec![0; usize::try_from(word(12)?).ok()?];
        self.file.read_exact(&mut bytes).ok()?;
        Some((word(0)?, String::from_utf8_lossy(&bytes).into_owned()))
    }
}

fn event(text: &str) -> Option<WatchEvent> {
    let mut words = text.split('\0');
    Some(WatchEvent { path: words.next()?.into(), token: words.next()?.into() })
}

impl<F: Read + Write> Xenstore for Xenbus<F> {
    fn read(&mut self, path: &str) -> Result<String, StoreError> {
        self.ask(READ, &[path.as_bytes(), b"\0"])
    }

    fn write(&mut self, path: &str, value: &str) -> Result<(), StoreError> {
        self.ask(WRITE, &[path.as_bytes(), b"\0", value.as_bytes()]).map(drop)
    }

    fn remove(&mut self, path: &str) -> Result<(), StoreError> {
        self.ask(RM, &[path.as_bytes(), b"\0"]).map(drop)
    }

    fn list(&mut self, path: &str) -> Result<Vec<String>, StoreError> {
        let names = self.ask(DIRECTORY, &[path.as_bytes(), b"\0"])?;
        Ok(names.split('\0').filter(|name| !name.is_empty()).map(String::from).collect())
    }

    fn watch(&mut self, path: &str, token: &str) -> Result<(), StoreError> {
        self.ask(WATCH, &[path.as_bytes(), b"\0", token.as_bytes(), b"\0"]).map(drop)
    }

    fn unwatch(&mut self, path: &str, token: &str) -> Result<(), StoreError> {
        self.ask(UNWATCH, &[path.as_bytes(), b"\0", token.as_bytes(), b"\0"]).map(drop)
    }

    fn is_introduced(&mut self, domain: DomainId) -> Result<bool, StoreError> {
        let answer = self.ask(IS_DOMAIN_INTRODUCED, &[domain.to_string().as_bytes(), b"\0"])?;
        Ok(answer.starts_with('T'))
    }

    fn next_event(&mut self) -> Option<WatchEvent> {
        self.events.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Cursor, Result};

    /// Answers that are there already, and what was asked.
    struct Told(Cursor<Vec<u8>>, Vec<u8>);

    impl Read for Told {
        fn read(&mut self, into: &mut [u8]) -> Result<usize> {
            self.0.read(into)
        }
    }

    impl Write for Told {
        fn write(&mut self, from: &[u8]) -> Result<usize> {
            self.1.write(from)
        }

        fn flush(&mut self) -> Result<()> {
            Ok(())
        }
    }

    fn message(kind: u32, text: &str) -> Vec<u8> {
        let words = [kind, 0, 0, u32::try_from(text.len()).unwrap()];
        words.iter().flat_map(|word| word.to_le_bytes()).chain(text.bytes()).collect()
    }

    #[test]
    fn events_between_are_kept_and_errors_are_told_by_name() {
        let told = [
            message(WATCH_EVENT, "device/vtpm\0token\0"),
            message(READ, "4"),
            message(ERROR, "EACCES\0"),
        ];
        let file = Told(Cursor::new(told.concat()), Vec::new());
        let mut store = Xenbus { file, events: VecDeque::new() };
        assert_eq!(store.read("state"), Ok("4".into()));
        assert_eq!(store.file.1, message(READ, "state\0"));
        assert_eq!(store.next_event().unwrap().path, "device/vtpm");
        assert_eq!(store.write("/x", "1"), Err(StoreError::Refused("EACCES".into())));
        assert_eq!(store.read("state"), Err(StoreError::NoAnswer));
    }
}

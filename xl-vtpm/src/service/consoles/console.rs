//! One domain's console: the terminal at whose other end xenconsoled is.

use super::file::Kept;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags, open};
use rustix::io::{Errno, read};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;

/// At most so much of one console before the others have their turn.
const MOST: usize = 64 << 10;

/// A console that is read.
pub(super) struct Console {
    domid: u32,
    /// Gone once its other end is.
    terminal: Option<OwnedFd>,
    file: Kept,
    /// Somebody else reads it, or did since it was read here.
    interrupted: bool,
    /// Something of this domain was kept.
    begun: bool,
}

impl Console {
    /// Opens it. One that cannot be opened has nothing to read.
    pub(super) fn open(domid: u32, terminal: &Path, file: Kept) -> Self {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let opened = open(terminal, flags, Mode::empty());
        if let Err(error) = &opened {
            println!(
                "the console of domain {domid} cannot be read: {}: {error}",
                terminal.display()
            );
        }
        Self { domid, terminal: opened.ok(), file, interrupted: false, begun: false }
    }

    /// Somebody else reads it now.
    pub(super) fn interrupted(&mut self) {
        self.interrupted = true;
    }

    /// Keeps what is there to be read.
    pub(super) fn read(&mut self) {
        let Some(terminal) = &self.terminal else { return };
        let (bytes, is_gone) = take(terminal);
        if is_gone {
            self.terminal = None;
        }
        self.keep(&bytes);
    }

    fn keep(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let mut text = Vec::new();
        if !self.begun {
            text.extend(format!("[domain {}]\n", self.domid).into_bytes());
        }
        if self.interrupted {
            text.extend(b"\n[somebody else read this console meanwhile]\n");
        }
        (self.begun, self.interrupted) = (true, false);
        text.extend(bytes);
        self.file.append(&text);
    }
}

/// What is there to be read, and whether the other end is gone: an ended domain's, or a restarted
/// xenconsoled's.
fn take(terminal: &OwnedFd) -> (Vec<u8>, bool) {
    let (mut bytes, mut buffer) = (Vec::new(), [0; 4096]);
    while bytes.len() < MOST {
        match read(terminal, &mut buffer) {
            Ok(count @ 1..) => bytes.extend(buffer.iter().take(count)),
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => break,
            Ok(0) | Err(_) => return (bytes, true),
        }
    }
    (bytes, false)
}

/// Waits until one of them has something to be read, for at most so long, and reads those that have.
pub(super) fn read_ready(consoles: Vec<&mut Console>, limit: Duration) {
    let mut open: Vec<_> = consoles.into_iter().filter(|it| it.terminal.is_some()).collect();
    let terminals = open.iter().filter_map(|console| console.terminal.as_ref());
    let mut polled: Vec<_> = terminals.map(|it| PollFd::new(it, PollFlags::IN)).collect();
    let limit = Timespec::try_from(limit).ok();
    let ready: Vec<bool> = match poll(&mut polled, limit.as_ref()) {
        Ok(_) => polled.iter().map(|it| !it.revents().is_empty()).collect(),
        Err(_) => Vec::new(),
    };
    drop(polled);
    let ready = open.iter_mut().zip(ready).filter(|(_, ready)| *ready);
    ready.for_each(|(console, _)| console.read());
}

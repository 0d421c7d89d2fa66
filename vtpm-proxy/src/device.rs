//! The server's end of a device that tpm_vtpm_proxy made.
//!
//! Source: Linux drivers/char/tpm/tpm_vtpm_proxy.c.

use anyhow::{Context, Result, bail};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use std::os::fd::BorrowedFd;
use tpm_wire::{Header, Tag, tpm20};

/// The driver's own command: the locality of what follows (`TPM2_CC_SET_LOCALITY`,
/// `TPM_ORD_SET_LOCALITY`). Programs cannot send it; the driver refuses it from them.
const SET_LOCALITY: u32 = 0x2000_1000;

/// The longest command that the driver passes on.
const LONGEST_COMMAND: usize = 4096;

/// Executes commands of one client, the kernel.
pub trait Tpm {
    /// The response to one whole command packet, as a whole.
    ///
    /// # Errors
    /// When there is none and none may be given: serving must end.
    fn execute(&mut self, locality: u8, command: &[u8]) -> Result<Vec<u8>>;
}

/// Has a TPM 2.0 test itself now. The kernel asks for it as soon as there is a device and waits two
/// seconds at most, which slow machines exceed; what has been tested is not tested again.
///
/// # Errors
/// As [`Tpm::execute`].
pub fn test_early(tpm: &mut dyn Tpm) -> Result<()> {
    let answer = tpm.execute(0, &tpm20::self_test(false))?;
    match Header::parse(&answer) {
        Ok((header, _)) if header.code == 0 => {}
        // The kernel will ask, too, and say what it thinks of the answer.
        _ => log::warn!("the TPM's self test answers {answer:02x?}"),
    }
    Ok(())
}

/// Why serving ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Somebody asked for it.
    Asked,
    /// Nobody could be told that the device is there.
    NotAnnounced,
    /// The device that is relayed is no more.
    Detached,
    /// The kernel took the device away.
    Gone,
}

/// Something that may end serving.
pub struct Ending<'a> {
    /// Becomes readable when it may have happened.
    pub fd: BorrowedFd<'a>,
    /// Looks closer, and takes off `fd` what was to be read when it has not.
    pub happened: &'a dyn Fn() -> bool,
    /// What it means.
    pub end: End,
}

impl<'a> Ending<'a> {
    /// One that has happened as soon as `fd` is readable.
    #[must_use]
    pub fn at_once(fd: BorrowedFd<'a>, end: End) -> Self {
        Self { fd, happened: &|| true, end }
    }
}

/// Answers commands from `server` until one of `endings` has happened.
///
/// # Errors
/// When the TPM fails, or the device in a way that is not its end.
pub fn serve(server: BorrowedFd<'_>, endings: &[Ending<'_>], tpm: &mut dyn Tpm) -> Result<End> {
    let mut locality = 0;
    let mut packet = [0; LONGEST_COMMAND];
    loop {
        if let Some(end) = wait(server, endings)? {
            return Ok(end);
        }
        let command = match rustix::io::read(server, &mut packet) {
            // A socket says so when its other end went without reading all answers.
            Ok(0) | Err(Errno::PIPE | Errno::CONNRESET) => return Ok(End::Gone),
            Ok(count) => packet.get(..count).unwrap_or_default(),
            Err(Errno::INTR | Errno::AGAIN) => continue,
            Err(errno) => return Err(errno).context("cannot read a command from the kernel"),
        };
        let response = match set_locality(command) {
            Some((asked, answer)) => {
                locality = asked;
                answer
            }
            None => tpm.execute(locality, command)?,
        };
        if let Some(end) = wait_to_answer(server, endings)? {
            return Ok(end);
        }
        if !answer(server, &response)? {
            log::debug!("the kernel no longer waits for the answer");
        }
    }
}

/// Whether it ended, once there is something to do. Only then may the server be read: a read without
/// a command waits, and would not hear of `endings`.
fn wait(server: BorrowedFd<'_>, endings: &[Ending<'_>]) -> Result<Option<End>> {
    wait_for(PollFlags::IN, server, endings)
}

/// Whether it ended before the answer could be handed over. The kernel takes an answer at any time; a
/// client at a pair of sockets that reads none would keep a write waiting.
fn wait_to_answer(server: BorrowedFd<'_>, endings: &[Ending<'_>]) -> Result<Option<End>> {
    let mut now = [PollFd::from_borrowed_fd(server, PollFlags::OUT)];
    match poll(&mut now, Some(&Timespec::default())) {
        // Whoever asked to stop meanwhile gets this answer first.
        Ok(1..) => Ok(None),
        _ => wait_for(PollFlags::OUT, server, endings),
    }
}

/// Until `server` is ready for `what`, or something ended.
fn wait_for(
    what: PollFlags,
    server: BorrowedFd<'_>,
    endings: &[Ending<'_>],
) -> Result<Option<End>> {
    let first = PollFd::from_borrowed_fd(server, what);
    let rest = endings.iter().map(|ending| PollFd::from_borrowed_fd(ending.fd, PollFlags::IN));
    let mut fds: Vec<_> = std::iter::once(first).chain(rest).collect();
    loop {
        match poll(&mut fds, None) {
            Ok(_) => {}
            Err(Errno::INTR) => continue,
            Err(errno) => return Err(errno).context("cannot wait for the kernel"),
        }
        let mut revents = fds.iter().map(PollFd::revents);
        let server = revents.next().unwrap_or(PollFlags::empty());
        let raised = revents.zip(endings).filter(|(revents, _)| !revents.is_empty());
        if let Some((_, ending)) = raised.into_iter().find(|(_, ending)| (ending.happened)()) {
            return Ok(Some(ending.end));
        }
        if server.contains(what) {
            return Ok(None);
        }
        if !server.is_empty() {
            return Ok(Some(End::Gone));
        }
    }
}

/// `false` when nobody waits for it any more: the kernel gave up on the command.
fn answer(server: BorrowedFd<'_>, response: &[u8]) -> Result<bool> {
    loop {
        match rustix::io::write(server, response) {
            Ok(count) if count == response.len() => return Ok(true),
            Ok(count) => bail!("the kernel took {count} of {} bytes of an answer", response.len()),
            Err(Errno::INTR) => {}
            Err(Errno::IO | Errno::PIPE | Errno::CONNRESET) => return Ok(false),
            Err(errno) => return Err(errno).context("cannot hand an answer to the kernel"),
        }
    }
}

/// The locality asked for, and the answer, when this is the driver's own command.
fn set_locality(command: &[u8]) -> Option<(u8, Vec<u8>)> {
    let (header, body) = Header::parse(command).ok()?;
    if header.code != SET_LOCALITY {
        return None;
    }
    let locality = *body.first()?;
    let tag = match header.tag {
        Tag::NO_SESSIONS | Tag::SESSIONS => Tag::NO_SESSIONS,
        _ => Tag::RSP_COMMAND,
    };
    Some((locality, [&tag.0.to_be_bytes()[..], &10_u32.to_be_bytes(), &[0; 4]].concat()))
}

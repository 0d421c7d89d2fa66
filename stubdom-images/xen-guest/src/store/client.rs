//! One connection to xenstored, over a page and a few abilities of its host.

use super::directory;
use super::message::{Kind, Message, decode, encode};
use super::watches::Watches;
use crate::byte_ring::Place;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;
use domain_io::{DomainId, SharedPage, StoreError, WatchEvent, Xenstore};

/// What the domain asks (Xen public/io/xs_wire.h, `struct xenstore_domain_interface`).
pub(crate) const REQUESTS: Place = Place { buffer: 0, bytes: 1024, consumer: 2048, producer: 2052 };
/// What xenstored answers.
pub(crate) const ANSWERS: Place =
    Place { buffer: 1024, bytes: 1024, consumer: 2056, producer: 2060 };

/// How long an answer may take. xenstored answers in well under a millisecond.
const PATIENCE: Duration = Duration::from_secs(10);

/// When the whole machine stood still, the time is over before xenstored could run at all: so often, and
/// so long each time, it is still waited for.
const LAST_CHANCES: u32 = 4;
const LAST_CHANCE: Duration = Duration::from_millis(250);

/// How long an answer may take after a request without one: less than any command that Linux sends by itself
/// may take, so that the commands of a guest, who is served between two requests, go on.
const NEXT_PATIENCE: Duration = Duration::from_secs(1);

/// After so many requests without any answer xenstored is taken for gone: how long it is waited for at each
/// further try, and how often it is tried. Nobody who is served without it may wait for it again and again.
const GONE: u32 = 3;
const SHORT_PATIENCE: Duration = Duration::from_millis(50);
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// How long one answer is waited for.
#[derive(Clone, Copy)]
struct Wait {
    until: Duration,
    /// How many [`LAST_CHANCE`]s there are when that is over.
    chances: u32,
}

/// Token of the watch that the runtime itself needs.
pub(crate) const CONTROL_TOKEN: &str = "xen-guest-control";

/// What a connection needs besides its page.
pub(crate) trait Host {
    /// The time now.
    fn now(&self) -> Duration;
    /// Tells xenstored that an index moved.
    fn wake(&self);
    /// Forgets that xenstored has woken us.
    fn clear(&self);
    /// Sleeps until xenstored wakes us or the moment has come.
    fn wait(&self, until: Duration);
}

/// A connection; answers are matched to requests by number, so one that comes too late is dropped
/// and never taken for another.
pub(crate) struct Client<P, H> {
    page: P,
    host: H,
    last_id: u32,
    /// What found no room in the ring yet.
    outgoing: Vec<u8>,
    /// The beginning of a message.
    incoming: Vec<u8>,
    answer: Option<Message>,
    watches: Watches,
    control_changed: bool,
    /// How many requests xenstored has not answered since it sent anything, and when it is tried next
    /// once it is taken for gone.
    unanswered: u32,
    next_try: Duration,
}

impl<P: SharedPage, H: Host> Client<P, H> {
    pub(crate) fn new(page: P, host: H) -> Self {
        Self {
            page,
            host,
            last_id: 0,
            outgoing: Vec::new(),
            incoming: Vec::new(),
            answer: None,
            watches: Watches::default(),
            control_changed: false,
            unanswered: 0,
            next_try: Duration::ZERO,
        }
    }

    /// Whether the runtime's own watch has fired since the last call.
    pub(crate) fn take_control_changed(&mut self) -> bool {
        let _ = self.pump();
        core::mem::take(&mut self.control_changed)
    }

    /// Whether something came that nobody has asked for yet: a change of the runtime's own watch, or
    /// an event. It may have come with the answer to a request, and its wake-up is spent then.
    pub(crate) fn has_unread(&self) -> bool {
        self.control_changed || self.watches.has_next()
    }

    fn request(&mut self, kind: Kind, parts: &[&[u8]]) -> Result<Vec<u8>, StoreError> {
        // What came meanwhile ends the silence.
        self.pump()?;
        let now = self.host.now();
        if self.is_gone() && now < self.next_try {
            return Err(StoreError::NoAnswer);
        }
        let patience = match self.unanswered {
            0 => PATIENCE,
            1..GONE => NEXT_PATIENCE,
            _ => SHORT_PATIENCE,
        };
        let chances = if self.unanswered == 0 { LAST_CHANCES } else { 0 };
        self.counted(kind, parts, Wait { until: now + patience, chances })
    }

    fn counted(&mut self, kind: Kind, parts: &[&[u8]], wait: Wait) -> Result<Vec<u8>, StoreError> {
        let answer = self.ask(kind, parts, wait);
        if answer == Err(StoreError::NoAnswer) {
            self.count_unanswered();
        }
        answer
    }

    fn is_gone(&self) -> bool {
        self.unanswered >= GONE
    }

    fn count_unanswered(&mut self) {
        self.next_try = self.host.now() + TRY_AGAIN;
        self.unanswered = self.unanswered.saturating_add(1);
        if self.unanswered == GONE {
            log::error!(
                "xenstored has not answered {GONE} requests: what is connected is served on, and it is tried again"
            );
        }
    }

    fn ask(&mut self, kind: Kind, parts: &[&[u8]], wait: Wait) -> Result<Vec<u8>, StoreError> {
        self.pump_until(wait, |client| client.outgoing.is_empty())?;
        self.last_id = self.last_id.wrapping_add(1);
        let Some(message) = encode(kind, self.last_id, parts) else {
            return Err(StoreError::Refused("E2BIG".into()));
        };
        self.outgoing = message;
        self.answer = None;
        self.pump_until(wait, |client| client.answer.is_some())?;
        match self.answer.take() {
            Some(answer) if answer.kind == kind => Ok(answer.payload),
            Some(answer) if answer.kind == Kind::ERROR => {
                Err(StoreError::Refused(text(&answer.payload)))
            }
            _ => Err(StoreError::Malformed("the answer is of another kind than the request")),
        }
    }

    fn pump_until(
        &mut self,
        mut wait: Wait,
        done: impl Fn(&Self) -> bool,
    ) -> Result<(), StoreError> {
        loop {
            self.pump()?;
            if done(self) {
                return Ok(());
            }
            let now = self.host.now();
            if now < wait.until {
                self.host.wait(wait.until);
            } else if wait.chances > 0 {
                wait.chances -= 1;
                self.host.wait(now + LAST_CHANCE);
            } else {
                return Err(StoreError::NoAnswer);
            }
        }
    }

    /// Moves bytes both ways as far as that goes without waiting.
    fn pump(&mut self) -> Result<(), StoreError> {
        const INDEX: StoreError = StoreError::Malformed("a ring index is impossible");
        self.host.clear();
        let sent = REQUESTS.put(&self.page, &self.outgoing).map_err(|_| INDEX)?;
        self.outgoing.drain(..sent);
        let mut moved = sent;
        let mut chunk = [0; 256];
        loop {
            let count = ANSWERS.take(&self.page, &mut chunk).map_err(|_| INDEX)?;
            if count == 0 {
                break;
            }
            moved += count;
            if self.is_gone() {
                log::info!("xenstored answers again");
            }
            self.unanswered = 0;
            self.incoming.extend_from_slice(&chunk[..count]);
            while let Some(message) = decode(&mut self.incoming)
                .map_err(|_| StoreError::Malformed("an answer is longer than 4096 bytes"))?
            {
                self.receive(message);
            }
        }
        if moved > 0 {
            self.host.wake();
        }
        Ok(())
    }

    fn receive(&mut self, message: Message) {
        if message.kind == Kind::WATCH_EVENT {
            let mut texts = message.payload.split(|byte| *byte == 0).map(text);
            let (path, token) =
                (texts.next().unwrap_or_default(), texts.next().unwrap_or_default());
            self.fired(path, token);
        } else if message.id == self.last_id {
            self.answer = Some(message);
        }
    }

    fn fired(&mut self, path: String, token: String) {
        if token == CONTROL_TOKEN {
            self.control_changed = true;
        } else {
            self.watches.push(WatchEvent { path, token });
        }
    }
}

/// A text of xenstored without the zero byte at its end.
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes.strip_suffix(b"\0").unwrap_or(bytes)).into_owned()
}

/// A path or token; a zero byte inside would make it another one.
fn plain(text: &str) -> Result<&[u8], StoreError> {
    if text.contains('\0') {
        Err(StoreError::Refused("EINVAL".into()))
    } else {
        Ok(text.as_bytes())
    }
}

impl<P: SharedPage, H: Host> Xenstore for Client<P, H> {
    fn read(&mut self, path: &str) -> Result<String, StoreError> {
        let value = self.request(Kind::READ, &[plain(path)?, b"\0"])?;
        Ok(String::from_utf8_lossy(&value).into_owned())
    }

    fn write(&mut self, path: &str, value: &str) -> Result<(), StoreError> {
        self.request(Kind::WRITE, &[plain(path)?, b"\0", value.as_bytes()])?;
        Ok(())
    }

    fn remove(&mut self, path: &str) -> Result<(), StoreError> {
        self.request(Kind::RM, &[plain(path)?, b"\0"])?;
        Ok(())
    }

    fn list(&mut self, path: &str) -> Result<Vec<String>, StoreError> {
        let path = plain(path)?;
        let names = match self.request(Kind::DIRECTORY, &[path, b"\0"]) {
            Err(StoreError::Refused(word)) if word == "E2BIG" => {
                let parts = directory::in_parts(|offset| {
                    self.request(Kind::DIRECTORY_PART, &[path, b"\0", offset.as_bytes(), b"\0"])
                });
                // oxenstored of Xen 4.17 knows no parts.
                match parts {
                    Err(StoreError::Refused(no)) if no == "ENOSYS" => {
                        return Err(StoreError::Refused(word));
                    }
                    parts => parts?,
                }
            }
            answer => answer?,
        };
        Ok(names.split(|byte| *byte == 0).filter(|name| !name.is_empty()).map(text).collect())
    }

    fn watch(&mut self, path: &str, token: &str) -> Result<(), StoreError> {
        // Entered first: the event that fires at once may come before the answer.
        self.watches.add(path, token);
        match self.request(Kind::WATCH, &[plain(path)?, b"\0", plain(token)?, b"\0"]) {
            Ok(_) => Ok(()),
            // It was carried out when no answer came, and does not fire again.
            Err(StoreError::Refused(word)) if word == "EEXIST" => {
                self.fired(path.to_string(), token.to_string());
                Ok(())
            }
            Err(error) => {
                self.watches.remove(path, token);
                Err(error)
            }
        }
    }

    fn unwatch(&mut self, path: &str, token: &str) -> Result<(), StoreError> {
        self.watches.remove(path, token);
        self.request(Kind::UNWATCH, &[plain(path)?, b"\0", plain(token)?, b"\0"])?;
        Ok(())
    }

    fn is_introduced(&mut self, domain: DomainId) -> Result<bool, StoreError> {
        let number = domain.to_string();
        let answer = self.request(Kind::IS_DOMAIN_INTRODUCED, &[number.as_bytes(), b"\0"])?;
        match answer.strip_suffix(b"\0").unwrap_or(&answer) {
            b"T" => Ok(true),
            b"F" => Ok(false),
            _ => Err(StoreError::Malformed("neither T nor F for a domain's existence")),
        }
    }

    fn answers_within(&mut self, limit: Duration) -> bool {
        let now = self.host.now();
        // A ring that cannot be is for the request itself to say.
        if self.pump().is_ok() && self.is_gone() && now < self.next_try {
            return false;
        }
        let limit = if self.is_gone() { limit.min(SHORT_PATIENCE) } else { limit };
        // Whatever it says of the node, it has said something.
        let wait = Wait { until: now + limit, chances: 0 };
        let answer = self.counted(Kind::READ, &[b"domid\0"], wait);
        answer != Err(StoreError::NoAnswer)
    }

    fn next_event(&mut self) -> Option<WatchEvent> {
        let _ = self.pump();
        self.watches.next()
    }
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;

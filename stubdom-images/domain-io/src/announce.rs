//! What a domain says about itself in xenstore, in a directory of its own below `data/`. Hints for
//! people and for tools that wait; nothing that decides about security may read them.

use crate::store::{StoreError, Xenstore};
use alloc::string::String;
use core::fmt;
use core::time::Duration;

/// The node `state`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Not ready yet.
    Starting,
    /// It serves.
    Ready,
    /// It waits for an administrator, for the reason that the node `error` names. Only a manager
    /// says so.
    Locked,
    /// Stopped by an error, which the node `error` names.
    Failed,
    /// Stopping in order.
    Stopping,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Starting => "starting",
            Self::Ready => "ready",
            Self::Locked => "locked",
            Self::Failed => "failed",
            Self::Stopping => "stopping",
        })
    }
}

/// The longest `error`, in bytes: what fits one line of a terminal twice.
const LONGEST_ERROR: usize = 400;

/// The nodes of one kind of domain: `data/vtpm` (docs/formats/xenstore-data-vtpm.md) or
/// `data/vtpmmgr` (docs/formats/xenstore-data-vtpmmgr.md).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Announcement {
    /// The directory, relative to the domain's own.
    pub directory: &'static str,
}

impl Announcement {
    /// Says which image runs, which TPM it is, and that it is starting.
    ///
    /// # Errors
    /// [`StoreError`]; the domain goes on without.
    pub fn starting(
        self,
        store: &mut dyn Xenstore,
        image: &str,
        tpm: Option<&dyn fmt::Display>,
    ) -> Result<(), StoreError> {
        self.write(store, "image", image)?;
        if let Some(tpm) = tpm {
            self.write(store, "tpm", &alloc::format!("{tpm}"))?;
        }
        self.state(store, State::Starting)
    }

    /// Says that the state has changed.
    ///
    /// # Errors
    /// [`StoreError`]; the domain goes on without.
    pub fn state(self, store: &mut dyn Xenstore, state: State) -> Result<(), StoreError> {
        self.write(store, "state", &alloc::format!("{state}"))
    }

    /// Says why the domain cannot serve. The sentence stands before the state changes, so that
    /// whoever waits for the state finds it.
    ///
    /// # Errors
    /// [`StoreError`]; the domain goes on without.
    pub fn failed(
        self,
        store: &mut dyn Xenstore,
        error: &dyn fmt::Display,
    ) -> Result<(), StoreError> {
        self.write(store, "error", &one_line(&alloc::format!("{error}")))?;
        self.state(store, State::Failed)
    }

    /// Says why the domain waits for an administrator.
    ///
    /// # Errors
    /// [`StoreError`]; the domain goes on without.
    pub fn locked(
        self,
        store: &mut dyn Xenstore,
        why: &dyn fmt::Display,
    ) -> Result<(), StoreError> {
        self.write(store, "error", &one_line(&alloc::format!("{why}")))?;
        self.state(store, State::Locked)
    }

    /// Writes one node.
    ///
    /// # Errors
    /// [`StoreError`]; the domain goes on without.
    pub fn write(
        self,
        store: &mut dyn Xenstore,
        node: &str,
        value: &str,
    ) -> Result<(), StoreError> {
        store.write(&alloc::format!("{}/{node}", self.directory), value)
    }
}

/// A state that is said again until xenstored has taken it: tools that wait for `ready` serve nobody
/// before they read it, however long the domain has been serving.
#[derive(Debug)]
pub struct Word {
    here: Announcement,
    unsaid: Option<State>,
}

impl Word {
    /// How long to wait at most before [`repeat`](Self::repeat) while [`is_unsaid`](Self::is_unsaid).
    pub const AGAIN: Duration = Duration::from_secs(1);

    /// Nothing is to be said yet.
    #[must_use]
    pub const fn new(here: Announcement) -> Self {
        Self { here, unsaid: None }
    }

    /// Says that the state has changed.
    ///
    /// # Errors
    /// [`StoreError`]; the domain goes on without, and calls [`repeat`](Self::repeat) in each turn.
    pub fn say(&mut self, store: &mut dyn Xenstore, state: State) -> Result<(), StoreError> {
        let said = self.here.state(store, state);
        self.unsaid = (said == Err(StoreError::NoAnswer)).then_some(state);
        said
    }

    /// Says what xenstored has not answered again; `true` when it has now.
    pub fn repeat(&mut self, store: &mut dyn Xenstore) -> bool {
        self.unsaid.is_some_and(|state| self.say(store, state).is_ok())
    }

    /// Whether there is something to repeat.
    #[must_use]
    pub const fn is_unsaid(&self) -> bool {
        self.unsaid.is_some()
    }
}

/// One line of printable text, cut to [`LONGEST_ERROR`].
fn one_line(text: &str) -> String {
    let mut line = String::new();
    for character in text.chars().map(|c| if c.is_control() { ' ' } else { c }) {
        if line.len() + character.len_utf8() > LONGEST_ERROR {
            break;
        }
        line.push(character);
    }
    line
}

#[cfg(all(test, feature = "test-utils"))]
mod tests {
    use super::{Announcement, LONGEST_ERROR, State, Word, one_line};
    use crate::test_utils::{Hiccup, Unanswered, World};
    use crate::{DomainId, StoreError, Xenstore};

    #[test]
    fn whoever_waits_finds_the_reason_before_the_word() {
        let (world, domain) = (World::new(), DomainId(4));
        world.add_domain(domain);
        let mut store = world.store(domain);
        let here = Announcement { directory: "data/vtpmmgr" };
        here.starting(&mut store, "an image", Some(&"2.0")).unwrap();
        here.locked(&mut store, &"the PCRs have changed").unwrap();
        let read = |node: &str| world.store(domain).read(&alloc::format!("data/vtpmmgr/{node}"));
        assert_eq!(read("state").unwrap(), "locked");
        assert_eq!(read("error").unwrap(), "the PCRs have changed");
        assert_eq!(read("tpm").unwrap(), "2.0");
    }

    #[test]
    fn ready_is_said_again_until_xenstored_has_taken_it_and_no_more() {
        let (world, domain) = (World::new(), DomainId(4));
        world.add_domain(domain);
        let mut store = Hiccup::new(world.store(domain));
        let mut word = Word::new(Announcement { directory: "data/vtpm" });
        store.after(0, Unanswered::Lost);
        assert_eq!(word.say(&mut store, State::Ready), Err(StoreError::NoAnswer));
        assert!(word.is_unsaid());
        assert!(word.repeat(&mut store));
        assert_eq!(store.read("data/vtpm/state").unwrap(), "ready");
        store.write("data/vtpm/state", "stopping").unwrap();
        assert!(!word.repeat(&mut store));
        assert_eq!(store.read("data/vtpm/state").unwrap(), "stopping");
    }

    #[test]
    fn what_xenstored_refuses_is_not_said_again() {
        let world = World::new();
        let mut store = world.store(DomainId(4));
        store.failure = Some(StoreError::Refused("EQUOTA".into()));
        let mut word = Word::new(Announcement { directory: "data/vtpm" });
        assert!(word.say(&mut store, State::Ready).is_err());
        assert!(!word.is_unsaid());
    }

    #[test]
    fn an_error_is_one_line_of_bounded_length() {
        assert_eq!(one_line("bad\nargument \u{1b}[1m"), "bad argument  [1m");
        let long = one_line(&"ü".repeat(LONGEST_ERROR));
        assert_eq!(long.len(), LONGEST_ERROR);
    }
}

//! What changes among a host's domains: which come, which go, and what they say of themselves.
//!
//! [`Source::view`] asks once and is all that a command needs. [`Watcher`] asks again whenever the source
//! wakes it, and tells the differences: so nothing is lost when an event is.

use crate::plan::{Problem, Role};
use std::collections::BTreeMap;
use std::time::Duration;

/// One domain at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The domain's uuid, which a later domain of the same number does not have.
    pub uuid: [u8; 16],
    /// Its name.
    pub name: String,
    /// It has ended, for whatever reason, and is still there; or it is being taken apart.
    pub ended: bool,
    /// What it says to be, and the word it has for what it is at (docs/formats/xenstore-data-vtpm.md). Any
    /// guest may write that of itself.
    pub says: Option<(Role, String)>,
}

/// All domains at one moment, by number.
pub type View = BTreeMap<u32, Seen>;

/// What became of a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is new.
    New,
    /// It is gone.
    Gone,
    /// It has this name now.
    Renamed(String),
    /// It has ended and is still there.
    Ended,
    /// It says another word of itself.
    Says(Role, String),
}

/// A change, and whose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The domain's number.
    pub domid: u32,
    /// Its name, before the change if it has another one now.
    pub name: String,
    /// What became of it.
    pub change: Change,
}

/// The differences between two views, the gone domains first.
#[must_use]
pub fn changes(before: &View, after: &View) -> Vec<Event> {
    let mut events = Vec::new();
    let mut tell = |domid: &u32, name: &str, change| {
        events.push(Event { domid: *domid, name: name.to_owned(), change });
    };
    let same = |domid: &u32, seen: &Seen| after.get(domid).is_some_and(|now| now.uuid == seen.uuid);
    for (domid, seen) in before.iter().filter(|(domid, seen)| !same(domid, seen)) {
        tell(domid, &seen.name, Change::Gone);
    }
    for (domid, now) in after {
        let known = before.get(domid).filter(|seen| seen.uuid == now.uuid);
        if known.is_none() {
            tell(domid, &now.name, Change::New);
        }
        if let Some(seen) = known.filter(|seen| seen.name != now.name) {
            tell(domid, &seen.name, Change::Renamed(now.name.clone()));
        }
        if let Some((role, word)) = &now.says
            && known.is_none_or(|seen| seen.says != now.says)
        {
            tell(domid, &now.name, Change::Says(*role, word.clone()));
        }
        if now.ended && !known.is_some_and(|seen| seen.ended) {
            tell(domid, &now.name, Change::Ended);
        }
    }
    events
}

/// Where views come from.
pub trait Source {
    /// All domains as they are now.
    ///
    /// # Errors
    /// They cannot be asked for.
    fn view(&mut self) -> Result<View, Problem>;

    /// Waits until something may have changed, for at most `limit`. May return early.
    fn wait(&mut self, limit: Duration);
}

/// Tells the differences between one look and the next.
pub struct Watcher<S> {
    /// Where views come from.
    pub source: S,
    /// The last view.
    pub view: View,
}

impl<S: Source> Watcher<S> {
    /// Begins with no domain at all, so that the first look tells of every one.
    pub fn new(source: S) -> Self {
        Self { source, view: View::new() }
    }

    /// Looks, and tells what is different from the last look.
    ///
    /// # Errors
    /// As [`Source::view`]; the last view stays.
    pub fn look(&mut self) -> Result<Vec<Event>, Problem> {
        let now = self.source.view()?;
        let events = changes(&self.view, &now);
        self.view = now;
        Ok(events)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(uuid: u8, name: &str) -> Seen {
        Seen { uuid: [uuid; 16], name: name.into(), ended: false, says: None }
    }

    fn told(before: &[(u32, Seen)], after: &[(u32, Seen)]) -> Vec<(u32, Change)> {
        let view = |domains: &[(u32, Seen)]| domains.iter().cloned().collect();
        let events = changes(&view(before), &view(after));
        events.into_iter().map(|event| (event.domid, event.change)).collect()
    }

    #[test]
    fn domains_come_go_are_renamed_and_end() {
        let ended = Seen { ended: true, ..seen(1, "a") };
        assert_eq!(told(&[], &[(1, seen(1, "a"))]), [(1, Change::New)]);
        assert_eq!(told(&[(1, seen(1, "a"))], &[]), [(1, Change::Gone)]);
        let renamed = [(1, Change::Renamed("b".into()))];
        assert_eq!(told(&[(1, seen(1, "a"))], &[(1, seen(1, "b"))]), renamed);
        assert_eq!(told(&[(1, seen(1, "a"))], &[(1, ended.clone())]), [(1, Change::Ended)]);
        assert_eq!(told(&[(1, ended.clone())], &[(1, ended)]), []);
    }

    #[test]
    fn a_number_that_another_domain_has_now_is_one_gone_and_one_new() {
        let both = [(1, Change::Gone), (1, Change::New)];
        assert_eq!(told(&[(1, seen(1, "a"))], &[(1, seen(2, "a"))]), both);
    }

    #[test]
    fn a_word_is_told_once_and_of_a_new_domain_too() {
        let says = |word: &str| Seen { says: Some((Role::Vtpm, word.into())), ..seen(1, "a") };
        let ready = Change::Says(Role::Vtpm, "ready".into());
        assert_eq!(told(&[], &[(1, says("ready"))]), [(1, Change::New), (1, ready.clone())]);
        assert_eq!(told(&[(1, says("starting"))], &[(1, says("ready"))]), [(1, ready)]);
        assert_eq!(told(&[(1, says("ready"))], &[(1, says("ready"))]), []);
    }

    #[test]
    fn a_watcher_keeps_its_view_when_a_look_fails() {
        struct Twice(Vec<Result<View, Problem>>);
        impl Source for Twice {
            fn view(&mut self) -> Result<View, Problem> {
                self.0.remove(0)
            }
            fn wait(&mut self, _limit: Duration) {}
        }
        let view: View = [(1, seen(1, "a"))].into();
        let answers = vec![Ok(view.clone()), Err(Problem("no".into())), Ok(view)];
        let mut watcher = Watcher::new(Twice(answers));
        assert_eq!(watcher.look().unwrap().len(), 1);
        assert!(watcher.look().is_err());
        assert!(watcher.look().unwrap().is_empty());
    }
}

//! What follows from a look, and from what was seen before. Nothing is done here.

use super::look::Look;
use crate::wires::Wire;
use libxl_vtpm::plan::Role;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// Ended domains of ours are taken away by the process that was left behind for each; by the service when
/// that one is gone.
const TO_BE_REAPED: Duration = Duration::from_secs(5);

/// Before devices are wired again that could not be.
const AGAIN: Duration = Duration::from_secs(60);

/// Something to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// End a vTPM that nobody uses; not if one of these guests is back meanwhile.
    End { domid: u32, name: String, guests: BTreeSet<String> },
    /// Take an ended domain away.
    Reap { domid: u32, name: String },
    /// Connect the manager's devices, of which these are broken, and those of a run that was cut short.
    Rewire(BTreeSet<Wire>),
    /// See whether this guest's vTPM is back.
    Orphan(Wire),
}

/// What was seen before.
#[derive(Default)]
pub(super) struct Memory {
    /// Of each vTPM: the guests it has served.
    served: BTreeMap<u32, BTreeSet<String>>,
    /// Of each vTPM that nobody uses: since when.
    idle: BTreeMap<u32, Instant>,
    /// Of each ended domain of ours: since when.
    ended: BTreeMap<u32, Instant>,
    /// The manager and the broken devices of the last rewiring, and when to try it again.
    rewired: Option<(u32, BTreeSet<Wire>, Option<Instant>)>,
}

impl Memory {
    /// What is to be done now.
    pub(super) fn decide(&mut self, look: &Look, grace: Duration, manager: &str) -> Vec<Act> {
        let mut acts = self.idle_vtpms(look, grace);
        acts.extend(self.ended(look));
        acts.extend(self.rewiring(look, manager));
        let orphans =
            look.broken().filter(|wire| wire.frontend != 0 && !look.is_vtpm(wire.frontend));
        acts.extend(orphans.cloned().map(Act::Orphan));
        acts
    }

    /// The last rewiring did not succeed.
    pub(super) fn rewire_again(&mut self, now: Instant) {
        if let Some((_, _, again)) = &mut self.rewired {
            *again = Some(now + AGAIN);
        }
    }

    /// How long there is nothing to do, as far as can be told.
    pub(super) fn rest(&self, now: Instant, grace: Duration) -> Duration {
        let idle = self.idle.values().map(|since| *since + grace);
        let ended = self.ended.values().map(|since| *since + TO_BE_REAPED);
        let first = idle.chain(ended).min();
        first.map_or(Duration::MAX, |first| first.saturating_duration_since(now))
    }

    fn idle_vtpms(&mut self, look: &Look, grace: Duration) -> Vec<Act> {
        let mut acts = Vec::new();
        let (mut served, mut idle) = (BTreeMap::new(), BTreeMap::new());
        for note in look.notes.iter().filter(|note| note.role == Role::Vtpm) {
            let Some(seen) = look.running(note.domid) else { continue };
            let mut guests = self.served.remove(&note.domid).unwrap_or_default();
            guests.extend(note.guest.clone());
            let users = look.wires.iter().filter(|wire| wire.backend == note.domid);
            let mut users = users.filter_map(|wire| look.domains.get(&wire.frontend)).peekable();
            let is_used = users.peek().is_some();
            guests.extend(users.map(|seen| seen.name.clone()));
            let wanted = guests.iter().any(|guest| look.has_name(guest));
            if !is_used && !wanted && !look.residents.contains(&seen.name) {
                let since = self.idle.get(&note.domid).copied().unwrap_or(look.now);
                idle.insert(note.domid, since);
                if look.now.duration_since(since) >= grace {
                    let (domid, name) = (note.domid, seen.name.clone());
                    acts.push(Act::End { domid, name, guests: guests.clone() });
                }
            }
            served.insert(note.domid, guests);
        }
        (self.served, self.idle) = (served, idle);
        acts
    }

    fn ended(&mut self, look: &Look) -> Vec<Act> {
        let mut acts = Vec::new();
        let mut ended = BTreeMap::new();
        for note in &look.notes {
            let Some(seen) = look.domains.get(&note.domid).filter(|seen| seen.ended) else {
                continue;
            };
            let since = self.ended.get(&note.domid).copied().unwrap_or(look.now);
            ended.insert(note.domid, since);
            if look.now.duration_since(since) >= TO_BE_REAPED {
                acts.push(Act::Reap { domid: note.domid, name: seen.name.clone() });
            }
        }
        self.ended = ended;
        acts
    }

    fn rewiring(&mut self, look: &Look, manager: &str) -> Option<Act> {
        let manager = look.named(manager)?;
        let of_manager = |wire: &&Wire| wire.frontend == 0 || look.is_vtpm(wire.frontend);
        let broken: BTreeSet<Wire> = look.broken().filter(of_manager).cloned().collect();
        // Between detach and attach a device is nowhere but in the script's note.
        if broken.is_empty() && !look.is_rewiring {
            // What breaks from here on is new, even under the same manager.
            self.rewired = None;
            return None;
        }
        if let Some((with, which, again)) = &self.rewired
            && (*with, which) == (manager, &broken)
            && again.is_none_or(|again| look.now < again)
        {
            return None;
        }
        self.rewired = Some((manager, broken.clone(), None));
        Some(Act::Rewire(broken))
    }
}

#[cfg(test)]
#[path = "rules_tests.rs"]
mod tests;

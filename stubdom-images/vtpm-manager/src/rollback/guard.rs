//! When a step is taken, and which counter each commit carries.

use super::budget::{affords, affords_at, between, drained, spent};
use super::shares::Shares;
use super::{Kept, Rules};
use crate::root::CounterValue;
use alloc::collections::BTreeSet;
use core::time::Duration;
use vtpm_custody::CounterId;
use vtpm_store::Uuid;
use vtpm_store::manager::{AcceptedBackup, Budget, Fields, RollbackMode};

/// Batched mode: how old a save without a step may become while the budget lasts.
pub(crate) const WINDOW: Duration = Duration::from_secs(60);
/// Batched mode: how many saves may go without a step while the budget lasts.
pub(crate) const WINDOW_SAVES: u32 = 64;
/// The least time between two steps in batched mode: a TPM 1.2 promises no more.
const STEPS_APART: Duration = Duration::from_secs(5);
/// How long the saves of vTPMs over their share wait for somebody else's step.
pub(crate) const HOLD: Duration = Duration::from_millis(100);
/// How long nobody tries again after a failure; doubled for each increment that nothing came of.
const RETRY: Duration = Duration::from_secs(1);

/// What a commit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plan {
    /// A step: the counter's next value, and the hardware follows.
    Step,
    /// Under the counter's present value.
    Open,
    /// Not yet.
    Hold,
}

/// Who wants something kept.
pub(crate) struct Who<'a> {
    pub(crate) uuids: &'a [Uuid],
    /// A command of domain 0 is among it.
    pub(crate) domain_0: bool,
    /// How many vTPMs are attached.
    pub(crate) vtpms: usize,
}

/// Saves since the last step.
#[derive(Debug)]
struct Window {
    since: Duration,
    saves: u32,
    by: BTreeSet<Uuid>,
}

/// The counter of a running manager.
#[derive(Debug)]
pub(crate) struct Guard {
    rules: Rules,
    mode: RollbackMode,
    /// What the hardware's counter says.
    says: u64,
    /// Which one it is.
    id: CounterId,
    /// The start's steps are done and nothing has failed since.
    settled: bool,
    retry_at: Duration,
    /// Increments since something failed that nothing came of.
    wasted: u32,
    /// The clock when this life began, and the running time before it.
    began: Option<Duration>,
    before: u64,
    window: Option<Window>,
    held_since: Option<Duration>,
    shares: Shares,
    is_exhausted: bool,
    /// The older copy that the next commit takes over.
    accepting: Option<Kept>,
}

impl Guard {
    /// Before the store is open.
    pub(crate) fn new(rules: Rules, mode: RollbackMode) -> Self {
        Self {
            rules,
            mode,
            says: 0,
            id: CounterId::default(),
            settled: false,
            retry_at: Duration::ZERO,
            wasted: 0,
            began: None,
            before: 0,
            window: None,
            held_since: None,
            shares: Shares::default(),
            is_exhausted: false,
            accepting: None,
        }
    }

    pub(crate) const fn rules(&self) -> &Rules {
        &self.rules
    }

    pub(crate) const fn mode(&self) -> RollbackMode {
        self.mode
    }

    pub(crate) const fn says(&self) -> u64 {
        self.says
    }

    pub(crate) const fn is_settled(&self) -> bool {
        self.settled
    }

    /// Whether it is too soon to try again after a failure.
    pub(crate) fn is_resting(&self, now: Duration) -> bool {
        !self.settled && now < self.retry_at
    }

    /// Something failed: nobody is answered before the start's steps were done again. A TPM that
    /// counts and whose answers are lost is not worn out by trying: at the longest as much time goes
    /// by as the budget gives to one increment.
    pub(crate) fn unsettle(&mut self, now: Duration) {
        self.settled = false;
        let longest = Duration::from_secs(between(self.rules.budget)).max(RETRY);
        let rest = RETRY.saturating_mul(2_u32.saturating_pow(self.wasted)).min(longest);
        self.retry_at = now.saturating_add(rest);
    }

    /// When the start's steps are to be tried again even if nobody asks: as long as saves that were
    /// answered can be put back.
    pub(crate) fn retry(&self) -> Option<Duration> {
        (!self.settled && self.window.is_some()).then_some(self.retry_at)
    }

    /// The counter was read.
    pub(crate) const fn has_read(&mut self, says: CounterValue) {
        if self.says != 0 && says.value > self.says {
            self.wasted = self.wasted.saturating_add(1);
        }
        (self.says, self.id) = (says.value, says.id);
    }

    /// The next commit goes on from an older copy and says so; `None` when an earlier one has.
    pub(crate) const fn accept(&mut self, kept: Option<Kept>) {
        self.accepting = kept;
    }

    /// The store is judged and the start's steps are done.
    pub(crate) fn settle(&mut self) {
        self.settled = true;
        self.window = None;
        self.wasted = 0;
    }

    /// The running time is counted from what the store says.
    pub(crate) const fn begin(&mut self, stored: &Budget, now: Duration) {
        if self.began.is_none() {
            (self.began, self.before) = (Some(now), stored.running);
        }
    }

    fn running(&self, now: Duration) -> u64 {
        let began = self.began.unwrap_or(now);
        self.before.saturating_add(now.saturating_sub(began).as_secs())
    }

    /// The numbers to write for a commit of this kind.
    pub(crate) fn fields(&self, stored: Fields, plan: Plan, now: Duration) -> Fields {
        let budget = self.budget(&stored, now);
        let accepted = self.accepting.map_or(stored.accepted, |kept| AcceptedBackup {
            times: stored.accepted.times.saturating_add(1),
            sequence: kept.sequence,
            counter: kept.counter,
        });
        let fields = Fields { mode: self.mode, budget, accepted, ..stored };
        match (plan, self.mode) {
            (Plan::Step, _) => {
                let counter = self.says.saturating_add(1);
                Fields { counter, counter_id: self.id, budget: spent(budget), ..fields }
            }
            (_, RollbackMode::Off) if self.says == 0 => fields,
            _ => Fields { counter: self.says, counter_id: self.id, ..fields },
        }
    }

    /// The budget as it stands now.
    fn budget(&self, stored: &Fields, now: Duration) -> Budget {
        let limit = self.rules.budget;
        drained(Budget { limit, ..stored.budget }, self.running(now))
    }

    /// What the next commit is to be.
    pub(crate) fn plan(&mut self, stored: &Fields, who: &Who<'_>, now: Duration) -> Plan {
        let budget = self.budget(stored, now);
        match self.mode {
            RollbackMode::Off => Plan::Open,
            RollbackMode::Batched => self.batched(&budget, who, now),
            RollbackMode::Strict => self.strict(&budget, who, now),
        }
    }

    fn batched(&mut self, budget: &Budget, who: &Who<'_>, now: Duration) -> Plan {
        let saves = u32::try_from(who.uuids.len()).unwrap_or(u32::MAX);
        if let Some(window) = &mut self.window {
            window.by.extend(who.uuids);
            window.saves = window.saves.saturating_add(saves);
        }
        if self.is_window_over(budget, who.vtpms, now) { Plan::Step } else { Plan::Open }
    }

    fn strict(&mut self, budget: &Budget, who: &Who<'_>, now: Duration) -> Plan {
        let is_affordable = affords(budget);
        self.say_whether_exhausted(!is_affordable);
        if who.uuids.is_empty() {
            let over = self.is_window_over(budget, who.vtpms, now);
            return if over { Plan::Step } else { Plan::Open };
        }
        let anybody = who.domain_0 || who.uuids.iter().any(|u| self.is_within(*u, who.vtpms, now));
        if anybody {
            return if is_affordable { Plan::Step } else { Plan::Open };
        }
        if self.is_window_over(budget, who.vtpms, now) {
            return Plan::Step;
        }
        let since = *self.held_since.get_or_insert(now);
        if now.saturating_sub(since) < HOLD { Plan::Hold } else { Plan::Open }
    }

    fn say_whether_exhausted(&mut self, exhausted: bool) {
        if exhausted != self.is_exhausted {
            self.is_exhausted = exhausted;
            let limit = self.rules.budget;
            if exhausted {
                log::warn!(
                    "the budget of {limit} increments a day is used up: until it recovers, saves of \
                     up to {} minutes can be put back unseen (docs/rollback.md)",
                    between(limit).div_ceil(60)
                );
            } else {
                log::info!("the budget of {limit} increments a day has room again");
            }
        }
    }

    fn is_within(&self, uuid: Uuid, vtpms: usize, now: Duration) -> bool {
        let running = self.running(now);
        self.shares.is_within(uuid, (self.rules.budget, vtpms), running)
    }

    /// A commit of this kind was kept, with these vTPMs' saves; after a step the hardware says
    /// what it must.
    pub(crate) fn kept(&mut self, plan: Plan, who: &Who<'_>, now: Duration) {
        (self.held_since, self.accepting) = (None, None);
        if plan == Plan::Step {
            self.says = self.says.saturating_add(1);
            self.charge(who, now);
            self.window = None;
        } else if self.mode != RollbackMode::Off && !who.uuids.is_empty() {
            let saves = u32::try_from(who.uuids.len()).unwrap_or(u32::MAX);
            let by = who.uuids.iter().copied().collect();
            let window = self.window.get_or_insert(Window { since: now, saves, by });
            window.by.extend(who.uuids);
        }
    }

    /// Charges whoever caused a step and is within the share; who is not came along for nothing.
    fn charge(&mut self, who: &Who<'_>, now: Duration) {
        let running = self.running(now);
        let budget = (self.rules.budget, who.vtpms);
        let window = self.window.take().map(|window| window.by).unwrap_or_default();
        for uuid in who.uuids.iter().chain(&window) {
            if self.shares.is_within(*uuid, budget, running) {
                self.shares.charge(*uuid, budget, running);
            }
        }
    }

    /// Whether saves without a step are to be closed off.
    fn is_window_over(&self, budget: &Budget, vtpms: usize, now: Duration) -> bool {
        let Some(window) = &self.window else { return false };
        let many = window.saves >= WINDOW_SAVES && self.mode == RollbackMode::Batched;
        let apart = now.saturating_sub(window.since) >= STEPS_APART;
        let (deadline, within) = (self.deadline(budget, vtpms, now), self.any_within(vtpms, now));
        let soon = many && apart && within && affords(budget);
        soon || deadline.is_some_and(|deadline| now >= deadline)
    }

    fn any_within(&self, vtpms: usize, now: Duration) -> bool {
        let by = self.window.iter().flat_map(|window| &window.by);
        by.copied().any(|uuid| self.is_within(uuid, vtpms, now))
    }

    fn deadline(&self, budget: &Budget, vtpms: usize, now: Duration) -> Option<Duration> {
        let within = self.any_within(vtpms, now);
        let since = self.window.as_ref()?.since;
        let batched = self.mode == RollbackMode::Batched;
        let first = if batched { WINDOW } else { Duration::ZERO };
        // A large budget does not make windows shorter than they are promised to be.
        let longest = Duration::from_secs(between(self.rules.budget)).max(first);
        let last = since.saturating_add(longest);
        if !within {
            return Some(last);
        }
        let until = affords_at(budget).saturating_sub(self.before);
        let affordable = self.began?.saturating_add(Duration::from_secs(until));
        let affordable = if affords(budget) { Duration::ZERO } else { affordable };
        Some(since.saturating_add(first).max(affordable).min(last))
    }

    /// When something is to be done even if nobody asks.
    pub(crate) fn next(&self, stored: &Fields, vtpms: usize, now: Duration) -> Option<Duration> {
        if !self.settled {
            return None;
        }
        let budget = self.budget(stored, now);
        let window = self.deadline(&budget, vtpms, now);
        let held = self.held_since.map(|since| since.saturating_add(HOLD));
        window.into_iter().chain(held).min()
    }

    /// How many steps a start takes before it serves.
    pub(crate) const fn steps_at_start(&self) -> u32 {
        match self.mode {
            RollbackMode::Off => 0,
            RollbackMode::Batched => 1,
            RollbackMode::Strict => 2,
        }
    }

    /// Says at a start what is promised, and whether the store ever went back.
    pub(crate) fn announce(&self, sequence: u64, accepted: &AcceptedBackup) {
        if accepted.times > 0 {
            log::warn!(
                "this store went back to an older copy by an administrator's word, {} times so far; \
                 last to commit {}, whose counter was {} (docs/rollback.md)",
                accepted.times,
                accepted.sequence,
                accepted.counter
            );
        }
        let limit = self.rules.budget;
        let minutes = between(limit).div_ceil(60);
        match self.mode {
            RollbackMode::Off => log::warn!(
                "old copies of this disk and of vTPMs' disks are not refused: there is no counter \
                 (docs/rollback.md)"
            ),
            RollbackMode::Batched => log::warn!(
                "old state is refused, batched, from commit {sequence} on: at most the last {} \
                 seconds or {WINDOW_SAVES} saves can be put back unseen, and {minutes} minutes once \
                 {limit} increments a day are used up (docs/rollback.md)",
                WINDOW.as_secs()
            ),
            RollbackMode::Strict => log::info!(
                "old state is refused, strict, from commit {sequence} on: each save advances the \
                 hardware TPM's counter; once {limit} increments a day are used up, saves of \
                 {minutes} minutes can be put back unseen (docs/rollback.md)"
            ),
        }
    }
}

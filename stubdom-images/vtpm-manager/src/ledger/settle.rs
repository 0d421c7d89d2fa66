//! What a start does before it serves: the store is judged by the hardware's counter, and both
//! advance. The same is done again after a failure left either of them unknown.

use super::commit::{Patience, Witnesses};
use super::{CommitFault, Ledger};
use crate::rollback::{CounterWord, Found, Kept, Plan, Verdict, Who, judge};
use crate::root::{CounterFault, CounterValue, RootError, RootKeeper};
use alloc::string::String;
use core::time::Duration;
use domain_io::BlockDevice;
use vtpm_custody::{CounterId, Former};
use vtpm_store::Uuid;
use vtpm_store::manager::{Fields, RollbackMode, StoreError};

/// What an administrator has said about the counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    /// Nothing but what the command line says.
    None,
    /// The store was just made in place of the one whose counter is there.
    Forget,
    /// The recovery key opened the store.
    Recovered {
        /// It was sealed to another TPM before, or to none.
        from_elsewhere: bool,
    },
}

impl Word {
    /// Whether no counter that was made before can go with the store any more.
    const fn begins_here(self) -> bool {
        matches!(self, Self::Forget | Self::Recovered { from_elsewhere: true })
    }
}

impl<D: BlockDevice> Ledger<D> {
    /// Judges the store and brings the counter forward.
    pub(crate) fn settle<K: RootKeeper>(
        &mut self,
        with: &mut Witnesses<'_, K>,
        word: Word,
    ) -> Result<(), CommitFault> {
        let store = self.store().map_err(CommitFault::Store)?;
        let (fields, sequence) = (store.fields(), store.sequence());
        self.guard.begin(&fields.budget, with.now);
        let kept = Kept { sequence, counter: fields.counter, id: fields.counter_id };
        let found = self.found(with)?;
        let verdict = self.verdict(kept, &found, (word, with.hardware.is_some()))?;
        match self.follow(with, word, (kept, verdict)) {
            Err(CommitFault::Lost(why)) => self.replace_stranger(with, (kept, verdict), why)?,
            followed => followed?,
        }
        self.guard.settle();
        Ok(())
    }

    fn follow<K: RootKeeper>(
        &mut self,
        with: &mut Witnesses<'_, K>,
        word: Word,
        (kept, verdict): (Kept, Verdict),
    ) -> Result<(), CommitFault> {
        match verdict {
            Verdict::Newest(says) => self.guard.has_read(says),
            Verdict::NeedsCounter if with.hardware.is_none() => self.go_without(with, word)?,
            Verdict::NeedsCounter
                if self.guard.mode() == RollbackMode::Off && !word.begins_here() => {}
            Verdict::NeedsCounter => self.make_counter(with, word)?,
            Verdict::Accepted(says) => {
                let says = match says {
                    Some(says) => says,
                    None => self.new_counter(with, Former::Remove)?,
                };
                self.accept(with, (kept, Some(kept)), says)?;
            }
        }
        self.bring_forward(with)
    }

    /// Reading a TPM 1.2's counter is not authenticated, so that it is another store's shows at the first
    /// increment, when a commit was written under its value already.
    fn replace_stranger<K: RootKeeper>(
        &mut self,
        with: &mut Witnesses<'_, K>,
        (kept, verdict): (Kept, Verdict),
        why: RootError,
    ) -> Result<(), CommitFault> {
        let is_accepted = matches!(verdict, Verdict::Accepted(_));
        if !is_accepted {
            let found = self.lost(with, why.0)?;
            if judge(kept, &found, self.guard.rules().accept).is_err() {
                let sequence = self.store().map_err(CommitFault::Store)?.sequence();
                let now = Kept { sequence, ..kept };
                return judge(now, &found, None).map(drop).map_err(CommitFault::Old);
            }
        }
        let says = self.new_counter(with, Former::Remove)?;
        self.accept(with, (kept, (!is_accepted).then_some(kept)), says)?;
        self.bring_forward(with)
    }

    /// The same after a failure, unless the last try was just now.
    pub(super) fn settle_again<K: RootKeeper>(
        &mut self,
        with: &mut Witnesses<'_, K>,
        patience: Patience,
    ) -> Result<(), CommitFault> {
        if self.guard.is_settled() {
            return Ok(());
        }
        if patience == Patience::AsPlanned
            && self.guard.is_resting(with.now)
            && let Some(fault) = &self.fault
        {
            return Err(fault.clone());
        }
        let settled = self.settle(with, Word::None);
        match &settled {
            Ok(()) => {
                log::warn!("store and counter are in order again after a failure");
                self.fault = None;
            }
            Err(fault) => {
                if self.fault.as_ref() != Some(fault) {
                    log::error!("nothing can be kept: {fault}");
                }
                self.fault = Some(fault.clone());
                self.guard.unsettle(with.now);
            }
        }
        settled
    }

    fn found<K: RootKeeper>(&mut self, with: &mut Witnesses<'_, K>) -> Result<Found, CommitFault> {
        let (secret, sealed) = self.kept_secret().map_err(CommitFault::Store)?;
        let (keeper, ground) = with.parts();
        match keeper.counter(ground, (&secret, &sealed)) {
            Ok(Some(says)) => Ok(Found::Says(says)),
            Ok(None) => Ok(Found::Never),
            Err(CounterFault::Lost(why)) => self.lost(with, why.0),
            Err(CounterFault::Failed(why)) => Err(CommitFault::Root(why)),
        }
    }

    /// What is there instead says something else once a counter was made in its place: that is what
    /// keeps a word from working twice.
    fn lost<K: RootKeeper>(
        &mut self,
        with: &mut Witnesses<'_, K>,
        why: String,
    ) -> Result<Found, CommitFault> {
        let (keeper, ground) = with.parts();
        let instead = keeper.leftover(ground).map_err(CommitFault::Root)?;
        let says = instead.and_then(|instead| instead.value);
        Ok(Found::Lost { why, says: says.map_or(CounterWord::None, CounterWord::Says) })
    }

    fn verdict(
        &self,
        kept: Kept,
        found: &Found,
        (word, has_hardware): (Word, bool),
    ) -> Result<Verdict, CommitFault> {
        let is_new_here = match word {
            // Without a TPM nothing can be judged; a recovery that was cut short is gone on with.
            Word::None => !has_hardware,
            Word::Forget => kept.counter == 0,
            Word::Recovered { from_elsewhere } => {
                let nothing =
                    matches!(found, Found::Never | Found::Lost { says: CounterWord::None, .. });
                from_elsewhere && nothing
            }
        };
        if is_new_here {
            return Ok(Verdict::NeedsCounter);
        }
        judge(kept, found, self.guard.rules().accept).map_err(CommitFault::Old)
    }

    /// There is no hardware to count: a store that a recovery brought here has no counter any more.
    fn go_without<K: RootKeeper>(
        &mut self,
        with: &mut Witnesses<'_, K>,
        word: Word,
    ) -> Result<(), CommitFault> {
        let stored = self.fields().map_err(CommitFault::Store)?;
        if stored.counter != 0 {
            let (counter, counter_id) = (0, CounterId::default());
            let fields = Fields { counter, counter_id, mode: RollbackMode::Off, ..stored };
            let store = self.store().map_err(CommitFault::Store)?;
            store.commit(with.entropy, &[], fields).map_err(CommitFault::Store)?;
        }
        if word.begins_here() {
            log::warn!(
                "there is no hardware TPM to count: what was put back before cannot be detected, \
                 nor can what is from now on (docs/rollback.md)"
            );
        }
        Ok(())
    }

    fn make_counter<K: RootKeeper>(
        &mut self,
        with: &mut Witnesses<'_, K>,
        word: Word,
    ) -> Result<(), CommitFault> {
        let former = if word == Word::Forget { Former::Remove } else { Former::Keep };
        let made = self.new_counter(with, former)?;
        let says = made.value;
        self.guard.has_read(made);
        self.write_once(&[], Plan::Open, with)?;
        match word {
            Word::Recovered { from_elsewhere: true } => log::warn!(
                "the hardware TPM has a new counter, which says {says}; what was put back before \
                 cannot be detected (docs/rollback.md)"
            ),
            _ => log::info!("the hardware TPM has a counter for this store now; it says {says}"),
        }
        Ok(())
    }

    fn new_counter<K: RootKeeper>(
        &mut self,
        with: &mut Witnesses<'_, K>,
        former: Former,
    ) -> Result<CounterValue, CommitFault> {
        let (secret, sealed) = self.kept_secret().map_err(CommitFault::Store)?;
        let (keeper, ground) = with.parts();
        let made = keeper.make_counter(ground, (&secret, &sealed), former);
        let (sealed, says) = made.map_err(CommitFault::Root)?;
        self.replace_sealed(&sealed).map_err(CommitFault::Store)?;
        Ok(says)
    }

    /// An older copy becomes the newest, and says so from its next commit on.
    fn accept<K: RootKeeper>(
        &mut self,
        with: &mut Witnesses<'_, K>,
        (kept, to_record): (Kept, Option<Kept>),
        says: CounterValue,
    ) -> Result<(), CommitFault> {
        self.guard.has_read(says);
        self.guard.accept(to_record);
        let plan = if self.guard.mode() == RollbackMode::Off { Plan::Open } else { Plan::Step };
        self.step(plan, with)?;
        log::warn!(
            "commit {} was put back by an administrator's word: it is the newest from now on; take \
             accept= out of extra=",
            kept.sequence
        );
        Ok(())
    }

    fn bring_forward<K: RootKeeper>(
        &mut self,
        with: &mut Witnesses<'_, K>,
    ) -> Result<(), CommitFault> {
        for _ in 0..self.guard.steps_at_start() {
            self.step(Plan::Step, with)?;
        }
        let Fields { counter, mode, .. } = self.fields().map_err(CommitFault::Store)?;
        if self.guard.mode() == RollbackMode::Off && counter > self.guard.says() {
            // A step that was cut short is finished, so that nothing is ahead.
            self.step(Plan::Step, with)?;
        }
        if self.guard.mode() == RollbackMode::Off && mode != RollbackMode::Off {
            self.step(Plan::Open, with)?;
        }
        Ok(())
    }

    fn step<K: RootKeeper>(
        &mut self,
        plan: Plan,
        with: &mut Witnesses<'_, K>,
    ) -> Result<(), CommitFault> {
        self.write_once(&[], plan, with)?;
        let nobody = Who { uuids: &[], domain_0: false, vtpms: with.vtpms };
        self.guard.kept(plan, &nobody, with.now);
        Ok(())
    }

    /// Whether a commit has anything to do.
    pub(super) fn is_anything_due(
        &mut self,
        vtpms: usize,
        now: Duration,
        patience: Patience,
    ) -> bool {
        if !self.pending.is_empty() || self.domain_0_waits {
            return true;
        }
        if !self.guard.is_settled() {
            let retries = self.guard.retry().is_some_and(|at| now >= at);
            // An end tries once more, whatever failed; a locked store has nothing to bring in order.
            let ends = patience == Patience::None && self.secret.is_some();
            return self.truth_is_wanted || retries || ends;
        }
        let Some(store) = &self.store else { return false };
        let due = self.guard.next(&store.fields(), vtpms, now);
        due.is_some_and(|due| now >= due || patience == Patience::None)
    }

    pub(super) fn plan<K>(
        &mut self,
        uuids: &[Uuid],
        with: &Witnesses<'_, K>,
        patience: Patience,
    ) -> Result<Plan, StoreError> {
        let stored = self.store()?.fields();
        if patience == Patience::None {
            let off = self.guard.mode() == RollbackMode::Off;
            return Ok(if off { Plan::Open } else { Plan::Step });
        }
        let who = Who { uuids, domain_0: self.domain_0_waits, vtpms: with.vtpms };
        Ok(self.guard.plan(&stored, &who, with.now))
    }

    /// When a commit is due even if nobody asks.
    pub(crate) fn next_deadline(&mut self, vtpms: usize, now: Duration) -> Option<Duration> {
        if let Some(retry) = self.guard.retry() {
            return Some(retry);
        }
        let fields = self.store.as_ref()?.fields();
        self.guard.next(&fields, vtpms, now)
    }

    /// Says what is promised.
    pub(crate) fn announce(&mut self) -> Result<(), StoreError> {
        let store = self.store()?;
        let (sequence, fields) = (store.sequence(), store.fields());
        self.guard.announce(sequence, &fields.accepted);
        Ok(())
    }
}

//! The order of everything that outlives a power cut: the writes and flushes of two disks, and the steps
//! of the hardware TPM's counter.

use domain_io::test_utils::{Trace, TracedDisk};
use flow_tests::Count;

/// What the machine is about at a place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    /// The manager makes its store, and the counter that goes with it.
    #[default]
    FirstStart,
    /// Manager and vTPM start; the guest has not asked for anything yet.
    Start,
    /// The guest works.
    Work,
}

/// A place in the order of all steps.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Place {
    /// How many steps the vTPM's disk and the manager's had done.
    pub(super) steps: (usize, usize),
    /// What the hardware remembers.
    pub(super) count: Count,
    pub(super) phase: Phase,
    /// The last of its changes that the guest knows to be made, and the last that it wanted.
    pub(super) acknowledged: Option<u64>,
    pub(super) wanted: Option<u64>,
}

/// All steps in one order. One domain runs at a time, so between two steps of the vTPM's disk stand
/// those that manager and hardware did meanwhile.
pub(super) struct Order {
    traces: (Trace, Trace),
    pub(super) places: Vec<Place>,
}

impl Order {
    /// Begins at this place, with disks whose traces begin there, too.
    pub(super) fn begin(disk: &TracedDisk, store: &TracedDisk, at: Place) -> Self {
        let traces = (disk.trace(), store.trace());
        Self { traces, places: vec![Place { steps: (0, 0), ..at }] }
    }

    /// Takes down what the disks did since the last call, and then a change of anything else.
    pub(super) fn note(&mut self, change: impl FnOnce(&mut Place)) {
        let mut place = *self.places.last().expect("a first place");
        let now = (self.traces.0.len(), self.traces.1.len());
        while place.steps.1 < now.1 {
            place.steps.1 += 1;
            self.places.push(place);
        }
        while place.steps.0 < now.0 {
            place.steps.0 += 1;
            self.places.push(place);
        }
        change(&mut place);
        if self.places.last() != Some(&place) {
            self.places.push(place);
        }
    }
}

/// What a disk holds after a cut: without and with all that was not flushed, and with a random half.
pub(super) struct Left {
    pub(super) disks: [TracedDisk; 3],
    unflushed: usize,
}

impl Left {
    /// The same choice by the number of the first that leaves the same.
    pub(super) fn distinct(&self, choice: usize) -> usize {
        match (self.unflushed, choice) {
            (0, _) => 0,
            (1, _) => choice.min(1),
            _ => choice,
        }
    }
}

/// What can be on a disk after a cut at each place of its trace.
pub(super) fn cuts(disk: &TracedDisk, mut random: u64) -> Vec<Left> {
    let mut cuts = Vec::new();
    disk.each_cut(|cut| {
        let mut choose = || {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (random >> 40).is_multiple_of(2)
        };
        let disks = [cut.disk(|_| false), cut.disk(|_| true), cut.disk(|_| choose())];
        cuts.push(Left { disks, unflushed: cut.pending() });
    });
    cuts
}

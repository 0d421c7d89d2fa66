//! Each vTPM's share of the budget, so that one that saves without end waits alone.

use super::budget::{drained, spent};
use alloc::collections::BTreeMap;
use vtpm_store::Uuid;
use vtpm_store::manager::Budget;

/// The most of the budget that one vTPM may use is one part in this many, however few there are.
const FEWEST_PARTS: u32 = 2;

/// What each vTPM has used. In memory only: no vTPM can restart the manager.
#[derive(Debug, Default)]
pub(crate) struct Shares {
    used: BTreeMap<Uuid, Budget>,
}

/// The share of one of `vtpms` vTPMs.
fn share(limit: u32, vtpms: usize) -> u32 {
    let parts = u32::try_from(vtpms).unwrap_or(u32::MAX).max(FEWEST_PARTS);
    (limit / parts).max(1)
}

impl Shares {
    /// Whether a vTPM may cause one more increment.
    pub(crate) fn is_within(&self, uuid: Uuid, (limit, vtpms): (u32, usize), running: u64) -> bool {
        let limit = share(limit, vtpms);
        self.used
            .get(&uuid)
            .is_none_or(|used| drained(Budget { limit, ..*used }, running).used < limit)
    }

    /// Notes that a vTPM has caused one.
    pub(crate) fn charge(&mut self, uuid: Uuid, (limit, vtpms): (u32, usize), running: u64) {
        let limit = share(limit, vtpms);
        self.used.retain(|_, used| {
            *used = drained(Budget { limit, ..*used }, running);
            used.used > 0
        });
        let used = self.used.entry(uuid).or_insert(Budget { running, used: 0, limit });
        *used = spent(*used);
    }
}

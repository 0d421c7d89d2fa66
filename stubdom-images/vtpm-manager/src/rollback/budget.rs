//! How many increments a day: a vessel that empties evenly and must not run over.

use vtpm_store::manager::Budget;

/// Seconds of a day.
const DAY: u64 = 86_400;

/// The use after time has passed, up to the second `running` of the manager's running time.
pub(crate) fn drained(budget: Budget, running: u64) -> Budget {
    let Budget { running: since, used, limit } = budget;
    let passed = running.saturating_sub(since);
    let gone = passed.saturating_mul(limit.into()) / DAY;
    let used = u64::from(used).saturating_sub(gone);
    if used == 0 {
        return Budget { running: running.max(since), used: 0, limit };
    }
    let until = since.saturating_add((gone.saturating_mul(DAY)).div_ceil(u64::from(limit.max(1))));
    Budget { running: until, used: u32::try_from(used).unwrap_or(u32::MAX), limit }
}

/// The use after one more increment.
pub(crate) const fn spent(budget: Budget) -> Budget {
    Budget { used: budget.used.saturating_add(1), ..budget }
}

/// Whether one more increment is within the limit.
pub(crate) const fn affords(budget: &Budget) -> bool {
    budget.used < budget.limit
}

/// When the next increment will be within the limit, in seconds of running time.
pub(crate) fn affords_at(budget: &Budget) -> u64 {
    let over = u64::from(budget.used).saturating_add(1).saturating_sub(budget.limit.into());
    budget.running.saturating_add((over.saturating_mul(DAY)).div_ceil(budget.limit.max(1).into()))
}

/// Seconds in which one increment is always affordable: how long saves may go without a step.
pub(crate) fn between(limit: u32) -> u64 {
    DAY.div_ceil(limit.max(1).into())
}

//! Waiting with a limit.

use crate::error::{HardwareError, Wait};
use core::time::Duration;
use domain_io::{Clock, Pause};

/// A clock, and a way to let time pass.
pub trait Time: Clock + Pause {}

impl<T: Clock + Pause> Time for T {}

/// The first pause between two looks at a register; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_micros(100);

/// The longest pause between two looks at a register.
const LONGEST_PAUSE: Duration = Duration::from_millis(5);

/// Looks again and again until there is a result, for at most `limit`; the last look comes after
/// the limit, so that a pause that took too long costs nothing. The pauses themselves are counted
/// too: a clock that stands still does not make this endless.
pub(crate) fn until<T: Time, R>(
    time: &T,
    limit: Duration,
    what: Wait,
    mut look: impl FnMut() -> Result<Option<R>, HardwareError>,
) -> Result<R, HardwareError> {
    let start = time.now();
    let (mut paused, mut pause) = (Duration::ZERO, FIRST_PAUSE);
    loop {
        let over = time.now().saturating_sub(start) >= limit || paused >= limit;
        if let Some(result) = look()? {
            return Ok(result);
        }
        if over {
            return Err(HardwareError::TimedOut { what, after: limit });
        }
        time.pause(pause);
        paused = paused.saturating_add(pause);
        pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
    }
}

/// The end of something that is made of several waits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline {
    end: Duration,
}

impl Deadline {
    pub(crate) fn after<T: Time>(time: &T, limit: Duration) -> Self {
        Self { end: time.now().saturating_add(limit) }
    }

    /// `limit`, or what is left when that is less.
    pub(crate) fn cut<T: Time>(&self, time: &T, limit: Duration) -> Duration {
        limit.min(self.end.saturating_sub(time.now()))
    }

    pub(crate) fn is_over<T: Time>(&self, time: &T) -> bool {
        time.now() >= self.end
    }
}

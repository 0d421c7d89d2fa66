//! Waiting until a domain has ended.
#![allow(unsafe_code, reason = "libxl's calls")]

use crate::context::Context;
use crate::domains::ShutdownReason;
use crate::error::Error;
use crate::layout::{
    DeathWatch, ERROR_BUFFERFULL, ERROR_NOT_READY, EVENT_DEATH, EVENT_SHUTDOWN, Event,
};
use libc::{pollfd, timeval};
use std::ffi::c_int;
use std::ptr;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How a domain ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It ended by itself and is still there; it wants to be destroyed.
    Shutdown(ShutdownReason),
    /// It is gone.
    Gone,
}

/// At most so long between two looks, in case an event is lost.
const LONGEST_POLL: Duration = Duration::from_secs(1);

/// Between two looks at a domain that is being taken apart, of whose end there is no further event.
const SHORT: Duration = Duration::from_millis(50);

impl Context {
    /// Waits until the domain has ended, woken by libxl's events; `None` when `limit` is over.
    ///
    /// # Errors
    /// As libxl says.
    pub fn wait_for_end(&self, domid: u32, limit: Duration) -> Result<Option<End>, Error> {
        let deadline = Instant::now() + limit;
        let _watch = Watched::new(self, domid)?;
        loop {
            if let Some(end) = self.look(domid)? {
                return Ok(Some(end));
            }
            while let Some(event) = self.next_event()? {
                // Of a domain that merely shut down the next look tells: this may be an old event.
                if event == (domid, EVENT_DEATH) {
                    return Ok(Some(End::Gone));
                }
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            self.poll(left.min(LONGEST_POLL))?;
        }
    }

    /// Waits until the domain is gone; `false` when `limit` is over.
    ///
    /// # Errors
    /// As libxl says.
    pub fn wait_for_gone(&self, domid: u32, limit: Duration) -> Result<bool, Error> {
        let deadline = Instant::now() + limit;
        while self.domain(domid)?.is_some() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(false);
            }
            std::thread::sleep(left.min(SHORT));
        }
        Ok(true)
    }

    fn look(&self, domid: u32) -> Result<Option<End>, Error> {
        Ok(match self.domain(domid)? {
            None => Some(End::Gone),
            Some(domain) if domain.dying => None,
            Some(domain) => domain.shutdown.map(End::Shutdown),
        })
    }

    /// The next event: whose and of which kind.
    fn next_event(&self) -> Result<Option<(u32, c_int)>, Error> {
        let mut event: *mut Event = ptr::null_mut();
        let kinds = (1 << EVENT_SHUTDOWN) | (1 << EVENT_DEATH);
        let xl = &self.library.xl;
        // SAFETY: without a predicate every event of these kinds is handed out.
        let code = unsafe {
            (xl.libxl_event_check)(
                self.ctx,
                &raw mut event,
                kinds,
                ptr::null_mut(),
                ptr::null_mut(),
            )
        };
        if code == ERROR_NOT_READY {
            return Ok(None);
        }
        self.checked("libxl_event_check", code)?;
        // SAFETY: an event was handed out; it is freed once and not used afterwards.
        unsafe {
            let found = ((*event).domid, (*event).kind);
            (xl.libxl_event_free)(self.ctx, event);
            Ok(Some(found))
        }
    }

    /// Sleeps until libxl has something to do, and lets it.
    fn poll(&self, longest: Duration) -> Result<(), Error> {
        let mut waits: Vec<pollfd> = Vec::new();
        let mut milliseconds = i32::try_from(longest.as_millis()).unwrap_or(i32::MAX);
        let xl = &self.library.xl;
        let count = loop {
            let mut count = i32::try_from(waits.len()).unwrap_or(i32::MAX);
            // SAFETY: `waits` has room for `count`; libxl says how many it wants when that is less.
            let code = unsafe {
                (xl.libxl_osevent_beforepoll)(
                    self.ctx,
                    &raw mut count,
                    waits.as_mut_ptr(),
                    &raw mut milliseconds,
                    now(),
                )
            };
            if code != ERROR_BUFFERFULL {
                self.checked("libxl_osevent_beforepoll", code)?;
                break count;
            }
            let wanted = usize::try_from(count).unwrap_or(0);
            waits.resize(wanted, pollfd { fd: -1, events: 0, revents: 0 });
        };
        let length = libc::nfds_t::try_from(count).unwrap_or(0);
        // SAFETY: `count` entries were filled in. A signal ends the sleep early, which does no harm.
        unsafe {
            libc::poll(waits.as_mut_ptr(), length, milliseconds);
            (xl.libxl_osevent_afterpoll)(self.ctx, count, waits.as_ptr(), now());
        }
        Ok(())
    }
}

fn now() -> timeval {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    timeval {
        tv_sec: i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
        tv_usec: since.subsec_micros().into(),
    }
}

/// Events of one domain's end, asked for until dropped.
struct Watched<'c> {
    context: &'c Context,
    watch: *mut DeathWatch,
}

impl<'c> Watched<'c> {
    fn new(context: &'c Context, domid: u32) -> Result<Self, Error> {
        let mut watch = ptr::null_mut();
        // SAFETY: the context is open and outlives the watch.
        let code = unsafe {
            (context.library.xl.libxl_evenable_domain_death)(context.ctx, domid, 0, &raw mut watch)
        };
        context.checked("libxl_evenable_domain_death", code)?;
        Ok(Self { context, watch })
    }
}

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        // SAFETY: made by evenable for this context, disabled once.
        unsafe {
            (self.context.library.xl.libxl_evdisable_domain_death)(self.context.ctx, self.watch);
        }
    }
}

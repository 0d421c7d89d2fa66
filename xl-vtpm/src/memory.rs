//! Memory for a new domain, taken from domain 0 where xl would take it. One at a time: what is free for one
//! is not free for two.
//!
//! xl excludes its own creators by its own lock, which cannot be taken here: the `xl create` that waits for
//! block-vtpm may hold it.

use crate::lock::{self, NotHeld};
use libxl_vtpm::plan::{NotStarted, Problem};
use std::time::Instant;
use xenlight_sys::{DomainConfig, Error};

/// A domain that is to be made.
pub(crate) trait Planned {
    /// Frees what it needs; `false` when domain 0 does not give it.
    fn free(&mut self) -> Result<bool, Error>;
    /// In KiB.
    fn needs(&mut self) -> Result<u64, Error>;
    /// Its number. It does not run yet.
    fn make(&mut self) -> Result<u32, Error>;
}

impl Planned for DomainConfig<'_> {
    fn free(&mut self) -> Result<bool, Error> {
        self.free_memory()
    }

    fn needs(&mut self) -> Result<u64, Error> {
        self.needed_memory_kib()
    }

    fn make(&mut self) -> Result<u32, Error> {
        self.create_paused()
    }
}

/// Makes a domain, of memory that is taken from domain 0 if it `takes` any; others who take it are waited for
/// until then.
pub(crate) fn create(
    domain: &mut impl Planned,
    takes: bool,
    until: Instant,
) -> Result<u32, NotStarted> {
    create_by(domain, takes, || lock::memory(until))
}

fn create_by<L>(
    domain: &mut impl Planned,
    takes: bool,
    lock: impl FnOnce() -> Result<L, NotHeld>,
) -> Result<u32, NotStarted> {
    let failed = |error: Error| NotStarted::Failed(error.into());
    if !takes {
        return domain.make().map_err(failed);
    }
    let _until_it_is_made = lock()?;
    if !domain.free().map_err(failed)? {
        let needed = domain.needs().map_err(failed)?;
        let why = format!(
            "domain 0 does not give the {needed} KiB that it needs; end a guest, or see by xl list what has the memory"
        );
        return Err(NotStarted::Failed(Problem(why)));
    }
    domain.make().map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    /// Domain 0 gives what is asked of it, and not what somebody has used meanwhile.
    struct Small<'h> {
        free: &'h AtomicU64,
        created: bool,
    }

    impl Planned for Small<'_> {
        fn free(&mut self) -> Result<bool, Error> {
            let lacking = 8u64.saturating_sub(self.free.load(Ordering::SeqCst));
            self.free.fetch_add(lacking, Ordering::SeqCst);
            Ok(true)
        }

        fn needs(&mut self) -> Result<u64, Error> {
            Ok(8)
        }

        fn make(&mut self) -> Result<u32, Error> {
            std::thread::sleep(Duration::from_millis(20));
            let used = |free: u64| free.checked_sub(8);
            self.created = self.free.fetch_update(Ordering::SeqCst, Ordering::SeqCst, used).is_ok();
            Ok(1)
        }
    }

    #[test]
    fn several_creators_do_not_count_on_the_same_memory() {
        let (free, folder) = (AtomicU64::new(0), Mutex::new(()));
        std::thread::scope(|scope| {
            let create = || {
                let mut domain = Small { free: &free, created: false };
                create_by(&mut domain, true, || Ok(folder.lock().unwrap())).unwrap();
                domain.created
            };
            let all: Vec<_> = (0..4).map(|_| scope.spawn(create)).collect();
            assert!(all.into_iter().all(|one| one.join().unwrap()));
        });
    }

    #[test]
    fn where_no_memory_is_taken_nobody_waits_for_anybody() {
        let free = AtomicU64::new(8);
        let mut domain = Small { free: &free, created: false };
        let busy = || Problem("busy".into());
        let never = || -> Result<(), NotHeld> { Err(NotHeld::Busy(busy())) };
        assert_eq!(create_by(&mut domain, false, never), Ok(1));
        assert_eq!(create_by(&mut domain, true, never), Err(NotStarted::Busy(busy())));
    }
}

//! The C functions. Nothing but the two libraries calls them.
//!
//! Their contracts are those of the standards that each file names; a function that is `unsafe`
//! here is so because C's caller has to keep that contract.
#![cfg_attr(
    not(target_os = "none"),
    allow(dead_code, reason = "on a host the functions exist for their tests")
)]

mod ctype;
mod entropy;
mod errno;
mod fatal;
mod format;
mod fortify;
mod heap;
mod jump;
mod number;
mod print;
mod refuse;
mod search;
mod sort;
mod string;
mod time;
mod variadic;

#[cfg(test)]
mod tests {
    //! The ground that tests stand on.

    use crate::{Hooks, install as install_hooks};
    use core::time::Duration;
    use std::cell::Cell;

    std::thread_local! {
        static ENTROPY_FAILS: Cell<bool> = const { Cell::new(false) };
    }

    fn entropy(into: &mut [u8]) -> bool {
        into.fill(7);
        !ENTROPY_FAILS.get()
    }

    fn die(reason: &str) -> ! {
        panic!("{reason}")
    }

    pub(super) fn install() {
        install_hooks(&Hooks {
            monotonic: || Duration::from_millis(5500),
            wall: || Duration::new(1_700_000_000, 123_456_789),
            entropy,
            print: |_| {},
            die,
        });
    }

    pub(super) fn fail_entropy_in_this_thread() {
        ENTROPY_FAILS.set(true);
    }
}

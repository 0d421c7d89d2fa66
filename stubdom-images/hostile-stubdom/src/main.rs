//! The image of a hostile guest, for the lab. Its command line: `seed=NUMBER`, `seconds=NUMBER`, and
//! `others=NUMBER,...`, the domains that ought to be out of its reach.
//!
//! It says `HOSTILE begins` and, when its time is over or it is asked to shut down, one line `HOSTILE ends`
//! with what it has done; then it ends by itself.
#![cfg_attr(target_os = "none", no_std, no_main)]
#![deny(unsafe_code)]

#[cfg(target_os = "none")]
extern crate alloc;

xen_guest::entry!(image::main);

#[cfg(target_os = "none")]
mod image {
    use alloc::rc::Rc;
    use core::cell::RefCell;
    use core::str::FromStr;
    use core::time::Duration;
    use domain_io::{Clock, DomainId, Xenstore};
    use hostile_stubdom::{Hostile, Rest, Target};
    use xen_guest::{CommandLine, Domain, DomainClock, Ending, Page, StoreConnection, Waiter};

    struct Time(DomainClock, Waiter);

    impl Clock for Time {
        fn now(&self) -> Duration {
            self.0.now()
        }
    }

    impl Rest for Time {
        fn rest(&mut self, time: Duration) {
            self.1.sleep(time);
        }
    }

    pub(crate) fn main(domain: Domain) -> Ending {
        let Domain { command_line, mut store, sharing, clock, waiter, .. } = domain;
        let Some(target) = target(&mut store, &command_line) else {
            log::error!("this domain has no vTPM device to attack");
            return Ending::Poweroff;
        };
        let seed = number(command_line.value("seed")).unwrap_or(1);
        let seconds = number(command_line.value("seconds")).unwrap_or(30);
        log::info!("HOSTILE begins: seed {seed}, {seconds} s, {target:?}");
        let store = Rc::new(RefCell::new(store));
        let mut hostile = Hostile::new(Rc::clone(&store), sharing, Page::revoke, target, seed);
        let mut time = Time(clock, waiter);
        let end = time.now() + Duration::from_secs(seconds);
        while time.now() < end && store.borrow_mut().shutdown_request().is_none() {
            hostile.act(&mut time);
        }
        hostile.leave();
        log::info!("HOSTILE ends: seed={seed} {}", hostile.tally());
        Ending::Poweroff
    }

    fn target(store: &mut StoreConnection, line: &CommandLine) -> Option<Target> {
        let own = DomainId(number(store.read("domid").ok().as_deref())?);
        let backend = DomainId(number(store.read("device/vtpm/0/backend-id").ok().as_deref())?);
        let others = line.value("others").unwrap_or("0").split(',');
        let others = others.filter_map(|text| number(Some(text)).map(DomainId)).collect();
        Some(Target { own, backend, others })
    }

    fn number<N: FromStr>(text: Option<&str>) -> Option<N> {
        text?.parse().ok()
    }
}

//! What is noted when, and what becomes of it.

use super::*;
use libxl_vtpm::watch::{Seen, View};
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::time::Instant;

/// A guest with a device; whoever acts here dies at this call, or one fails.
#[derive(Default)]
struct Guest {
    noted: Cell<bool>,
    backend: RefCell<Option<String>>,
    rested: Cell<bool>,
    /// Names of calls.
    fails: &'static str,
    dies: &'static str,
}

impl Guest {
    fn call(&self, name: &str) -> Result<(), Problem> {
        if self.dies == name {
            std::panic::resume_unwind(Box::new("killed"));
        }
        if self.fails.split(' ').any(|fails| fails == name) {
            Err(Problem(name.to_owned()))
        } else {
            Ok(())
        }
    }
}

impl Place for Guest {
    fn note(&self, _: &Moving) -> Result<(), Problem> {
        self.call("note")?;
        self.noted.set(true);
        Ok(())
    }

    fn forget(&self, _: &Moving) -> Result<(), Problem> {
        self.call("forget")?;
        self.noted.set(false);
        Ok(())
    }

    fn take(&self, _: &Wire) -> Result<(), Problem> {
        self.call("take")?;
        assert!(self.noted.get(), "before anything is taken");
        self.backend.replace(None);
        Ok(())
    }

    fn rest(&self) {
        let _ = self.call("rest");
        self.rested.set(true);
    }

    fn give(&self, _: &Moving, backend: u32) -> Result<(), Problem> {
        assert!(self.rested.get(), "the guest has noticed by then");
        self.call("give")?;
        self.backend.replace(Some(backend.to_string()));
        Ok(())
    }
}

fn moving() -> Moving {
    let uuid = "0f8e1a52-7c3d-4b69-9a10-5566778899aa".into();
    Moving { frontend: 7, uuid, name: "v".into(), vm: "/vm/g".into() }
}

fn wire(frontend: u32) -> Wire {
    Wire { frontend, devid: 0, backend: 3, uuid: moving().uuid }
}

fn guest() -> Guest {
    Guest { backend: RefCell::new(Some("3".into())), ..Guest::default() }
}

#[test]
fn the_new_device_has_the_domain_of_that_number_and_no_note_stays() {
    let guest = guest();
    exchange(&guest, &wire(7), &moving(), 9).unwrap();
    assert_eq!((guest.backend.take().as_deref(), guest.noted.get()), (Some("9"), false));
}

#[test]
fn a_guest_has_time_to_notice_also_where_a_service_goes_on_for_another() {
    let guest = Guest { noted: Cell::new(true), ..Guest::default() };
    give(&guest, &moving(), 9).unwrap();
    assert_eq!((guest.backend.take().as_deref(), guest.noted.get()), (Some("9"), false));
}

#[test]
fn the_first_failure_is_the_one_that_is_told() {
    let failing = Guest { fails: "give forget", ..guest() };
    let why = exchange(&failing, &wire(7), &moving(), 9).unwrap_err();
    assert!(why.0.starts_with("give; the guest has none now"), "{why}");
    let failing = Guest { fails: "forget", ..guest() };
    assert_eq!(exchange(&failing, &wire(7), &moving(), 9), Err(Problem("forget".into())));
}

#[test]
fn a_guest_without_its_device_is_noted_wherever_one_is_killed() {
    for dies in ["note", "take", "rest", "give", "forget"] {
        let guest = Guest { dies, ..guest() };
        let act = || exchange(&guest, &wire(7), &moving(), 9);
        assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(act)).is_err());
        assert!(guest.backend.borrow().is_some() || guest.noted.get(), "killed at {dies}");
    }
}

#[test]
fn one_that_does_not_get_it_is_told_how_to_and_no_note_stays() {
    for (fails, part) in [("take", "take"), ("give", "give; the guest has none now; to try again")]
    {
        let guest = Guest { fails, ..guest() };
        let why = exchange(&guest, &wire(7), &moving(), 9).unwrap_err();
        assert!(why.0.starts_with(part) && !guest.noted.get(), "{why}");
    }
}

#[test]
fn a_note_that_was_left_is_followed_while_its_guest_has_no_device() {
    let seen = |name: &str, ended| Seen { uuid: [1; 16], name: name.into(), ended, says: None };
    let look = |domains: &[(u32, &str)], wires: Vec<Wire>| Look {
        now: Instant::now(),
        domains: domains.iter().map(|(domid, name)| (*domid, seen(name, false))).collect::<View>(),
        wires,
        notes: Vec::new(),
        residents: BTreeSet::new(),
        is_rewiring: false,
    };
    let (vm, both) = (Some("/vm/g"), [(7, "g"), (9, "v")]);
    assert_eq!(next(&moving(), vm, &look(&both, vec![])), Next::Give(9));
    assert_eq!(next(&moving(), vm, &look(&both, vec![wire(8)])), Next::Give(9));
    assert_eq!(next(&moving(), vm, &look(&both, vec![wire(7)])), Next::Forget, "the old one");
    let new = Wire { backend: 9, ..wire(7) };
    assert_eq!(next(&moving(), vm, &look(&both, vec![new.clone()])), Next::Given(new));
    assert_eq!(next(&moving(), vm, &look(&both[..1], vec![])), Next::Wait);
    assert_eq!(next(&moving(), vm, &look(&both[1..], vec![])), Next::Forget);
    assert_eq!(next(&moving(), Some("/vm/h"), &look(&both, vec![])), Next::Forget);
    assert_eq!(next(&moving(), None, &look(&both, vec![])), Next::Forget);
}

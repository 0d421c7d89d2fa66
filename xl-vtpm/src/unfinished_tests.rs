use super::*;
use std::cell::RefCell;
use std::collections::BTreeMap;

/// A host whose notes and domains are known.
#[derive(Default)]
struct Known {
    notes: RefCell<Vec<Making>>,
    domains: BTreeMap<Uuid, (u32, bool)>,
    destroyed: RefCell<Vec<u32>>,
    kept: RefCell<Vec<(u32, Option<String>)>>,
    stubborn: bool,
}

impl Place for Known {
    fn notes(&self) -> Result<Vec<Making>, Problem> {
        Ok(self.notes.borrow().clone())
    }

    fn forget(&self, uuid: Uuid) -> Result<(), Problem> {
        self.notes.borrow_mut().retain(|making| making.uuid != uuid);
        Ok(())
    }

    fn find(&self, uuid: Uuid) -> Result<Option<(u32, bool)>, Problem> {
        Ok(self.domains.get(&uuid).copied())
    }

    fn destroy(&self, domid: u32) -> Result<(), Problem> {
        if self.stubborn {
            return Err(Problem("it is still there".into()));
        }
        self.destroyed.borrow_mut().push(domid);
        Ok(())
    }

    fn keep(&self, domid: u32, making: &Making) -> Result<(), Problem> {
        self.kept.borrow_mut().push((domid, making.guest.clone()));
        Ok(())
    }
}

fn making(number: u128, name: &str) -> Making {
    let uuid = Uuid::from_u128(number);
    Making { uuid, name: name.into(), role: Role::Vtpm, guest: Some("g1".into()) }
}

/// What was said; one note of `v`, whose domain is this.
fn cleared(domain: Option<(u32, bool)>) -> (Known, Vec<String>) {
    let mut known = Known::default();
    known.notes.borrow_mut().extend([making(1, "v"), making(2, "another")]);
    known.domains.extend(domain.map(|domain| (Uuid::from_u128(1), domain)));
    known.domains.insert(Uuid::from_u128(2), (9, true));
    let mut said = Vec::new();
    settle(&known, "v", &mut |line| said.push(line.to_owned())).unwrap();
    assert_eq!(known.notes.borrow().clone(), [making(2, "another")], "another's is left alone");
    (known, said)
}

#[test]
fn a_domain_that_never_ran_is_taken_away() {
    let (known, said) = cleared(Some((7, true)));
    assert_eq!(known.destroyed.into_inner(), [7]);
    assert!(known.kept.into_inner().is_empty());
    assert!(said[0].starts_with("v (domain 7) was half made"), "{said:?}");
}

#[test]
fn a_domain_that_runs_is_looked_after_as_if_nothing_had_happened() {
    let (known, said) = cleared(Some((7, false)));
    assert!(known.destroyed.into_inner().is_empty());
    assert_eq!(known.kept.into_inner(), [(7, Some("g1".into()))]);
    assert_eq!(said.len(), 1);
}

#[test]
fn of_one_that_is_not_there_only_the_note_goes() {
    let (known, said) = cleared(None);
    assert!(known.destroyed.into_inner().is_empty() && known.kept.into_inner().is_empty());
    assert!(said.is_empty());
}

#[test]
fn what_cannot_be_taken_away_is_tried_again_the_next_time() {
    let mut known = Known { stubborn: true, ..Known::default() };
    known.notes.borrow_mut().push(making(1, "v"));
    known.domains.insert(Uuid::from_u128(1), (7, true));
    assert!(settle(&known, "v", &mut |_| ()).is_err());
    assert_eq!(known.notes.into_inner().len(), 1);
}

#[test]
fn one_that_cannot_be_taken_away_keeps_nobody_from_the_next() {
    let mut known = Known { stubborn: true, ..Known::default() };
    known.notes.borrow_mut().extend([making(1, "v"), making(2, "w"), making(3, "x")]);
    known.domains.insert(Uuid::from_u128(1), (7, true));
    known.domains.insert(Uuid::from_u128(2), (8, false));
    let mut said = Vec::new();
    let lock = |name: &str| (name != "x").then_some(());
    settle_all(&known, lock, &mut |line| said.push(line.to_owned())).unwrap();
    assert!(said[0].starts_with("v was left half made, and cannot be seen to"), "{said:?}");
    assert!(said[1].starts_with("w (domain 8) runs"), "{said:?}");
    let left: Vec<_> = known.notes.into_inner().into_iter().map(|making| making.name).collect();
    assert_eq!(left, ["v", "x"], "what somebody is making now is left alone");
}

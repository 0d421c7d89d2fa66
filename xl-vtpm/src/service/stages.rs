//! In which order domains end: guests with a vTPM, then vTPMs, then managers. Told by who is wired to
//! whom, so it holds for domains that others have started, too.

use crate::wires::Wire;
use std::collections::BTreeSet;

type Domains = BTreeSet<u32>;

/// Domains by what they are to vTPMs. Domain 0 is none of them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Stages {
    pub(crate) guests: Domains,
    pub(crate) vtpms: Domains,
    pub(crate) managers: Domains,
}

/// Sorts domains. `managers` and `vtpms` are known to be such: a vTPM or a manager that nobody uses shows
/// by no wire what it is. Of `claimants` nobody knows it but themselves: they have the time of guests to end.
pub(crate) fn stages(
    wires: &[Wire],
    managers: &Domains,
    vtpms: &Domains,
    claimants: &Domains,
) -> Stages {
    let backends: Domains = wires.iter().map(|wire| wire.backend).collect();
    let behind = |wanted: &Domains| -> Domains {
        let serves = wires.iter().filter(|wire| wanted.contains(&wire.frontend));
        serves.map(|wire| wire.backend).collect()
    };
    let users = |wanted: &Domains| -> Domains {
        let uses = wires.iter().filter(|wire| wanted.contains(&wire.backend));
        uses.map(|wire| wire.frontend).collect()
    };
    // A manager is known, or it serves a domain that serves others or that is known for a vTPM.
    let serving: Domains = backends.union(vtpms).copied().collect();
    let mut managers: Domains = managers.union(&behind(&serving)).copied().collect();
    let mut vtpms: Domains = backends.union(vtpms).copied().chain(users(&managers)).collect();
    vtpms.retain(|domid| !managers.contains(domid));
    let mut guests: Domains = wires.iter().map(|wire| wire.frontend).collect();
    guests.extend(claimants);
    guests.retain(|domid| !vtpms.contains(domid) && !managers.contains(domid));
    for stage in [&mut guests, &mut vtpms, &mut managers] {
        stage.remove(&0);
    }
    Stages { guests, vtpms, managers }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wires(pairs: &[(u32, u32)]) -> Vec<Wire> {
        let wire = |&(frontend, backend)| Wire { frontend, devid: 0, backend, uuid: String::new() };
        pairs.iter().map(wire).collect()
    }

    fn sorted(pairs: &[(u32, u32)], managers: &[u32], vtpms: &[u32]) -> [Vec<u32>; 3] {
        let set = |domids: &[u32]| domids.iter().copied().collect();
        let found = stages(&wires(pairs), &set(managers), &set(vtpms), &set(&[]));
        [found.guests, found.vtpms, found.managers].map(|stage| stage.into_iter().collect())
    }

    #[test]
    fn wires_alone_tell_a_whole_chain() {
        assert_eq!(sorted(&[(3, 2), (2, 1)], &[], &[]), [vec![3], vec![2], vec![1]]);
    }

    #[test]
    fn a_vtpm_without_a_guest_is_known_by_its_manager_or_by_itself() {
        assert_eq!(sorted(&[(2, 1)], &[1], &[]), [vec![], vec![2], vec![1]]);
        assert_eq!(sorted(&[(2, 1)], &[], &[2]), [vec![], vec![2], vec![1]]);
        assert_eq!(sorted(&[], &[], &[2]), [vec![], vec![2], vec![]]);
    }

    #[test]
    fn a_guest_of_an_ephemeral_vtpm_is_a_guest() {
        assert_eq!(sorted(&[(3, 2)], &[], &[2]), [vec![3], vec![2], vec![]]);
        assert_eq!(sorted(&[(3, 2)], &[], &[]), [vec![3], vec![2], vec![]]);
    }

    #[test]
    fn a_guest_that_says_of_itself_to_be_a_vtpm_has_the_time_of_a_guest() {
        let set = |domids: &[u32]| domids.iter().copied().collect::<Domains>();
        // 3 is a guest of the vTPM 2, 5 has none, 4 is a vTPM that a guest uses: all three say that they are.
        let wires = wires(&[(3, 2), (2, 1), (6, 4)]);
        let found = stages(&wires, &set(&[]), &set(&[]), &set(&[3, 4, 5]));
        assert_eq!(found.guests, set(&[3, 5, 6]));
        assert_eq!((found.vtpms, found.managers), (set(&[2, 4]), set(&[1])));
    }

    #[test]
    fn domain_0_and_its_way_to_the_manager_end_nothing() {
        assert_eq!(sorted(&[(0, 1), (2, 1), (3, 2)], &[1], &[]), [vec![3], vec![2], vec![1]]);
    }

    #[test]
    fn a_manager_behind_another_vtpm_domain_does_not_end_before_its_vtpms() {
        // A manager whose hardware TPM is another TPM domain's (0141): 1 serves 2, 2 serves 3, 3 serves 4.
        let [guests, vtpms, managers] = sorted(&[(2, 1), (3, 2), (4, 3)], &[2], &[]);
        assert_eq!((guests, vtpms), (vec![4], vec![3]));
        assert_eq!(managers, [1, 2]);
    }
}

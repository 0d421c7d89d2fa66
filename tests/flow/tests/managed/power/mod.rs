//! The power goes under the whole chain: a guest's page, engine, keeper, the page to the real manager,
//! both disks at once, and the hardware TPM's counter.

mod changes;
mod life;
mod order;
mod tally;

use life::{Kind, Lived, live, restart};
use order::cuts;
use tally::Tally;
use tpm_wire::TpmVersion;

/// What is left of unflushed sectors on the two disks: none, all, or a random half of them.
const LEFT: [(usize, usize); 5] = [(0, 0), (1, 1), (2, 2), (0, 1), (1, 0)];

/// How many cuts of one life, spread over all of its steps and of what is left then; and of each how
/// manieth cut's restart how many again.
#[derive(Clone, Copy)]
struct Plan<'a> {
    cuts: usize,
    deeper: &'a [(usize, usize)],
}

/// Each place in a life at which the power can go, with each different choice of what is left.
fn possible(lived: &Lived, left: [&[order::Left]; 2]) -> Vec<(usize, usize, usize)> {
    let mut possible = Vec::new();
    for (number, place) in lived.places.iter().enumerate() {
        let (vtpm, manager) = (&left[0][place.steps.0], &left[1][place.steps.1]);
        let mut different: Vec<_> =
            LEFT.map(|(ours, theirs)| (vtpm.distinct(ours), manager.distinct(theirs))).into();
        different.sort_unstable();
        different.dedup();
        possible.extend(different.into_iter().map(|(ours, theirs)| (number, ours, theirs)));
    }
    possible
}

/// Cuts the power in a life.
fn cut(lived: &Lived, plan: Plan<'_>, depth: usize, tally: &mut Tally) {
    let (vtpm, manager) = (cuts(&lived.disk, 5), cuts(&lived.store, 6));
    let all = possible(lived, [&vtpm, &manager]);
    let number = plan.cuts.min(all.len());
    for done in 0..number {
        let (at, ours, theirs) = all[done * all.len() / number];
        let place = &lived.places[at];
        let (disk, store) =
            (&vtpm[place.steps.0].disks[ours], &manager[place.steps.1].disks[theirs]);
        let (restarted, was_told) = restart(lived.kind, disk, store, place);
        tally.cut(lived.kind, place.phase, depth, was_told);
        if let [(every, cuts), deeper @ ..] = plan.deeper
            && done % every == every / 2
        {
            cut(&restarted, Plan { cuts: *cuts, deeper }, depth + 1, tally);
        }
    }
}

/// A life of each kind. A TPM 1.2 makes an RSA key at each start to test itself, so it gets fewer cuts.
fn cut_lives(changes: u64, [plan_20, plan_12]: [Plan<'_>; 2], tally: &mut Tally) {
    for kind in Kind::ALL {
        let lived = live(kind, changes);
        tally.life(kind, 2 * changes);
        let plan = if kind.vtpm == TpmVersion::Tpm20 { plan_20 } else { plan_12 };
        cut(&lived, plan, 0, tally);
    }
}

#[test]
fn the_power_goes_under_both_disks_at_once_and_nothing_acknowledged_is_lost() {
    let mut tally = Tally::default();
    let plan_20 = Plan { cuts: 200, deeper: &[(20, 10), (5, 5)] };
    let plan_12 = Plan { cuts: 20, deeper: &[(10, 3), (3, 2)] };
    cut_lives(4, [plan_20, plan_12], &mut tally);
    println!("{tally}");
    assert!(tally.cuts() >= 1000, "only {} cuts", tally.cuts());
}

/// `./x powercut` says how many.
#[test]
#[ignore = "takes minutes: ./x powercut"]
fn the_power_goes_ten_thousand_times_and_nothing_acknowledged_is_lost() {
    let wanted = std::env::var("POWER_CUTS").map_or(10_000, |text| text.parse().expect("a number"));
    let (mut tally, mut changes) = (Tally::default(), 6);
    while tally.cuts() < wanted {
        let plan_20 = Plan { cuts: 1500, deeper: &[(25, 20), (10, 5)] };
        let plan_12 = Plan { cuts: 120, deeper: &[(12, 8), (4, 4)] };
        cut_lives(changes, [plan_20, plan_12], &mut tally);
        changes += 1;
    }
    println!("covered: {tally}");
}

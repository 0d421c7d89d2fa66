use super::budget::{affords, affords_at, between, drained, spent};
use super::shares::Shares;
use super::{
    AcceptWord, CounterWord, Found, Guard, Kept, OldStore, Plan, Rules, Verdict, Who, judge,
};
use crate::root::CounterValue;
use alloc::string::ToString;
use core::time::Duration;
use proptest::prelude::proptest;
use tpm_wire::TpmVersion;
use vtpm_store::Uuid;
use vtpm_store::manager::{Budget, Fields, RollbackMode};

const DAY: u64 = 86_400;

fn kept(counter: u64) -> Kept {
    Kept { sequence: 57, counter, id: [1; 16] }
}

fn says(value: u64) -> CounterValue {
    CounterValue { id: [1; 16], value }
}

#[test]
fn a_store_at_the_counter_or_one_above_is_the_newest() {
    for (counter, newest) in [(8, false), (9, false), (10, true), (11, true), (12, false)] {
        let verdict = judge(kept(counter), &Found::Says(says(10)), None);
        assert_eq!(verdict == Ok(Verdict::Newest(says(10))), newest, "{counter}: {verdict:?}");
    }
    let last = judge(kept(0), &Found::Says(says(u64::MAX)), None);
    assert!(matches!(last, Err(OldStore::Older { .. })), "nothing wraps around: {last:?}");
}

#[test]
fn the_value_of_another_counter_says_nothing() {
    let other = CounterValue { id: [2; 16], value: 10 };
    let verdict = judge(kept(10), &Found::Says(other), None);
    assert_eq!(verdict, Err(OldStore::OtherCounter { sequence: 57, says: 10 }));
    let word = AcceptWord::parse("57/10");
    assert_eq!(judge(kept(10), &Found::Says(other), word), Ok(Verdict::Accepted(Some(other))));
}

#[test]
fn only_a_store_that_never_counted_gets_a_first_counter() {
    assert_eq!(judge(kept(0), &Found::Never, None), Ok(Verdict::NeedsCounter));
    let mixed = judge(kept(5), &Found::Never, None);
    assert!(matches!(mixed, Err(OldStore::Lost { .. })), "{mixed:?}");
    let early = judge(kept(0), &Found::Says(says(3)), None);
    assert!(matches!(early, Err(OldStore::Older { .. })), "{early:?}");
}

#[test]
fn a_word_is_good_for_its_commit_under_its_counter_only() {
    let word = |text| AcceptWord::parse(text);
    let lost = Found::Lost { why: "gone".into(), says: CounterWord::None };
    assert_eq!(
        judge(kept(5), &Found::Says(says(9)), word("57/9")),
        Ok(Verdict::Accepted(Some(says(9))))
    );
    assert_eq!(judge(kept(5), &lost, word("57/none")), Ok(Verdict::Accepted(None)));
    let anew = Found::Lost { why: "made anew".into(), says: CounterWord::Says(12) };
    for (found, text) in [
        (&Found::Says(says(9)), "56/9"),
        (&Found::Says(says(11)), "57/9"),
        (&lost, "57/9"),
        (&anew, "57/none"),
    ] {
        assert!(judge(kept(5), found, word(text)).is_err(), "{text}");
    }
    assert_eq!(
        judge(kept(9), &Found::Says(says(9)), word("57/9")),
        Ok(Verdict::Newest(says(9))),
        "unneeded"
    );
}

#[test]
fn every_refusal_names_its_word_and_the_page() {
    let older = OldStore::Older { sequence: 57, counter: 5, says: 9 }.to_string();
    assert!(older.contains("by 4") && older.contains("accept=57/9 "), "{older}");
    let blank = OldStore::Blank { says: CounterWord::Says(12) }.to_string();
    assert!(blank.contains("forget=12 "), "{blank}");
    let mixed = judge(kept(5), &Found::Never, None).unwrap_err().to_string();
    assert!(mixed.contains("accept=57/none "), "{mixed}");
    for text in [&older, &blank, &mixed] {
        assert!(
            text.contains("(/etc/xen/vtpm/vtpmmgr.cfg), start it, and take the word out"),
            "{text}"
        );
    }
    for text in [older, blank, mixed, OldStore::StrictNeeds20.to_string()] {
        assert!(text.contains("docs/rollback.md"), "{text}");
    }
}

/// docs/formats/xenstore-data-vtpmmgr.md.
const LONGEST: usize = 400;

#[test]
fn every_refusal_fits_into_the_node_for_it() {
    let most = u64::MAX;
    for refusal in [
        OldStore::Older { sequence: most, counter: 0, says: most },
        OldStore::Ahead { sequence: most, counter: most, says: 1 },
        OldStore::OtherCounter { sequence: most, says: most },
        OldStore::Blank { says: CounterWord::Says(most) },
        judge(Kept { sequence: most, ..kept(5) }, &Found::Never, None).unwrap_err(),
    ] {
        let text = refusal.to_string();
        assert!(text.len() <= LONGEST, "{}: {text}", text.len());
    }
}

#[test]
fn words_that_name_nothing_are_none() {
    for text in ["", "57", "57/", "/9", "57/9/1", "-1/2", "none/9", "57/None"] {
        assert_eq!(AcceptWord::parse(text), None, "{text}");
    }
    assert_eq!(AcceptWord::parse("57/9").unwrap().to_string(), "57/9");
}

#[test]
fn the_mode_is_strict_with_a_tpm_20_and_batched_with_a_12() {
    let asked = |mode| Rules { mode, ..Rules::default() };
    let (one, two) = (Some(TpmVersion::Tpm12), Some(TpmVersion::Tpm20));
    assert_eq!(asked(None).mode_with(two), Ok(RollbackMode::Strict));
    assert_eq!(asked(None).mode_with(one), Ok(RollbackMode::Batched));
    assert_eq!(asked(None).mode_with(None), Ok(RollbackMode::Off));
    let strict = asked(Some(RollbackMode::Strict));
    assert_eq!(strict.mode_with(None), Err(OldStore::NeedsHardware));
    assert_eq!(strict.mode_with(one), Err(OldStore::StrictNeeds20));
    assert_eq!(asked(Some(RollbackMode::Batched)).mode_with(two), Ok(RollbackMode::Batched));
}

#[test]
fn the_usual_budget_is_ten_years_of_a_hundred_thousand_writes() {
    let limit = u64::from(super::USUAL_BUDGET);
    assert!((limit * 3650) <= 100_000 && (limit + 1) * 3650 > 100_000);
    assert_eq!(between(super::USUAL_BUDGET), 3200);
}

proptest! {
    /// Whatever is asked for and when: in any stretch of time no more than the limit at once and
    /// the limit a day.
    #[test]
    fn no_pattern_of_saves_exceeds_the_budget(
        limit in 1_u32..200,
        gaps in proptest::collection::vec(0_u64..20_000, 1..400),
    ) {
        let mut budget = Budget { running: 0, used: 0, limit };
        let (mut now, mut taken) = (0, 0_u64);
        for gap in gaps {
            now += gap;
            budget = drained(budget, now);
            if affords(&budget) {
                budget = spent(budget);
                taken += 1;
            } else {
                assert!(affords_at(&budget) > now);
                assert!(affords(&drained(budget, affords_at(&budget))));
            }
            assert!(taken <= u64::from(limit) + now * u64::from(limit) / DAY + 1);
        }
    }
}

/// The numbers of a store whose last commit was this one.
fn stored(budget: Budget) -> Fields {
    Fields { budget, ..Fields::default() }
}

proptest! {
    /// Whatever vTPMs save and when, alone or together, in both modes, over days: the steps that the
    /// guard plans are no more than the limit at once and the limit a day.
    #[test]
    fn no_guests_together_exceed_the_budget(
        limit in 1_u32..60,
        batched in proptest::bool::ANY,
        saves in proptest::collection::vec((0_u8..6, 0_u64..4_000_000), 1..300),
    ) {
        let mode = if batched { RollbackMode::Batched } else { RollbackMode::Strict };
        let mut guard = Guard::new(Rules { budget: limit, ..Rules::default() }, mode);
        let mut fields = stored(Budget { running: 0, used: 0, limit });
        guard.begin(&fields.budget, Duration::ZERO);
        guard.settle();
        let (mut now, mut steps) = (Duration::ZERO, 0_u64);
        let mut turn = |guard: &mut Guard, uuids: &[Uuid], now: Duration| {
            let who = Who { uuids, domain_0: false, vtpms: 6 };
            let plan = guard.plan(&fields, &who, now);
            if plan == Plan::Hold {
                return false;
            }
            fields = guard.fields(fields, plan, now);
            guard.kept(plan, &who, now);
            steps += u64::from(plan == Plan::Step);
            let allowed = u64::from(limit) + now.as_secs() * u64::from(limit) / DAY + 1;
            assert!(steps <= allowed, "{steps} of {allowed}");
            true
        };
        for (number, gap) in saves {
            now += Duration::from_millis(gap);
            // Windows are closed off when they are due, with or without a save.
            turn(&mut guard, &[], now);
            let uuids = [Uuid([number; 16]), Uuid([0; 16])];
            let uuids = if number == 0 { &uuids[..1] } else { &uuids[..] };
            if !turn(&mut guard, uuids, now) {
                now += super::guard::HOLD;
                assert!(turn(&mut guard, uuids, now), "nobody is held for longer");
            }
        }
    }
}

#[test]
fn a_share_is_a_half_at_most_and_never_nothing() {
    let (one, other) = (Uuid([1; 16]), Uuid([2; 16]));
    let mut shares = Shares::default();
    let budget = (27, 1);
    for _ in 0..13 {
        assert!(shares.is_within(one, budget, 0));
        shares.charge(one, budget, 0);
    }
    assert!(!shares.is_within(one, budget, 0), "half of 27");
    assert!(shares.is_within(other, budget, 0), "others have theirs");
    assert!(shares.is_within(one, budget, DAY / 13 + 1), "it comes back with time");
    assert!(shares.is_within(other, (27, 500), 0), "one at least");
}

//! Devices that lie: never a hang, never a panic, always a result within a bounded time.

mod support;

use core::time::Duration;
use domain_io::Clock;
use domain_io::test_utils::FakeClock;
use proptest::prelude::*;
use support::{BASE, command, crb_model, echo, tis_model};
use tpm_hw::test_utils::{Flaky, Liar, bus};
use tpm_hw::{Crb, HardwareArguments, HardwareTpm, Locality, Mmio, Tis, detect};

/// An execution limit, two transfers, and every interface time-out a few times.
const BOUND: Duration = Duration::from_secs(120 + 2 * 10 + 60);

/// Register contents: plausible ones most of the time, since noise alone gets nowhere.
fn word() -> impl Strategy<Value = u32> {
    prop_oneof![
        8 => prop::sample::select(vec![
            0xA0, 0x80, 0xC0, 0x88, 0x90, 0x98, 0x82, 0x4080, 0x0190, 0x0188, 0x0100_0080,
        ]),
        3 => prop::sample::select(vec![0, 1, 2, 3, 0xFE, 0xF80, 0xFED4_0080]),
        1 => Just(u32::MAX),
        1 => any::<u32>(),
    ]
}

/// Mostly a clean line.
fn flips() -> impl Strategy<Value = u32> {
    prop_oneof![40 => Just(0), 1 => any::<u32>(), 2 => (0..32_u32).prop_map(|bit| 1 << bit)]
}

fn use_thrice(tpm: &mut dyn HardwareTpm, clock: &FakeClock) -> Result<(), TestCaseError> {
    for length in [12, 300, 12] {
        let before = clock.now();
        if let Ok(response) = tpm.transmit(&command(length)) {
            prop_assert!((10..=4096).contains(&response.len()));
        }
        prop_assert!(clock.now() - before < BOUND, "{:?}", clock.now() - before);
    }
    Ok(())
}

fn drive_both<M: Mmio + Clone>(mmio: M, clock: FakeClock) -> Result<(), TestCaseError> {
    let window = bus(BASE, mmio.clone());
    if let Ok(mut tis) = Tis::open(window, BASE, Locality::ZERO, clock.clone()) {
        use_thrice(&mut tis, &clock)?;
    }
    if let Ok(mut crb) = Crb::open(bus(BASE, mmio), BASE, Locality::ZERO, clock.clone()) {
        use_thrice(&mut crb, &clock)?;
    }
    prop_assert!(clock.now() < BOUND * 6);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn arbitrary_registers(script in prop::collection::vec(word(), 1..40)) {
        drive_both(Liar::new(script, 0x5000), FakeClock::default())?;
    }

    #[test]
    fn a_fifo_behind_a_bad_line(script in prop::collection::vec(flips(), 1..600)) {
        let (model, clock) = tis_model();
        let window = bus(BASE, Flaky::new(model, script));
        if let Ok(mut tis) = Tis::open(window, BASE, Locality::ZERO, clock.clone()) {
            use_thrice(&mut tis, &clock)?;
        }
    }

    #[test]
    fn a_crb_behind_a_bad_line(script in prop::collection::vec(flips(), 1..600)) {
        let (model, clock) = crb_model();
        let window = bus(BASE, Flaky::new(model, script));
        if let Ok(mut crb) = Crb::open(window, BASE, Locality::ZERO, clock.clone()) {
            use_thrice(&mut crb, &clock)?;
        }
    }

    #[test]
    fn detection_of_a_liar(script in prop::collection::vec(word(), 1..40)) {
        let clock = FakeClock::default();
        let window = bus(BASE, Liar::new(script, 0x5000));
        let _ = detect(window, &HardwareArguments::default(), clock.clone());
        prop_assert!(clock.now() < BOUND);
    }
}

/// A clock that stands still must not turn a wait into a hang.
#[test]
fn a_clock_that_stands_still_ends_every_wait() {
    #[derive(Clone)]
    struct Still;
    impl Clock for Still {
        fn now(&self) -> Duration {
            Duration::ZERO
        }
    }
    impl domain_io::Pause for Still {
        fn pause(&self, _: Duration) {}
    }
    let model = tpm_hw::test_utils::TisModel::new(Still, echo());
    let mut tis = Tis::open(bus(BASE, model.clone()), BASE, Locality::ZERO, Still).unwrap();
    model.misbehave(|faults| faults.never_ends = true);
    assert!(tis.transmit(&command(12)).is_err());
}

//! Any backend at all: nothing panics, nothing leaks, and a good one is used afterwards.

use super::*;
use core::time::Duration;
use domain_io::Xenstore;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
    State(u8),
    Poke(u16, u8),
    Submit,
    Cancel,
    Close,
    Reopen,
    Pass(u16),
    Feature(u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => (0u8..9).prop_map(Step::State),
        4 => (0u16..16, any::<u8>()).prop_map(|(at, byte)| Step::Poke(at, byte)),
        4 => Just(Step::Submit),
        1 => Just(Step::Cancel),
        1 => Just(Step::Close),
        1 => Just(Step::Reopen),
        2 => (1u16..40_000).prop_map(Step::Pass),
        1 => (0u8..2).prop_map(Step::Feature),
    ]
}

fn apply(host: &mut Played, step: &Step) {
    match step {
        Step::State(state) => host.set(0, "state", &alloc::format!("{state}")),
        Step::Feature(value) => host.set(0, "feature-protocol-v2", &alloc::format!("{value}")),
        Step::Poke(at, byte) => {
            let grant = host.get(0, "ring-ref").and_then(|text| text.parse().ok());
            let frame = grant.and_then(|g| host.world.frame(FRONT, domain_io::GrantRef(g)));
            if let Some(frame) = frame {
                frame.poke((*at).into(), &[*byte]);
            }
        }
        Step::Submit => drop(host.frontend.submit(0, &packet(12)).is_ok()),
        Step::Cancel => host.frontend.cancel(),
        Step::Close => host.frontend.close(&mut host.store).unwrap(),
        Step::Reopen => host.frontend.reopen(),
        Step::Pass(milliseconds) => drop(host.pass(Duration::from_millis((*milliseconds).into()))),
    }
    host.turn();
}

proptest! {
    #[test]
    fn any_backend_can_be_left_for_a_good_one(
        steps in proptest::collection::vec(step(), 1..40),
    ) {
        let mut host = Played::new();
        host.attach(0);
        for step in &steps {
            apply(&mut host, step);
            prop_assert!(host.world.grants(FRONT) <= 1);
            prop_assert!(host.world.ports(FRONT).len() <= 1);
        }
        host.libxl.store.remove(&Played::id(0).frontend_dir()).unwrap();
        host.turn();
        prop_assert_eq!(host.world.grants(FRONT), 0);
        host.connect(1);
    }
}

//! Any sequence of steps, by anybody, ends in a state that can be left and leaks nothing.

use super::*;
use alloc::vec;
use core::time::Duration;
use domain_io::{DomainId, Xenstore};
use proptest::prelude::*;
use tpmif::peers::{RawFrontend, Waiting};

#[derive(Clone, Debug)]
enum Step {
    State(u8),
    PublishRing,
    FreeRing,
    Poke(u16, u8),
    Submit(u16),
    Notify,
    Unset(u8),
    BadNode(u8, u32),
    Pass(u16),
    RemoveFrontend,
    Online0,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0u8..9).prop_map(Step::State),
        3 => Just(Step::PublishRing),
        1 => Just(Step::FreeRing),
        3 => (0u16..16, any::<u8>()).prop_map(|(at, byte)| Step::Poke(at, byte)),
        4 => (10u16..4088).prop_map(Step::Submit),
        3 => Just(Step::Notify),
        1 => (0u8..3).prop_map(Step::Unset),
        1 => (0u8..3, any::<u32>()).prop_map(|(node, value)| Step::BadNode(node, value)),
        4 => (1u16..3000).prop_map(Step::Pass),
        1 => Just(Step::RemoveFrontend),
        1 => Just(Step::Online0),
    ]
}

const NODES: [&str; 3] = ["ring-ref", "event-channel", "feature-protocol-v2"];

fn apply(host: &mut Host, front: &mut RawFrontend, step: &Step) {
    let gone = host.libxl.store.read(&front.id.frontend_dir()).is_err();
    match step {
        _ if gone => host.run(Duration::from_millis(50)),
        Step::State(state) => front.set("state", &alloc::format!("{state}")),
        Step::PublishRing => {
            front.free_ring();
            front.publish_ring();
            front.set("feature-protocol-v2", "1");
        }
        Step::FreeRing => front.free_ring(),
        Step::Poke(at, byte) if front.has_ring() => front.page().poke((*at).into(), &[*byte]),
        Step::Submit(length) if front.has_ring() => front.submit(&command((*length).into())),
        Step::Notify => front.notify(),
        Step::Unset(node) => front.unset(NODES[usize::from(*node)]),
        Step::BadNode(node, value) => {
            front.set(NODES[usize::from(*node)], &alloc::format!("{value}"));
        }
        Step::Pass(milliseconds) => host.run(Duration::from_millis((*milliseconds).into())),
        Step::RemoveFrontend => {
            let _ = host.libxl.store.remove(&front.id.frontend_dir());
        }
        Step::Online0 => {
            let _wait = host.libxl.detach(BACK, front.id);
        }
        Step::Poke(..) | Step::Submit(_) => {}
    }
    host.turn();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn any_sequence_leaves_others_served_and_can_be_cleaned_up(
        steps in proptest::collection::vec(step(), 1..40),
        refused in any::<bool>(),
    ) {
        let mut host = Host::new(4);
        let mut good = host.connected_linux(id(4, 0));
        if refused {
            host.refused.push(DomainId(5));
            host.world.add_domain(DomainId(5));
            let _wait = host.libxl.attach(BACK, id(5, 0));
            host.tick();
        } else {
            host.attach(id(5, 0));
        }
        let mut front = RawFrontend::new(&host.world, BACK, id(5, 0));
        for step in &steps {
            apply(&mut host, &mut front, step);
            prop_assert!(host.world.mappings(BACK) <= 2);
            prop_assert!(host.world.ports(BACK).len() <= 2);
        }
        prop_assert!(good.send(&command(40)));
        host.tick();
        prop_assert_eq!(good.receive(), tpmif::peers::Sent::Answer(command(40)));

        host.world.destroy_domain(DomainId(5));
        let mut wait = host.libxl.destroy(BACK, id(5, 0));
        let ended = host.until(&mut wait);
        prop_assert!(matches!(ended.0, Waiting::Reached | Waiting::Vanished), "{ended:?}");
        prop_assert!(ended.1 < Duration::from_secs(2));
        host.run(Duration::from_secs(2));
        prop_assert_eq!(host.world.mappings(BACK), 1);
        prop_assert_eq!(host.world.ports(BACK).len(), 1);
        prop_assert!(host.own_node(id(5, 0), "state").is_none());
    }
}

//! Frontends that mean harm.

use super::*;
use crate::Reason;
use core::time::Duration;
use domain_io::test_utils::Permissions;
use domain_io::{DomainId, Xenstore};

#[test]
fn a_frontend_that_hides_its_nodes_is_dropped() {
    let mut host = Host::new(1);
    let mut front = host.connected_raw(id(5, 0));
    let hidden = Permissions::owned(DomainId(5));
    for path in ["/local/domain/5/device/vtpm/0/state", "/local/domain/5/device/vtpm/0"] {
        front.store.set_permissions(path, hidden.clone()).unwrap();
    }
    host.run(Duration::from_secs(60));
    assert!(host.notes.contains(&Note::Disconnected(id(5, 0), Reason::FrontendGone)));
    assert_eq!(host.world.mappings(BACK), 0);
}

#[test]
fn nonsense_in_the_state_node_changes_nothing() {
    let mut host = Host::new(1);
    let mut front = host.connected_raw(id(5, 0));
    for state in ["", "0", "9", "44", "4 ", "-4", "Connected"] {
        front.set("state", state);
        host.tick();
        assert_eq!(front.backend_state(), "4", "{state:?}");
    }
    front.submit(&command(10));
    host.tick();
    assert_eq!(front.page_state(), 2);
}

#[test]
fn a_page_that_changes_between_reads_gives_commands_that_agree_with_themselves() {
    let mut host = Host::new(1);
    let mut front = host.connected_raw(id(5, 0));
    let mut random = 1_u32;
    front.page().after_each_read(move |_, _, bytes| {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let [place, value, whether, _] = random.to_be_bytes();
        if whether < 0x40 {
            bytes[usize::from(place % 16)] = value;
        }
    });
    for _ in 0..200 {
        front.submit(&command(64));
        host.tick();
        if front.backend_state() == "6" {
            front.set("state", "6");
            host.run(Duration::from_secs(2));
            front.set("state", "4");
            host.run(Duration::from_secs(2));
        }
    }
    let commands = host.notes.iter().filter_map(|note| match note {
        Note::Command(_, _, bytes) => Some(bytes),
        _ => None,
    });
    for bytes in commands.clone() {
        let size = u32::from_be_bytes(bytes[2..6].try_into().unwrap());
        assert_eq!(usize::try_from(size).unwrap(), bytes.len());
    }
    let number = commands.count();
    assert!((10..200).contains(&number), "{number} of 200 were commands, the others were not");
}

#[test]
fn a_flood_of_cancels_is_answered_one_per_turn() {
    let mut host = Host::new(2);
    let front = host.connected_raw(id(4, 0));
    let mut good = host.connected_linux(id(5, 0));
    for _ in 0..100 {
        front.page().poke(4, &[3]);
        front.notify();
        assert!(good.send(&command(12)));
        host.tick();
        assert_eq!(good.receive(), tpmif::peers::Sent::Answer(command(12)));
        assert_eq!(front.page_state(), 0);
    }
}

#[test]
fn a_frontend_that_frees_its_page_while_connected_harms_only_itself() {
    let mut host = Host::new(2);
    let mut good = host.connected_linux(id(4, 0));
    let mut bad = host.connected_raw(id(5, 0));
    bad.free_ring();
    host.world.destroy_domain(DomainId(5));
    assert!(good.send(&command(12)));
    host.tick();
    assert_eq!(good.receive(), tpmif::peers::Sent::Answer(command(12)));
}

#[test]
fn more_pages_than_there_are_windows_for_close_the_device_that_came_last() {
    let mut host = Host::new(2);
    host.world.limit_mappings(BACK, 1);
    let _first = host.connected_linux(id(4, 0));
    let mut second = host.linux(id(5, 0));
    second.probe(&command(22));
    host.run(Duration::from_secs(2));
    assert_eq!(second.raw.backend_state(), "6");
    assert!(host.message(id(5, 0)).unwrap().contains("no room"));
    host.store.list("backend/vtpm").unwrap();
}

#[test]
fn a_path_of_any_length_and_form_in_a_watch_event_is_harmless() {
    let mut host = Host::new(1);
    let mut front = host.connected_linux(id(5, 0));
    let long = "9".repeat(3000);
    for path in [
        alloc::format!("backend/vtpm/{long}/{long}"),
        alloc::format!("/local/domain/{long}/device/vtpm/{long}/state"),
        alloc::format!("backend/vtpm/5/0/{long}"),
        "backend/vtpm/5/".into(),
        "backend/vtpm//0".into(),
        "/local/domain/5/device/vtpm/".into(),
        "".into(),
        "\u{fffd}\u{fffd}".into(),
    ] {
        for token in ["tpmback-devices", "tpmback-frontends"] {
            let event = domain_io::WatchEvent { path: path.clone(), token: token.into() };
            assert!(host.backend.notice(&event));
        }
        host.tick();
    }
    assert!(front.send(&command(12)));
    host.tick();
    assert_eq!(front.receive(), tpmif::peers::Sent::Answer(command(12)));
}

#[test]
fn lines_in_the_log_are_counted_against_the_frontend_that_causes_them() {
    let lines = super::lines::count(|| {
        let mut host = Host::new(1);
        let mut front = host.connected_raw(id(5, 0));
        for _ in 0..2000 {
            front.page().poke(4, &[99]);
            front.notify();
            host.tick();
            for state in ["6", "4"] {
                front.set("state", state);
                host.tick();
            }
        }
        assert!(host.notes.len() > 20, "it did connect and lie many times");
    });
    assert!((5..=30).contains(&lines), "{lines} lines in half a minute");
}

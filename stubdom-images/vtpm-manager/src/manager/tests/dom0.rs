//! What domain 0 commands.

use super::{manager, parts, uuid};
use crate::manager::Reply;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;
use tpm_wire::manager::{
    Command, Force, Kept, List, PolicyCommand, PolicyReport, Request, Show, Stats, StatusReport,
    policy_request,
};
use tpm_wire::tpm12::Property;
use tpm_wire::{TpmVersion, tpm12};

fn get_property(property: Property) -> Vec<u8> {
    tpm12::get_capability(tpm12::Capability::PROPERTY, &property.0.to_be_bytes())
}

fn new(number: u16) -> Command {
    Command::New { uuid: uuid(number).0, version: TpmVersion::Tpm20, group: 0 }
}

#[test]
fn a_list_goes_on_where_it_ended() {
    let mut manager = manager("hwtpm=none");
    for number in 1..=10 {
        assert_eq!(manager.dom0(new(number)).0, 0);
    }
    assert_eq!(manager.dom0(new(3)).0, 3, "there is one already");
    let mut after = None;
    let mut found = Vec::new();
    loop {
        let list = List::of_answer(&manager.ask(0, &Command::List { after, most: 4 }.packet()));
        let list = list.unwrap();
        found.extend(list.entries.iter().map(|entry| entry.uuid));
        after = found.last().copied();
        if !list.more {
            break;
        }
    }
    assert_eq!(found, (1..=10).map(|number| uuid(number).0).collect::<Vec<_>>());
}

#[test]
fn a_vtpm_is_shown_without_its_key() {
    let mut manager = manager("hwtpm=none");
    manager.attach(4);
    let body: [u8; 52] = core::array::from_fn(|at| if at < 20 { 0xAA } else { 0x5E });
    assert_eq!(manager.vtpm(4, Request::Save(&body)).0, 0);
    let packet = manager.ask(0, &Command::Show(uuid(4).0).packet());
    let show = Show::of_answer(&packet).unwrap();
    assert_eq!((show.hash, show.entry.domain, show.entry.generation), ([0xAA; 20], Some(4), 1));
    assert!(!packet.contains(&0x5E), "no byte of the key leaves the manager");
}

#[test]
fn saved_state_is_deleted_only_when_that_is_meant() {
    let mut manager = manager("hwtpm=none");
    manager.attach(4);
    assert_eq!(manager.vtpm(4, Request::Save(&[1; 64])).0, 0);
    let delete = |force| Command::Delete { uuid: uuid(4).0, force };
    let (status, sentence) = manager.dom0(delete(Force::Yes));
    assert_eq!(status, 7);
    assert!(String::from_utf8(sentence).unwrap().contains("in use"));
    manager.gone(super::device(4));
    assert_eq!(manager.dom0(delete(Force::No)).0, 7);
    assert_eq!(manager.dom0(delete(Force::Yes)).0, 0);
    assert_eq!(manager.dom0(delete(Force::Yes)).0, 3, "it is gone");
    manager.attach(4);
    assert_eq!(manager.vtpm(4, Request::Load).0, 3);
}

#[test]
fn a_deleted_vtpm_is_gone_after_a_restart() {
    let disk = super::blank();
    let (mut manager, _) = super::open_with(disk.clone(), "hwtpm=none").unwrap();
    for number in [3, 4] {
        assert_eq!(manager.dom0(new(number)).0, 0);
    }
    assert_eq!(manager.dom0(Command::Delete { uuid: uuid(3).0, force: Force::No }).0, 0);
    drop(manager);
    let (mut manager, _) = super::open_with(disk, "hwtpm=none").unwrap();
    let packet = Command::List { after: None, most: 9 }.packet();
    let list = List::of_answer(&manager.ask(0, &packet)).unwrap();
    assert_eq!(list.entries.iter().map(|entry| entry.uuid).collect::<Vec<_>>(), [uuid(4).0]);
}

#[test]
fn a_disabled_vtpm_is_kept_and_not_served() {
    let mut manager = manager("hwtpm=none");
    manager.attach(4);
    assert_eq!(manager.vtpm(4, Request::Save(&[1; 64])).0, 0);
    let enable = |enabled| Command::Enable { uuid: uuid(4).0, enabled };
    assert_eq!(manager.dom0(enable(false)).0, 0);
    assert_eq!(manager.vtpm(4, Request::Load).0, 7);
    assert_eq!(manager.vtpm(4, Request::Save(&[2; 64])).0, 7);
    assert_eq!(manager.dom0(enable(true)).0, 0);
    assert_eq!(manager.vtpm(4, Request::Load).1, [1; 64]);
}

#[test]
fn an_older_state_is_accepted_once_and_that_is_remembered() {
    let mut manager = manager("hwtpm=none");
    let accept = |generation| Command::Accept { uuid: uuid(4).0, generation };
    assert_eq!(manager.dom0(accept(Some(1))).0, 3, "there is no such vTPM");
    manager.attach(4);
    assert_eq!(manager.vtpm(4, Request::Save(&[1; 64])).0, 0);
    assert_eq!(manager.vtpm(4, Request::Save(&[2; 64])).0, 0);
    assert_eq!(manager.dom0(accept(Some(1))).0, 7, "it is attached");
    manager.gone(super::device(4));
    let show = |manager: &mut super::Rig| {
        Show::of_answer(&manager.ask(0, &Command::Show(uuid(4).0).packet())).unwrap()
    };
    for generation in [Some(1), None, Some(1)] {
        assert_eq!(manager.dom0(accept(generation)).0, 0);
        assert_eq!(show(&mut manager).accept_once, generation);
    }
    manager.attach(4);
    assert_eq!(manager.vtpm(4, Request::Save(&[1; 64])).0, 0, "the older state, kept anew");
    let shown = show(&mut manager);
    assert_eq!((shown.accept_once, shown.entry.flags & 8), (None, 8));
    let report = StatusReport::of_answer(&manager.ask(4, &Request::Status.packet())).unwrap();
    let version = TpmVersion::Tpm12;
    assert_eq!(report.kept, Kept::State { version, generation: 3, accept_once: None });
    // A disk whose generation is a later one than the record's stays behind its record, too.
    manager.gone(super::device(4));
    assert_eq!(manager.dom0(accept(Some(9))).0, 0);
    manager.attach(4);
    assert_eq!(manager.vtpm(4, Request::Save(&[5; 64])).0, 0);
    assert_eq!(show(&mut manager).entry.generation, 10);
}

#[test]
fn stats_count() {
    let mut manager = manager("hwtpm=none");
    manager.attach(4);
    manager.vtpm(4, Request::Save(&[1; 64]));
    let stats = Stats::of_answer(&manager.ask(0, &Command::Stats.packet())).unwrap();
    assert_eq!((stats.records, stats.sessions, stats.saves, stats.commits), (1, 1, 1, 1));
    assert_eq!(stats.hardware, None);
}

#[test]
fn after_prepare_shutdown_nothing_is_promised_any_more() {
    let mut manager = manager("hwtpm=none");
    manager.attach(4);
    assert_eq!(manager.dom0(Command::PrepareShutdown(Force::No)).0, 7, "a vTPM is attached");
    let packet = Command::PrepareShutdown(Force::Yes).packet();
    let reply = manager.request(super::device(0), &packet, Duration::ZERO);
    assert!(matches!(reply, Reply::End(_)));
    assert_eq!(manager.vtpm(4, Request::Save(&[1; 64])).0, 0x800);
    assert_eq!(manager.dom0(new(9)).0, 0x800);
}

#[test]
fn a_command_of_a_vtpm_or_a_request_of_domain_0_is_refused() {
    let mut manager = manager("hwtpm=none");
    manager.attach(4);
    assert_eq!(parts(&manager.ask(4, &Command::Stats.packet())).0, 1);
    assert_eq!(parts(&manager.ask(0, &Request::Load.packet())).0, 1);
    let drop = policy_request(&PolicyCommand::Drop { force: Force::No }.encode());
    let (status, sentence) = parts(&manager.ask(0, &drop));
    assert_eq!(status, 9, "{}", String::from_utf8_lossy(&sentence));
    let show = policy_request(&PolicyCommand::Show.encode());
    let report = PolicyReport::of_answer(&manager.ask(0, &show)).unwrap();
    assert_eq!((report.kind, report.has_recovery_key), (0, false));
}

#[test]
fn linuxs_probe_in_domain_0_is_answered() {
    let mut manager = manager("hwtpm=none");
    for property in [Property::TIS_TIMEOUT, Property::DURATION] {
        let answer = manager.ask(0, &get_property(property));
        assert_eq!(parts(&answer).0, 0);
    }
    manager.attach(4);
    let from_a_vtpm = manager.ask(4, &get_property(Property::DURATION));
    assert_eq!(parts(&from_a_vtpm).0, 8);
}

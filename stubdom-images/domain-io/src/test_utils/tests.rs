//! The doubles refuse what the real thing refuses.

use super::*;
use crate::*;
use alloc::vec;

const BACK: DomainId = DomainId(3);
const FRONT: DomainId = DomainId(5);

fn world() -> World {
    let world = World::new();
    world.add_domain(BACK);
    world.add_domain(FRONT);
    world
}

#[test]
fn a_page_granted_to_one_domain_cannot_be_mapped_by_another() {
    let world = world();
    let (_page, grant) = world.sharing(FRONT).grant(BACK).unwrap();
    assert!(matches!(world.sharing(DomainId(9)).map(FRONT, grant), Err(SharingError::Map(-1))));
    assert!(world.sharing(BACK).map(FRONT, grant).is_ok());
}

#[test]
fn both_ends_see_one_page() {
    let world = world();
    let (front, grant) = world.sharing(FRONT).grant(BACK).unwrap();
    let back = world.sharing(BACK).map(FRONT, grant).unwrap();
    front.store_u32(0, 0x0403_0201).unwrap();
    assert_eq!(back.load_u8(3).unwrap(), 4);
    assert_eq!(back.write(4095, &[1, 2]), Err(OutsidePage));
}

#[test]
fn a_bind_raises_the_binders_port_once_and_a_notify_the_others() {
    let world = world();
    let front = world.sharing(FRONT).allocate_port(BACK).unwrap();
    let back = world.sharing(BACK).bind(FRONT, front.number()).unwrap();
    assert!(back.take_pending());
    assert!(!back.take_pending());
    back.notify().unwrap();
    assert!(front.take_pending());
    drop(front);
    assert!(back.notify().is_ok(), "Xen drops a send to nobody without an error");
}

#[test]
fn dropping_a_page_unmaps_it_or_ends_the_grant() {
    let world = world();
    let (front, grant) = world.sharing(FRONT).grant(BACK).unwrap();
    let back = world.sharing(BACK).map(FRONT, grant).unwrap();
    assert_eq!((world.mappings(BACK), world.grants(FRONT)), (1, 1));
    drop(back);
    drop(front);
    assert_eq!((world.mappings(BACK), world.grants(FRONT)), (0, 0));
    assert_eq!(world.grants_ended_while_mapped(), 0);
}

#[test]
fn a_domain_reads_and_writes_only_what_permissions_allow() {
    let world = world();
    let mut back = world.store(BACK);
    let mut dom0 = world.store(DomainId(0));
    assert!(back.write("device/x", "1").is_err());
    assert_eq!(back.read("/local/domain/5/data"), Err(StoreError::Refused("EACCES".into())));
    back.write("data/x", "1").unwrap();
    assert_eq!(dom0.read("/local/domain/3/data/x").unwrap(), "1");
    assert!(back.read("data/y").unwrap_err().is_absent());
    assert_eq!(back.list("data").unwrap(), vec!["x"]);
}

#[test]
fn an_absent_node_below_an_unreadable_directory_is_reported_as_no_access() {
    let world = world();
    let answer = world.store(BACK).read("/local/domain/5/device/vtpm/0/state");
    assert_eq!(answer, Err(StoreError::Refused("EACCES".into())));
}

#[test]
fn a_watch_fires_at_once_then_for_readable_changes_below_and_not_for_others() {
    let world = world();
    let (mut dom0, mut back) = (world.store(DomainId(0)), world.store(BACK));
    back.watch("/local/domain", "wide").unwrap();
    assert_eq!(back.next_event().unwrap().path, "/local/domain");
    dom0.write("/local/domain/5/data/secret", "x").unwrap();
    assert_eq!(back.next_event(), None);
    let node = "/local/domain/5/device/vtpm/0";
    dom0.write(node, "").unwrap();
    let readable = Permissions::owned(FRONT).with(BACK, Access::Read);
    dom0.set_permissions(node, readable).unwrap();
    world.store(FRONT).write(&alloc::format!("{node}/state"), "3").unwrap();
    let paths: alloc::vec::Vec<_> =
        core::iter::from_fn(|| back.next_event()).map(|e| e.path).collect();
    assert_eq!(paths.last().unwrap(), "/local/domain/5/device/vtpm/0/state");
}

#[test]
fn removing_a_directory_fires_watches_set_exactly_on_nodes_inside_it() {
    let world = world();
    let (mut dom0, mut back) = (world.store(DomainId(0)), world.store(BACK));
    dom0.write("/local/domain/3/backend/vtpm/5/0/state", "1").unwrap();
    back.watch("backend/vtpm/5/0/state", "exact").unwrap();
    back.watch("backend/vtpm", "wide").unwrap();
    while back.next_event().is_some() {}
    dom0.remove("/local/domain/3/backend/vtpm/5").unwrap();
    assert_eq!(back.next_event().unwrap().token, "exact");
    assert_eq!(back.next_event().unwrap().path, "backend/vtpm/5");
    assert_eq!(back.next_event(), None);
}

#[test]
fn an_ordinary_domain_has_a_quota_of_watches() {
    let world = world();
    let mut back = world.store(BACK);
    for number in 0..128 {
        back.watch(&alloc::format!("data/{number}"), "t").unwrap();
    }
    assert_eq!(back.watch("data/more", "t"), Err(StoreError::Refused("EQUOTA".into())));
}

#[test]
fn a_power_cut_loses_what_was_not_flushed() {
    let mut disk = FakeDisk::new(4);
    disk.write(0, &[1; 512]).unwrap();
    disk.flush().unwrap();
    disk.write(0, &[2; 1024]).unwrap();
    assert_eq!(disk.unflushed(), vec![0, 1]);
    disk.power_cut(|sector| sector == 1);
    let mut back = [0; 1024];
    disk.read(0, &mut back).unwrap();
    assert_eq!((back[0], back[512]), (1, 2));
    assert_eq!(disk.write(4, &[0; 512]), Err(BlockError::OutsideDisk));
    assert_eq!(disk.into_read_only().write(0, &[0; 512]), Err(BlockError::ReadOnly));
}

#[test]
fn entropy_repeats_for_the_same_seed_and_can_fail() {
    let (mut one, mut two) = ([0; 19], [0; 19]);
    FakeEntropy::new(7).fill(&mut one).unwrap();
    let mut source = FakeEntropy::new(7);
    source.fill(&mut two).unwrap();
    assert_eq!(one, two);
    source.broken = true;
    assert_eq!(source.fill(&mut two), Err(NoEntropy));
}

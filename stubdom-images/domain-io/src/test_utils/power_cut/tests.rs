use super::*;
use alloc::vec;

fn sector(byte: u8) -> [u8; SECTOR_BYTES] {
    [byte; SECTOR_BYTES]
}

/// Two writes, a flush, one write.
fn used() -> TracedDisk {
    let mut disk = TracedDisk::new(vec![0; 4 * SECTOR_BYTES]);
    disk.write(0, &sector(1)).unwrap();
    disk.write(1, &sector(2)).unwrap();
    disk.flush().unwrap();
    disk.write(0, &sector(3)).unwrap();
    disk
}

fn read(mut disk: TracedDisk, number: u64) -> u8 {
    let mut into = sector(9);
    disk.read(number, &mut into).unwrap();
    into[0]
}

#[test]
fn every_write_and_flush_is_a_place_for_a_cut() {
    let mut found = vec![];
    used().each_cut(|cut| found.push((cut.place, cut.pending())));
    assert_eq!(found, [(0, 0), (1, 1), (2, 2), (3, 0), (4, 1)]);
}

#[test]
fn a_cut_keeps_what_was_flushed_and_of_the_rest_what_is_chosen() {
    used().each_cut(|cut| {
        let (none, last) = (cut.disk(|_| false), cut.disk(|at| at + 1 == cut.pending()));
        match cut.place {
            2 => assert_eq!((read(none, 1), read(last.clone(), 0), read(last, 1)), (0, 0, 2)),
            4 => assert_eq!((read(none, 0), read(last.clone(), 0), read(last, 1)), (1, 3, 2)),
            _ => {}
        }
    });
}

#[test]
fn a_disk_after_a_cut_can_be_cut_again() {
    let mut after = None;
    used().each_cut(|cut| after = Some(cut.disk(|_| false)));
    let mut disk = after.unwrap();
    disk.write(2, &sector(5)).unwrap();
    let mut found = vec![];
    disk.each_cut(|cut| found.push((read(cut.disk(|_| true), 0), read(cut.disk(|_| true), 2))));
    assert_eq!(found, [(1, 0), (1, 5)]);
}

#[test]
fn a_dead_disk_answers_nothing_until_it_is_brought_back() {
    let mut disk = used();
    disk.die_after(Some(1));
    assert_eq!(disk.write(1, &[7; 2 * SECTOR_BYTES]), Err(BlockError::Gone));
    assert_eq!(disk.flush(), Err(BlockError::Gone));
    disk.die_after(None);
    assert_eq!((read(disk.clone(), 1), read(disk, 2)), (7, 0));
}

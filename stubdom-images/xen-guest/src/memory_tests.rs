use super::*;
use proptest::prelude::*;
use std::vec::Vec;

fn ranges(list: &[(u64, u64)]) -> Ranges {
    let mut ranges = Ranges::default();
    for (start, end) in list {
        ranges.add(Range::new(*start, *end));
    }
    ranges
}

#[test]
fn taking_the_middle_leaves_both_ends() {
    let rest = ranges(&[(0x1000, 0x9000)]).without(Range::new(0x3000, 0x5000));
    let rest: Vec<_> = rest.iter().collect();
    assert_eq!(rest, [Range::new(0x1000, 0x3000), Range::new(0x5000, 0x9000)]);
}

#[test]
fn a_page_touched_in_part_is_taken_whole() {
    let rest = ranges(&[(0, 0x4000)]).without(Range::new(0x1fff, 0x2001));
    assert_eq!(
        rest.iter().collect::<Vec<_>>(),
        [Range::new(0, 0x1000), Range::new(0x3000, 0x4000)]
    );
}

#[test]
fn parts_of_pages_are_not_memory() {
    assert_eq!(ranges(&[(0x800, 0x1800)]).bytes(), 0);
    assert_eq!(ranges(&[(0x800, 0x2800)]).bytes(), 0x1000);
}

#[test]
fn no_page_can_be_both_written_and_run() {
    for rights in [Rights::None, Rights::Run, Rights::Read, Rights::Write, Rights::Device] {
        let (writable, runs) =
            (rights.bits() & 2 != 0, rights.bits() >> 63 == 0 && rights.bits() != 0);
        assert!(!(writable && runs), "{rights:?}");
    }
}

#[test]
fn page_zero_and_the_guard_are_not_mapped() {
    let layout = Layout {
        text: Range::new(0x10_0000, 0x10_2000),
        rodata: Range::new(0x10_2000, 0x10_3000),
        guard: Range::new(0x10_5000, 0x10_6000),
        image: Range::new(0x10_0000, 0x10_9000),
    };
    let expected = [
        (0, Rights::None),
        (0xfff, Rights::None),
        (0x1000, Rights::Write),
        (0x10_1fff, Rights::Run),
        (0x10_2000, Rights::Read),
        (0x10_4000, Rights::Write),
        (0x10_5000, Rights::None),
        (0x10_6000, Rights::Write),
    ];
    for (address, rights) in expected {
        assert_eq!(layout.rights(address), rights, "{address:#x}");
    }
}

proptest! {
    #[test]
    fn what_was_taken_is_never_left(start in 0_u64..100, length in 0_u64..100, from in 0_u64..100, count in 0_u64..100) {
        let all = ranges(&[(start * PAGE, (start + length) * PAGE)]);
        let taken = Range::new(from * PAGE, (from + count) * PAGE);
        let rest = all.without(taken);
        for page in 0..200 {
            let at = page * PAGE;
            prop_assert_eq!(rest.contains(at), all.contains(at) && !taken.contains(at));
        }
    }
}

//! What the page promises, against a peer that can change any byte at any moment.

use crate::*;
use alloc::vec;
use alloc::vec::Vec;
use domain_io::test_utils::{FakePage, FrameView, World};
use domain_io::{DomainId, PAGE_BYTES, Sharing};
use proptest::prelude::*;
use proptest::strategy::ValueTree;

struct Pair {
    front: FrontendEnd<FakePage>,
    back: BackendEnd<FakePage>,
    frame: FrameView,
}

fn pair() -> Pair {
    let world = World::new();
    let (page, grant) = world.sharing(DomainId(5)).grant(DomainId(3)).unwrap();
    let mapped = world.sharing(DomainId(3)).map(DomainId(5), grant).unwrap();
    let frame = world.frame(DomainId(5), grant).unwrap();
    Pair { front: FrontendEnd::new(page), back: BackendEnd::new(mapped), frame }
}

/// A packet of `length` bytes whose size field says so.
fn packet(length: usize) -> Vec<u8> {
    let mut bytes = vec![0xa5; length];
    bytes[..2].copy_from_slice(&[0x80, 0x01]);
    bytes[2..6].copy_from_slice(&u32::try_from(length).unwrap().to_be_bytes());
    bytes
}

fn command(back: &BackendEnd<FakePage>) -> Submission {
    match back.look() {
        Ok(Seen::Command(submission)) => submission,
        other => panic!("no command but {other:?}"),
    }
}

fn fault(back: &BackendEnd<FakePage>) -> PeerMisbehaved {
    match back.look() {
        Err(PageFault::Peer(fault)) => fault,
        other => panic!("no fault of the peer but {other:?}"),
    }
}

#[test]
fn data_starts_at_8_and_the_largest_message_has_4088_bytes() {
    assert_eq!((data_offset(0), room(0), LARGEST_MESSAGE), (8, 4088, 4088));
    assert_eq!((data_offset(255), room(255)), (1028, 3068));
}

#[test]
fn a_command_and_its_answer_stand_where_linux_puts_them() {
    let Pair { mut front, back, frame } = pair();
    front.submit(2, &packet(12)).unwrap();
    let page = frame.bytes();
    assert_eq!(page[..8], [12, 0, 0, 0, 1, 2, 0, 0]);
    assert_eq!(page[8..20], packet(12));
    let Submission { locality, bytes, reply } = command(&back);
    assert_eq!((locality, bytes), (2, packet(12)));
    assert_eq!(front.answer(), Ok(Answer::NotYet));
    back.finish(reply, &packet(300)).unwrap();
    assert_eq!(frame.bytes()[..5], [44, 1, 0, 0, 2]);
    assert_eq!(front.answer(), Ok(Answer::Response(packet(300))));
}

#[test]
fn the_largest_message_passes_both_ways() {
    let Pair { mut front, back, .. } = pair();
    front.submit(0, &packet(4088)).unwrap();
    back.finish(command(&back).reply, &packet(4088)).unwrap();
    assert_eq!(front.answer(), Ok(Answer::Response(packet(4088))));
}

#[test]
fn a_frontend_submits_only_whole_packets_and_one_at_a_time() {
    let Pair { mut front, back, .. } = pair();
    let bad = |length| Err(NotSubmitted::BadPacket { length });
    assert_eq!(front.submit(0, &packet(9)), bad(9));
    assert_eq!(front.submit(0, &packet(4089)), bad(4089));
    assert_eq!(front.submit(0, &packet(20)[..19]), bad(19));
    front.submit(0, &packet(10)).unwrap();
    assert_eq!(front.submit(0, &packet(10)), Err(NotSubmitted::Busy));
    front.cancel().unwrap();
    assert_eq!(front.submit(0, &packet(10)), Err(NotSubmitted::Busy));
    back.acknowledge_cancel().unwrap();
    assert_eq!(front.answer(), Ok(Answer::Aborted));
    front.submit(0, &packet(10)).unwrap();
}

#[test]
fn a_lying_length_is_named_and_never_followed() {
    let Pair { mut front, back, frame } = pair();
    front.submit(0, &packet(10)).unwrap();
    for (length, expected) in [
        (0, PeerMisbehaved::TooShort { length: 0 }),
        (9, PeerMisbehaved::SizeDisagrees { length: 9, header: 10 }),
        (6, PeerMisbehaved::SizeDisagrees { length: 6, header: 10 }),
        (11, PeerMisbehaved::SizeDisagrees { length: 11, header: 10 }),
        (4089, PeerMisbehaved::TooLong { length: 4089, room: 4088 }),
        (u32::MAX, PeerMisbehaved::TooLong { length: u32::MAX, room: 4088 }),
    ] {
        frame.poke(0, &length.to_le_bytes());
        assert_eq!(fault(&back), expected);
    }
}

/// Linux's driver sends as many bytes as the size field says of what a program has written.
#[test]
fn what_is_shorter_than_a_header_is_seen_as_that_with_its_tag() {
    for (length, tag) in [(1_u32, 0), (2, 0x8001), (5, 0x8001), (6, 0x8001), (9, 0x8001)] {
        let Pair { back, frame, .. } = pair();
        frame.poke(8, &packet(10));
        frame.poke(10, &length.to_be_bytes());
        frame.poke(0, &length.to_le_bytes());
        frame.poke(4, &[1]);
        let Ok(Seen::Short(short)) = back.look() else { panic!("{length} bytes") };
        assert_eq!(short.tag, tag, "{length} bytes");
        back.finish(short.reply, &packet(10)).unwrap();
    }
}

#[test]
fn an_impossible_state_byte_is_named_by_both_ends() {
    let Pair { mut front, back, frame } = pair();
    front.submit(0, &packet(10)).unwrap();
    frame.poke(4, &[4]);
    assert_eq!(fault(&back), PeerMisbehaved::UnknownState { byte: 4 });
    let expected = PeerMisbehaved::UnknownState { byte: 4 };
    assert_eq!(front.answer(), Err(PageFault::Peer(expected)));
}

#[test]
fn a_lying_backend_is_named() {
    let Pair { mut front, back, frame } = pair();
    front.submit(0, &packet(10)).unwrap();
    back.finish(command(&back).reply, &packet(10)).unwrap();
    frame.poke(0, &5000u32.to_le_bytes());
    let expected = PeerMisbehaved::TooLong { length: 5000, room: 4088 };
    assert_eq!(front.answer(), Err(PageFault::Peer(expected)));
}

#[test]
fn a_backend_that_submits_or_cancels_is_named() {
    for (byte, found) in [(1, PageState::Submit), (3, PageState::Cancel)] {
        let Pair { mut front, frame, .. } = pair();
        frame.poke(4, &[byte]);
        let expected = PeerMisbehaved::ForeignState { found };
        let refused = front.submit(0, &packet(10));
        assert_eq!(refused, Err(NotSubmitted::Page(PageFault::Peer(expected))));
    }
}

#[test]
fn announced_extra_pages_move_the_data_and_shrink_the_room() {
    let Pair { back, frame, .. } = pair();
    for extra in [1u8, 255] {
        let offset = data_offset(extra);
        let most = packet(room(extra));
        frame.poke(offset, &most);
        frame.poke(0, &u32::try_from(most.len()).unwrap().to_le_bytes());
        frame.poke(4, &[1, 0, 0, extra]);
        let Submission { bytes, reply, .. } = command(&back);
        assert_eq!(bytes, most);
        back.finish(reply, &packet(10)).unwrap();
        assert_eq!(frame.bytes()[offset..offset + 10], packet(10));
    }
    frame.poke(0, &3069u32.to_le_bytes());
    frame.poke(4, &[1]);
    assert_eq!(fault(&back), PeerMisbehaved::TooLong { length: 3069, room: 3068 });
}

#[test]
fn an_answer_goes_where_the_command_stood_whatever_the_frontend_writes_meanwhile() {
    let Pair { mut front, back, frame } = pair();
    front.submit(0, &packet(10)).unwrap();
    let reply = command(&back).reply;
    frame.poke(7, &[255]);
    back.finish(reply, &packet(4088)).unwrap();
    assert_eq!(frame.bytes()[8..], packet(4088));
}

#[test]
fn an_answer_that_does_not_fit_leaves_the_right_to_answer() {
    let Pair { mut front, back, frame } = pair();
    front.submit(0, &packet(10)).unwrap();
    let mut reply = command(&back).reply;
    for length in [4089, 9] {
        let refused = back.finish(reply, &vec![0; length]).unwrap_err();
        assert_eq!((refused.length, refused.room), (length, 4088));
        reply = refused.reply;
    }
    assert_eq!(frame.bytes()[4], 1, "nothing was written");
    back.finish(reply, &packet(10)).unwrap();
    assert_eq!(frame.bytes()[4], 2);
}

#[test]
fn every_field_is_read_once() {
    let Pair { mut front, back, frame } = pair();
    front.submit(0, &packet(100)).unwrap();
    frame.forget_reads();
    let Submission { reply, .. } = command(&back);
    assert!(frame.reads().iter().all(|count| *count <= 1));
    back.finish(reply, &packet(100)).unwrap();
    frame.forget_reads();
    front.answer().unwrap();
    assert!(frame.reads().iter().all(|count| *count <= 1));
}

#[test]
fn a_cancel_is_seen_and_acknowledged_with_idle() {
    let Pair { mut front, back, frame } = pair();
    front.cancel().unwrap();
    assert_eq!(frame.bytes()[4], 0, "there is nothing to cancel yet");
    front.submit(0, &packet(10)).unwrap();
    front.cancel().unwrap();
    assert!(matches!(back.look(), Ok(Seen::Cancel)));
    back.acknowledge_cancel().unwrap();
    assert_eq!(frame.bytes()[4], 0);
    assert!(matches!(back.look(), Ok(Seen::Nothing)));
}

#[test]
fn numbers_and_paths_are_parsed_and_never_assumed() {
    use nodes::{DeviceId, number};
    assert_eq!(number("4294967295"), Some(u32::MAX));
    for bad in ["", "4294967296", "-1", "+1", " 1", "1 ", "0x1", "1\n"] {
        assert_eq!(number(bad), None, "{bad:?}");
    }
    let id = DeviceId { frontend: DomainId(7), device: 2 };
    assert_eq!(DeviceId::of_backend_path("backend/vtpm/7/2/state"), Some(id));
    assert_eq!(DeviceId::of_backend_path(&id.backend_dir()), Some(id));
    assert_eq!(DeviceId::of_frontend_path("/local/domain/7/device/vtpm/2/state"), Some(id));
    assert_eq!(DeviceId::of_frontend_path(&id.frontend_dir()), Some(id));
    for bad in ["backend/vtpm", "backend/vtpm/7", "backend/vtpmx/7/2", "backend/vtpm/65536/0"] {
        assert_eq!(DeviceId::of_backend_path(bad), None, "{bad}");
    }
    for bad in ["/local/domain", "/local/domain/7/device/vbd/2", "/local/domain/x/device/vtpm/2"] {
        assert_eq!(DeviceId::of_frontend_path(bad), None, "{bad}");
    }
}

#[test]
fn a_uuid_is_read_in_its_one_form() {
    let text = "4c6ea4d8-0b3e-4a5c-9f0e-1d2c3b4a5f60";
    let uuid = Uuid::parse(text).unwrap();
    assert_eq!((uuid.0[0], uuid.0[15]), (0x4c, 0x60));
    assert_eq!(alloc::format!("{uuid}"), text);
    for bad in ["", "4c6ea4d80b3e4a5c9f0e1d2c3b4a5f60", &text[1..], &text.replace('a', "g")] {
        assert_eq!(Uuid::parse(bad), None, "{bad}");
    }
}

#[test]
fn xenbus_states_are_the_numbers_of_the_public_header() {
    for number in 1..=8u32 {
        let text = alloc::format!("{number}");
        assert_eq!(XenbusState::parse(&text).unwrap().as_str(), text);
    }
    assert_eq!(XenbusState::parse("0"), None);
    assert_eq!(XenbusState::parse("04"), None);
}

/// A header, any or one that could be meant, and where a packet would begin the size that it says it has.
fn page() -> impl Strategy<Value = [(usize, Vec<u8>); 2]> {
    let length = prop_oneof![2 => 0..5000_u32, 1 => any::<u32>()];
    let state = prop_oneof![3 => Just(1), 1 => any::<u8>()];
    let extra = prop_oneof![2 => Just(0), 1 => any::<u8>()];
    let size = prop_oneof![3 => Just(None), 1 => any::<u32>().prop_map(Some)];
    (length, state, any::<[u8; 2]>(), extra, size).prop_map(|(length, state, rest, extra, size)| {
        let header = [&length.to_le_bytes()[..], &[state], &rest, &[extra]].concat();
        let size = size.unwrap_or(length).to_be_bytes().to_vec();
        [(0, header), (data_offset(extra) + 2, size)]
    })
}

/// Otherwise a property of commands would be one of pages that hold none.
#[test]
fn many_of_the_pages_that_are_tried_hold_commands() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let found = (0..256).filter(|_| {
        let tried = page().new_tree(&mut runner).unwrap().current();
        let Pair { back, frame, .. } = pair();
        tried.iter().for_each(|(offset, bytes)| frame.poke(*offset, bytes));
        matches!(back.look(), Ok(Seen::Command(_)))
    });
    let found = found.count();
    assert!((50..200).contains(&found), "{found} of 256");
}

proptest! {
    #[test]
    fn any_page_at_all_gives_a_command_nothing_or_a_named_fault(
        page in page(),
        seed in any::<[u8; 16]>(),
    ) {
        let Pair { mut front, back, frame } = pair();
        let noise: Vec<u8> = seed.iter().copied().cycle().take(PAGE_BYTES).collect();
        frame.poke(0, &noise);
        page.iter().for_each(|(offset, bytes)| frame.poke(*offset, bytes));
        if let Ok(Seen::Command(submission)) = back.look() {
            prop_assert!((10..=4088).contains(&submission.bytes.len()));
            prop_assert!(back.finish(submission.reply, &packet(10)).is_ok());
        }
        let _ = front.answer();
    }

    #[test]
    fn a_page_that_changes_after_every_read_yields_only_checked_copies(
        changes in proptest::collection::vec((0usize..16, any::<u8>()), 1..20),
    ) {
        let Pair { mut front, back, frame } = pair();
        front.submit(0, &packet(64)).unwrap();
        let mut next = changes.into_iter().cycle();
        frame.after_each_read(move |_, _, bytes| {
            if let Some((place, value)) = next.next() {
                bytes[place] = value;
            }
        });
        if let Ok(Seen::Command(Submission { bytes, reply, .. })) = back.look() {
            let header = u32::from_be_bytes(bytes[2..6].try_into().unwrap());
            prop_assert_eq!(usize::try_from(header).unwrap(), bytes.len());
            prop_assert!(back.finish(reply, &packet(3068)).is_ok());
        }
    }
}

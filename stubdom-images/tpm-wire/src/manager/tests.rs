//! Packets there and back, and the bytes that upstream expects.

use super::*;
use alloc::vec;

fn parse(packet: &[u8]) -> Result<Request<'_>, NoRequest> {
    let (header, body) = Header::parse(packet).unwrap();
    assert_eq!(header.tag, Tag::VTPM_REQ);
    Request::parse(Ordinal(header.code), body)
}

#[test]
fn saves_and_loads_are_upstreams_bytes() {
    let save = Request::Save(&[7; 52]).packet();
    assert_eq!(save[..10], [0x01, 0xC1, 0, 0, 0, 0x3E, 0, 0, 0, 1]);
    assert_eq!(Request::Load.packet(), [0x01, 0xC1, 0, 0, 0, 0x0A, 0, 0, 0, 2]);
    let kept = answer(answer_tag(Tag::VTPM_REQ), TpmResult::SUCCESS, &[]);
    assert_eq!(kept, [0x01, 0xC4, 0, 0, 0, 0x0A, 0, 0, 0, 0]);
}

#[test]
fn every_request_comes_back_as_it_was_sent() {
    let register = Register { version: TpmVersion::Tpm20, ek_name: &[1; 34], ek_public: &[2; 300] };
    for request in [
        Request::Save(&[7; 64]),
        Request::Load,
        Request::BootHash,
        Request::Status,
        Request::Register(register),
    ] {
        assert!(parse(&request.packet()) == Ok(request));
    }
}

#[test]
fn every_length_but_the_right_ones_is_malformed() {
    for length in 0..128 {
        let save = Request::parse(Ordinal::SAVE_HASH_KEY, &[7; 128][..length]);
        assert_eq!(save.is_ok(), (52..=64).contains(&length), "{length}");
        let load = Request::parse(Ordinal::LOAD_HASH_KEY, &[7; 128][..length]);
        assert_eq!(load.is_ok(), length == 0, "{length}");
    }
    assert!(Request::parse(Ordinal::GET_QUOTE, &[]) == Err(NoRequest::Ordinal(Ordinal(4))));
}

#[test]
fn a_report_says_what_is_kept() {
    let state = Kept::State { version: TpmVersion::Tpm20, generation: 9, accept_once: Some(3) };
    for kept in [Kept::Nothing, Kept::Record(TpmVersion::Tpm12), state] {
        let hardware = Some(TpmVersion::Tpm20);
        let report = StatusReport { kept, hardware, explicit: true, store: [5; 16] };
        let body = report.encode();
        assert_eq!(body.len(), 40);
        let longer = [&body[..], &[1, 2, 3]].concat();
        let packet = answer(Tag::VTPM_RSP, TpmResult::SUCCESS, &longer);
        assert_eq!(StatusReport::of_answer(&packet), Ok(report));
    }
}

#[test]
fn a_refusal_carries_a_sentence() {
    let packet = answer(Tag::VTPM_RSP2, TpmResult::DISABLED, b"it is in use");
    let error = body_of(&packet).unwrap_err();
    assert_eq!(alloc::format!("{error}"), "it is in use");
}

#[test]
fn every_command_comes_back_as_it_was_sent() {
    let uuid = [9; 16];
    for command in [
        Command::Stats,
        Command::List { after: None, most: 3 },
        Command::List { after: Some(uuid), most: 80 },
        Command::Show(uuid),
        Command::New { uuid, version: TpmVersion::Tpm20, group: 7 },
        Command::Delete { uuid, force: Force::Yes },
        Command::PrepareShutdown(Force::No),
        Command::Enable { uuid, enabled: false },
        Command::Accept { uuid, generation: Some(4) },
        Command::Accept { uuid, generation: None },
        Command::Policy,
    ] {
        let packet = command.packet();
        let (header, body) = Header::parse(&packet).unwrap();
        assert_eq!(header.tag, Tag::VTPM_REQ2);
        assert_eq!(Command::parse(Ordinal(header.code), body), Ok(command));
    }
}

fn entry(number: u8) -> Entry {
    Entry {
        uuid: [number; 16],
        version: TpmVersion::Tpm12,
        has_state: true,
        flags: 2,
        generation: 77,
        group: 1,
        domain: (number > 1).then_some(12),
    }
}

#[test]
fn answers_come_back_and_fit_the_page() {
    let list = List { entries: (0..MOST_LISTED).map(|_| entry(1)).collect(), more: true };
    let packet = answer(Tag::VTPM_RSP2, TpmResult::SUCCESS, &list.encode());
    assert!(packet.len() <= crate::MAX_PACKET_BYTES);
    assert_eq!(List::of_answer(&packet), Ok(list));
    let show = Show {
        entry: entry(2),
        accept_once: None,
        hash: [4; 20],
        image_hash: vec![],
        label_hash: vec![1; 20],
        ek_name: vec![2; 66],
        ek_public: vec![3; 600],
    };
    let packet = answer(Tag::VTPM_RSP2, TpmResult::SUCCESS, &show.encode());
    assert_eq!(Show::of_answer(&packet), Ok(show));
    let stats =
        Stats { records: 3, refused: 9, hardware: Some(TpmVersion::Tpm12), ..Stats::default() };
    let packet = answer(Tag::VTPM_RSP2, TpmResult::SUCCESS, &stats.encode());
    assert_eq!(Stats::of_answer(&packet), Ok(stats));
}

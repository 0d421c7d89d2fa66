use super::{
    Body, Branch, Content, Epoch, Lasting, ObjectBlob, Parent, RecordedCounter, Sealed12, Sealed20,
    Way12,
};
use super::{Kind, decode, encode, inspect, verify};
use crate::crypto::Wrapped;
use crate::policy::AdministratorKey;
use crate::{CustodyError, PcrSelection, PcrState, first_start_without_tpm, open_without_tpm};
use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;
use domain_io::test_utils::FakeEntropy;
use proptest::prelude::{any, proptest};
use vtpm_store::Secret;
use vtpm_store::manager::SealedSecret;

const SECRET: Secret = Secret::new([0x5A; 32]);

fn state(text: &str, byte: u8) -> PcrState {
    let selection = PcrSelection::parse(text).unwrap();
    let sizes = selection
        .banks()
        .iter()
        .flat_map(|(bank, pcrs)| core::iter::repeat_n(bank.digest_bytes().unwrap(), pcrs.len()));
    let values = sizes.map(|size| vec![byte; size]).collect();
    PcrState::new(selection, values).unwrap()
}

/// Everything that a TPM 2.0's blob can hold.
fn tpm20() -> Body {
    let epoch = Some(Epoch { index: 0x0180_0001, name: [6; 34], value: 3 });
    let branch =
        |epoch, signature| Branch { state: state("sha256:5,7+sha1:0", 4), epoch, signature };
    Body::Tpm20(Box::new(Sealed20 {
        parent: Parent::Persistent(0x8100_0001),
        parent_name: [1; 34],
        identity: Some([2; 34]),
        storage_key: ObjectBlob { public: vec![3; 90], private: vec![4; 126] },
        object: ObjectBlob { public: vec![5; 78], private: vec![6; 160] },
        administrator: Some(AdministratorKey { x: [7; 32], y: [8; 32] }),
        branches: vec![branch(epoch, Some([9; 64])), branch(None, None)],
    }))
}

fn tpm12() -> Body {
    let way = |byte| Way12 { stored: vec![byte; 312], state: state("sha1:5,7", byte) };
    Body::Tpm12(Sealed12 { ways: vec![way(1), way(2)] })
}

fn content(counter: Option<RecordedCounter>, body: Body) -> Content {
    let recovery = Some(Wrapped { salt: [1; 32], tag: [2; 16], text: [3; 32] });
    Content { forced: true, lasting: Lasting { recovery, counter, tpm2: false }, body }
}

/// The samples of version 1, as they were first written: without counters.
const SAMPLES_1: [(&str, &[u8]); 3] = [
    ("none", include_bytes!("../../tests/samples/sealed-v1-none.bin")),
    ("tpm12", include_bytes!("../../tests/samples/sealed-v1-tpm12.bin")),
    ("tpm20", include_bytes!("../../tests/samples/sealed-v1-tpm20.bin")),
];

/// The samples of version 2, as they were first written.
const SAMPLES_2: [(&str, &[u8]); 3] = [
    ("none", include_bytes!("../../tests/samples/sealed-v2-none.bin")),
    ("tpm12", include_bytes!("../../tests/samples/sealed-v2-tpm12.bin")),
    ("tpm20", include_bytes!("../../tests/samples/sealed-v2-tpm20.bin")),
];

const INDEX: RecordedCounter =
    RecordedCounter::Index { index: 0x0180_7674, name: [10; 34], id: [11; 16] };
const MONOTONIC: RecordedCounter =
    RecordedCounter::Monotonic { handle: 3, label: *b"vTPM", id: [12; 16] };

fn sample_contents() -> [Content; 3] {
    [
        content(None, Body::Clear(SECRET)),
        content(Some(MONOTONIC), tpm12()),
        content(Some(INDEX), tpm20()),
    ]
}

#[test]
fn each_content_is_read_back_and_encoded_to_the_same_bytes() {
    for content in sample_contents() {
        let sealed = encode(&content, &SECRET).unwrap();
        verify(&sealed, &SECRET).unwrap();
        let again = decode(&sealed).unwrap();
        assert_eq!(again.kind(), content.kind());
        assert_eq!(encode(&again, &SECRET).unwrap(), sealed);
    }
}

#[test]
fn samples_of_version_1_stay_readable() {
    for ((name, sample), mut content) in SAMPLES_1.iter().zip(sample_contents()) {
        let sealed = SealedSecret { kind: content.kind().number(), blob: sample.to_vec() };
        verify(&sealed, &SECRET).unwrap();
        let read = decode(&sealed).unwrap();
        content.lasting.counter = None;
        let (now, expected) = (encode(&read, &SECRET).unwrap(), encode(&content, &SECRET).unwrap());
        assert_eq!(now, expected, "{name}");
    }
}

#[test]
fn samples_of_version_2_stay_readable_and_are_still_written_so() {
    for ((name, sample), content) in SAMPLES_2.iter().zip(sample_contents()) {
        let sealed = encode(&content, &SECRET).unwrap();
        assert_eq!(sealed.blob, *sample, "{name}");
        decode(&sealed).unwrap();
    }
}

#[test]
fn a_counter_stays_behind_with_its_tpm() {
    let lasting = |counter| Lasting { counter: Some(counter), ..Lasting::default() };
    assert_eq!(lasting(INDEX).on(&tpm20()).counter, Some(INDEX));
    assert_eq!(lasting(INDEX).on(&tpm12()).counter, None);
    assert_eq!(lasting(MONOTONIC).on(&tpm12()).counter, Some(MONOTONIC));
    assert_eq!(lasting(MONOTONIC).on(&Body::Clear(SECRET)).counter, None);
}

#[test]
fn each_changed_or_missing_byte_is_noticed() {
    for content in sample_contents() {
        let sealed = encode(&content, &SECRET).unwrap();
        for at in 0..sealed.blob.len() {
            let mut flipped = sealed.clone();
            flipped.blob[at] ^= 0x10;
            let _ = decode(&flipped);
            assert_eq!(verify(&flipped, &SECRET), Err(CustodyError::Damaged), "byte {at}");
            let cut = SealedSecret { kind: sealed.kind, blob: sealed.blob[..at].to_vec() };
            assert_eq!(verify(&cut, &SECRET), Err(CustodyError::Damaged), "cut at {at}");
            let _ = decode(&cut);
        }
        let other_kind = SealedSecret { kind: sealed.kind + 1, ..sealed };
        assert_eq!(verify(&other_kind, &SECRET), Err(CustodyError::Damaged));
    }
}

#[test]
fn unknown_versions_kinds_and_parts_are_refused_by_name() {
    let sealed = encode(&content(None, Body::Clear(SECRET)), &SECRET).unwrap();
    let mut newer = sealed.clone();
    newer.blob[0] = 3;
    assert_eq!(decode(&newer).unwrap_err(), CustodyError::UnknownVersion(3));
    let stranger = SealedSecret { kind: 77, ..sealed.clone() };
    assert_eq!(inspect(&stranger), Err(CustodyError::UnknownKind(77)));
    let mut part = sealed;
    let end = part.blob.len() - 32;
    part.blob.splice(end..end, [200, 1, 0, 9]);
    assert_eq!(decode(&part).unwrap_err(), CustodyError::UnknownPart(200));
}

#[test]
fn too_many_states_do_not_fit() {
    let way = Way12 { stored: vec![0; 312], state: state("sha1:5,7", 1) };
    let ways: Vec<_> = core::iter::repeat_n(way, 40).collect();
    let error = encode(&content(None, Body::Tpm12(Sealed12 { ways })), &SECRET).unwrap_err();
    assert_eq!(error, CustodyError::TooLarge);
}

#[test]
fn without_a_tpm_the_secret_is_in_clear_and_nothing_else_opens_it() {
    let (secret, sealed) = first_start_without_tpm(&mut FakeEntropy::new(1)).unwrap();
    assert_eq!(open_without_tpm(&sealed).unwrap(), secret);
    assert!(sealed.blob.windows(32).any(|part| part == secret.bytes()));
    let of_tpm = encode(&content(None, tpm20()), &SECRET).unwrap();
    let refused = CustodyError::OtherKind { sealed: Kind::Tpm20, found: Kind::Clear };
    assert_eq!(open_without_tpm(&of_tpm), Err(refused));
    for at in 0..sealed.blob.len() {
        let mut flipped = sealed.clone();
        flipped.blob[at] ^= 1;
        assert!(open_without_tpm(&flipped).is_err(), "byte {at}");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_reading_panic(
        kind in 0_u32..4,
        mut bytes in proptest::collection::vec(any::<u8>(), 0..300),
        part in proptest::sample::select(vec![1_u8, 2, 3, 16, 32, 34, 36, 37]),
    ) {
        // version 1, and a part that takes all there is but the authentication
        let length = u8::try_from(bytes.len().saturating_sub(7 + 32)).unwrap_or(u8::MAX);
        if let Some(head) = bytes.get_mut(..7) {
            head.copy_from_slice(&[1, 0, 0, 0, part, length, 0]);
        }
        let _ = inspect(&SealedSecret { kind, blob: bytes });
    }
}

/// A persistent key says nothing about its TPM: whoever has the owner's rights replaces it.
#[test]
fn a_persistent_parent_is_judged_by_the_identity_beside_it() {
    let sealed = |parent, name: u8, identity: Option<u8>| {
        let Body::Tpm20(body) = tpm20() else { panic!() };
        let identity = identity.map(|byte| [byte; 34]);
        Sealed20 { parent, parent_name: [name; 34], identity, ..*body }
    };
    let (key, ecc, rsa) = (Parent::Persistent(0x8100_0001), Parent::EccPrimary, Parent::RsaPrimary);
    for (before, now, other) in [
        ((key, 1, Some(1)), (key, 2, Some(1)), false),
        ((key, 1, Some(1)), (key, 2, Some(2)), true),
        ((key, 1, None), (key, 2, Some(2)), false),
        ((key, 1, Some(1)), (ecc, 2, Some(2)), true),
        ((rsa, 1, Some(1)), (ecc, 2, Some(2)), false),
        ((ecc, 1, Some(1)), (ecc, 1, Some(1)), false),
        ((ecc, 1, Some(1)), (ecc, 2, Some(1)), true),
        ((rsa, 1, None), (rsa, 2, None), true),
    ] {
        let (a, b) = (sealed(before.0, before.1, before.2), sealed(now.0, now.1, now.2));
        assert_eq!(a.is_of_another_tpm_than(&b), other, "{before:?} {now:?}");
    }
}

use super::{PcrMask, PcrSelection, PcrState, SelectionError, StateError};
use crate::CustodyError;
use alloc::string::ToString;
use alloc::vec;
use tpm_wire::tpm20::HashAlgorithm;

fn selection(text: &str) -> PcrSelection {
    PcrSelection::parse(text).unwrap()
}

#[test]
fn selections_are_read_as_tpm2_tools_writes_them() {
    let two = selection("sha256:5,7+sha1:0");
    let expected =
        [(HashAlgorithm::SHA256, PcrMask::of(&[5, 7])), (HashAlgorithm::SHA1, PcrMask::of(&[0]))];
    assert_eq!(two.banks(), expected);
    assert_eq!(two.marshal(), [0, 0, 0, 2, 0, 0x0B, 3, 0xA0, 0, 0, 0, 4, 3, 1, 0, 0]);
    for (text, error) in [
        ("", SelectionError::Empty),
        ("sha256", SelectionError::Empty),
        ("sha256:", SelectionError::Pcr),
        ("sha256:24", SelectionError::Pcr),
        ("sha256:-1", SelectionError::Pcr),
        ("md5:1", SelectionError::Bank),
        ("sha1:1+sha1:2", SelectionError::Twice),
    ] {
        assert_eq!(PcrSelection::parse(text), Err(error), "{text}");
    }
}

#[test]
fn only_pcrs_outside_the_default_go_beyond_it() {
    assert!(!PcrSelection::default_in(HashAlgorithm::SHA256).goes_beyond_default());
    assert!(!selection("sha384:7").goes_beyond_default());
    assert!(selection("sha256:5,7+sha1:4").goes_beyond_default());
}

#[test]
fn values_must_fit_their_banks() {
    let of = |values| PcrState::new(selection("sha256:7+sha1:0"), values);
    assert!(of(vec![vec![1; 32], vec![2; 20]]).is_some());
    assert!(of(vec![vec![1; 20], vec![2; 20]]).is_none());
    assert!(of(vec![vec![1; 32]]).is_none());
}

#[test]
fn differences_name_the_pcrs() {
    let state = |last| PcrState::new(selection("sha256:5,7"), vec![vec![1; 32], last]).unwrap();
    let differences = state(vec![2; 32]).differences(&state(vec![3; 32]));
    assert_eq!(differences, [(HashAlgorithm::SHA256, PcrMask::of(&[7]))]);
    assert!(CustodyError::PcrsChanged(differences).to_string().contains("PCRs 7 of bank SHA256"));
}

#[test]
fn blank_pcrs_are_found_and_named() {
    for byte in [0, 0xFF] {
        let values = vec![vec![1; 32], vec![byte; 32]];
        let state = PcrState::new(selection("sha256:5,7"), values).unwrap();
        let pcrs = PcrMask::of(&[7]);
        let expected = CustodyError::Unmeasured { bank: HashAlgorithm::SHA256, pcrs };
        assert_eq!(state.check_measured(), Err(expected));
    }
}

#[test]
fn a_state_is_written_and_read_in_one_word() {
    let text = "sha1:0=00112233445566778899aabbccddeeff00112233+sha256:5=";
    let text = [text, &"5a".repeat(32), ",7=", &"7f".repeat(32)].concat();
    let state = PcrState::parse(&text).unwrap();
    assert_eq!(state.to_string(), text);
    assert_eq!(state.selection().to_string(), "sha1:0+sha256:5,7");
    let bytes = state.value_bytes();
    assert_eq!(PcrState::of_bytes(state.selection().clone(), &bytes), Some(state.clone()));
    assert_eq!(PcrState::of_bytes(state.selection().clone(), &bytes[1..]), None);
    let turned = ["sha256:7=", &"7f".repeat(32), ",5=", &"5a".repeat(32)].concat();
    assert_eq!(PcrState::parse(&turned).unwrap().to_string()[..9], *"sha256:5=");
    let twice = ["sha256:7=", &"7f".repeat(32), ",7=", &"5a".repeat(32)].concat();
    for (text, error) in [
        ("", StateError::Selection(SelectionError::Empty)),
        ("md5:0=00", StateError::Selection(SelectionError::Bank)),
        ("sha1:24=00", StateError::Selection(SelectionError::Pcr)),
        ("sha1:0", StateError::Value),
        ("sha1:0=00", StateError::Value),
        ("sha1:0=0g", StateError::Value),
        ("sha1:0=-1", StateError::Value),
        (&twice, StateError::Twice),
    ] {
        assert_eq!(PcrState::parse(text), Err(error), "{text}");
    }
}

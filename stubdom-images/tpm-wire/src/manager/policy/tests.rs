//! Bodies there and back.

use super::*;
use crate::manager::{Force, answer};
use crate::tag::Tag;
use crate::tpm12::TpmResult;
use alloc::vec;
use alloc::vec::Vec;

const STATE: PolicyState<'_> = PolicyState { selection: b"sha256:5", values: &[7; 32] };
const KEY: PolicyKey = PolicyKey { x: [1; 32], y: [2; 32] };
const APPROVAL: PolicyApproval<'_> = PolicyApproval { state: STATE, epoch: 9, signature: [3; 64] };

fn commands() -> Vec<PolicyCommand<'static>> {
    vec![
        PolicyCommand::Show,
        PolicyCommand::Reseal { selection: b"sha1:0", force: Force::Yes, also: vec![STATE] },
        PolicyCommand::NewRecoveryKey { replace: Force::Yes },
        PolicyCommand::Recover { key: b"ABCD", force: Force::No },
        PolicyCommand::Accepted(3),
        PolicyCommand::Present { selection: b"sha256:5,7" },
        PolicyCommand::Add { force: Force::No, states: vec![STATE, STATE] },
        PolicyCommand::Drop { force: Force::No },
        PolicyCommand::PrepareEpoch,
        PolicyCommand::Enrol { key: KEY, approvals: vec![APPROVAL, APPROVAL] },
        PolicyCommand::Approve(APPROVAL),
        PolicyCommand::Retire,
    ]
}

#[test]
fn operations_come_back_as_they_were_sent() {
    for (number, command) in (0..).zip(commands()) {
        let body = command.encode();
        assert_eq!(body.first(), Some(&number));
        assert!(PolicyCommand::parse(&body) == Ok(command));
    }
}

#[test]
fn a_body_that_is_cut_short_or_too_long_is_none() {
    for command in commands() {
        let body = command.encode();
        for length in 0..body.len() {
            assert!(PolicyCommand::parse(&body[..length]).is_err(), "{} of {body:?}", length);
        }
        assert!(PolicyCommand::parse(&[&body[..], &[0]].concat()).is_err());
    }
    assert!(PolicyCommand::parse(&[200]).is_err());
}

fn success(body: &[u8]) -> Vec<u8> {
    answer(Tag::VTPM_RSP2, TpmResult::SUCCESS, body)
}

#[test]
fn answers_come_back_as_they_were_given() {
    let plain = PolicyWay { selection: b"sha256:5,7".to_vec(), epoch: None };
    let approved = PolicyWay { selection: b"sha256:7".to_vec(), epoch: Some(9) };
    for administrator in [None, Some(KEY)] {
        let report = PolicyReport {
            kind: 2,
            has_recovery_key: true,
            forced: true,
            administrator,
            epoch: administrator.map(|_| 9),
            states: vec![plain.clone(), approved.clone()],
        };
        assert_eq!(PolicyReport::of_answer(&success(&report.encode())), Ok(report));
    }
    let (selection, values) = (b"sha256:5".to_vec(), vec![7; 32]);
    for epoch in [None, Some(4)] {
        let state = AcceptedState { selection: selection.clone(), values: values.clone(), epoch };
        assert_eq!(AcceptedState::of_answer(&success(&state.encode())), Ok(state));
    }
    assert_eq!(epoch_of_answer(&success(&5_u64.to_be_bytes())), Ok(5));
}

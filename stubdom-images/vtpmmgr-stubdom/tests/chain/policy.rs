//! Domain 0 rules the policy, with swtpm as the hardware TPM.

use crate::hardware::{domain_0, policy, rig, wire};
use crate::layer::Wire;
use crate::rig::{Disk, Rig, Vtpm, body, disk};
use domain_io::test_utils::World;
use p256::ecdsa::signature::hazmat::PrehashSigner;
use p256::ecdsa::{Signature, SigningKey};
use p256::elliptic_curve::sec1::ToSec1Point;
use peers::{Family, Swtpm, unless_missing};
use std::cell::RefCell;
use std::fmt::Write;
use std::sync::{Mutex, Once};
use tpm_wire::Tag;
use tpm_wire::manager::{
    AcceptedState, Force, PolicyApproval, PolicyCommand, PolicyKey, PolicyReport, PolicyState,
    Request, answer,
};
use tpm_wire::tpm12::TpmResult;
use tpm_wire::tpm20::{self, HashAlgorithm};
use vtpm_custody::{PcrSelection, PcrState, approval_digest};
use vtpm_store::manager::inspect;

/// Every line that was logged by any test of this program.
static LINES: Mutex<String> = Mutex::new(String::new());

thread_local! {
    /// The same by this thread, which is by this test.
    static HERE: RefCell<String> = const { RefCell::new(String::new()) };
}

struct Collector;

impl log::Log for Collector {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let mut lines = LINES.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let _ = writeln!(lines, "{}", record.args());
        let _ = HERE.with_borrow_mut(|lines| writeln!(lines, "{}", record.args()));
    }

    fn flush(&self) {}
}

/// What was logged so far.
pub(crate) fn said() -> String {
    LINES.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone()
}

/// What was logged so far by this test.
pub(crate) fn said_here() -> String {
    HERE.with_borrow(Clone::clone)
}

/// Log lines are kept from now on.
pub(crate) fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        log::set_logger(&Collector).expect("nobody else listens");
        log::set_max_level(log::LevelFilter::Trace);
    });
}

/// One machine, one disk, and a manager that can be started again.
struct Host {
    wire: Wire,
    disk: Disk,
    rig: Rig,
    dom0: Vtpm,
    starts: u16,
}

impl Host {
    fn new(swtpm: &Swtpm) -> Self {
        let (wire, disk) = (wire(swtpm), disk());
        let startup = tpm20::startup(tpm20::StartupType::CLEAR);
        wire.borrow_mut().transmit(&startup).expect("started");
        for pcr in [4, 7] {
            let digests = [(HashAlgorithm::SHA256, vec![0x5A; 32])];
            wire.borrow_mut().transmit(&tpm20::pcr_extend(pcr, &digests)).expect("extended");
        }
        let mut rig = rig(&World::new(), 900, &disk, Family::Tpm20, &wire);
        let dom0 = domain_0(&mut rig);
        Self { wire, disk, rig, dom0, starts: 0 }
    }

    /// The manager is ended; the machine measures something meanwhile; the manager is started.
    fn restart(&mut self, measured: Option<u8>) {
        self.rig.shutdown();
        if let Some(byte) = measured {
            let digests = [(HashAlgorithm::SHA256, vec![byte; 32])];
            self.wire.borrow_mut().transmit(&tpm20::pcr_extend(7, &digests)).expect("extended");
        }
        self.starts += 1;
        self.rig = rig(&World::new(), 900 + self.starts, &self.disk, Family::Tpm20, &self.wire);
        self.dom0 = domain_0(&mut self.rig);
    }

    fn ask(&mut self, command: &PolicyCommand<'_>) -> (u32, Vec<u8>) {
        policy(&mut self.rig, &mut self.dom0, command)
    }

    fn done(&mut self, command: &PolicyCommand<'_>) -> Vec<u8> {
        let (status, body) = self.ask(command);
        assert_eq!(status, 0, "{}", String::from_utf8_lossy(&body));
        body
    }

    fn refused(&mut self, command: &PolicyCommand<'_>) -> String {
        let (status, body) = self.ask(command);
        assert_eq!(status, 9);
        String::from_utf8(body).expect("a sentence")
    }

    fn report(&mut self) -> PolicyReport {
        let body = self.done(&PolicyCommand::Show);
        let packet = answer(Tag::VTPM_RSP2, TpmResult::SUCCESS, &body);
        PolicyReport::of_answer(&packet).expect("a report")
    }

    fn present(&mut self) -> PcrState {
        let body = self.done(&PolicyCommand::Present { selection: b"" });
        state_of(&body)
    }

    fn epoch(&mut self) -> u64 {
        let body = self.done(&PolicyCommand::PrepareEpoch);
        u64::from_be_bytes(body.try_into().expect("a number"))
    }
}

fn state_of(body: &[u8]) -> PcrState {
    let packet = answer(Tag::VTPM_RSP2, TpmResult::SUCCESS, body);
    let told = AcceptedState::of_answer(&packet).expect("a state");
    let selection = String::from_utf8(told.selection).expect("text");
    let selection = PcrSelection::parse(&selection).expect("a selection");
    PcrState::of_bytes(selection, &told.values).expect("its values")
}

/// What the machine will be after measuring 32 of these bytes into PCR 7.
fn after(state: &PcrState, byte: u8) -> PcrState {
    let digest = format!("{byte:02x}").repeat(32);
    let measured = PcrState::parse(&format!("sha256:7={digest}")).expect("a measurement");
    state.extended(&measured).expect("PCR 7 is selected")
}

/// Gives a state in the parts that a packet has.
fn with_state<R>(state: &PcrState, work: impl FnOnce(PolicyState<'_>) -> R) -> R {
    let (selection, values) = (state.selection().to_string(), state.value_bytes());
    work(PolicyState { selection: selection.as_bytes(), values: &values })
}

const NO: Force = Force::No;

#[test]
fn states_are_added_before_an_update_and_dropped_after_it() {
    let Some(swtpm) = unless_missing(Swtpm::start(Family::Tpm20)) else { return };
    let mut host = Host::new(&swtpm);
    let one = after(&host.present(), 1);
    let two = after(&one, 2);
    // PCR 5 of a machine without firmware holds zeros.
    for state in [&one, &two] {
        let why = with_state(state, |state| {
            host.refused(&PolicyCommand::Add { force: NO, states: vec![state] })
        });
        assert!(why.contains("all zeros"), "{why}");
        let force = Force::Yes;
        with_state(state, |state| host.done(&PolicyCommand::Add { force, states: vec![state] }));
    }
    let states = host.report().states;
    assert_eq!(states.len(), 3);
    assert_eq!(state_of(&host.done(&PolicyCommand::Accepted(2))), two);
    host.refused(&PolicyCommand::Accepted(3));
    host.restart(Some(1));
    assert!(host.rig.domain.locked().is_none(), "it was added before");
    assert_eq!(host.present(), one);
    host.done(&PolicyCommand::NewRecoveryKey { replace: NO });
    host.done(&PolicyCommand::Drop { force: Force::Yes });
    assert_eq!(host.report().states.len(), 1);
    host.restart(None);
    assert!(host.rig.domain.locked().is_none());
    host.restart(Some(2));
    let why = host.rig.domain.locked().expect("it was dropped").to_string();
    assert!(why.contains("PCRs 7 of bank"), "{why}");
}

#[test]
fn a_recovery_key_is_replaced_only_on_demand_and_no_secret_is_ever_logged() {
    listen();
    let Some(swtpm) = unless_missing(Swtpm::start(Family::Tpm20)) else { return };
    let mut host = Host::new(&swtpm);
    let mut vtpm = Vtpm::connect(&mut host.rig, 1);
    assert_eq!(vtpm.request(&mut host.rig, Request::Save(&body(0xA7B3, 0xC5D1))).0, 0);
    drop(vtpm);
    let strict = PolicyCommand::Reseal { selection: b"sha256:4,7", force: NO, also: vec![] };
    let why = host.refused(&strict);
    assert!(why.contains("recovery key first"), "{why}");
    let first = host.done(&PolicyCommand::NewRecoveryKey { replace: NO });
    let why = host.refused(&PolicyCommand::NewRecoveryKey { replace: NO });
    assert!(why.contains("there is a recovery key already"), "{why}");
    let second = host.done(&PolicyCommand::NewRecoveryKey { replace: Force::Yes });
    assert_eq!((first.len(), second.len()), (44, 44), "160 bits, a check, and dashes");
    assert_ne!(first, second);
    host.restart(Some(9));
    assert!(host.rig.domain.locked().is_some());
    let recover = |key| PolicyCommand::Recover { key, force: Force::Yes };
    host.refused(&recover(&first));
    host.refused(&recover(&second[..43]));
    host.done(&recover(&second));
    assert!(host.rig.domain.locked().is_none());
    let lines = LINES.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).to_lowercase();
    assert!(lines.contains("recovery key"), "something was heard");
    for key in [&first, &second] {
        let text = String::from_utf8(key.clone()).expect("text").to_lowercase();
        for group in text.split('-') {
            assert!(!lines.contains(group), "a group of the key was logged");
        }
    }
    for form in ["a7b3c5d1", "a7, b3, c5, d1", "167, 179, 197, 209", "0xa7, 0xb3"] {
        assert!(!lines.contains(form), "the key of a vTPM was logged as {form}");
    }
}

struct Administrator(SigningKey);

impl Administrator {
    fn new(byte: u8) -> Self {
        Self(SigningKey::from_slice(&[byte; 32]).expect("a key"))
    }

    fn key(&self) -> PolicyKey {
        let point = self.0.verifying_key().as_affine().to_sec1_point(false);
        let (x, y) = (point.x().expect("no infinity"), point.y().expect("not compressed"));
        PolicyKey { x: (*x).into(), y: (*y).into() }
    }

    fn approving<R>(
        &self,
        state: &PcrState,
        epoch: u64,
        work: impl FnOnce(PolicyApproval<'_>) -> R,
    ) -> R {
        let signature: Signature =
            self.0.sign_prehash(&approval_digest(state, epoch)).expect("signed");
        let signature = signature.to_bytes().into();
        with_state(state, |state| work(PolicyApproval { state, epoch, signature }))
    }
}

#[test]
fn an_administrators_key_decides_until_the_recovery_key_begins_anew() {
    let Some(swtpm) = unless_missing(Swtpm::start(Family::Tpm20)) else { return };
    let mut host = Host::new(&swtpm);
    let administrator = Administrator::new(3);
    let (key, present, epoch) = (administrator.key(), host.present(), host.epoch());
    let enrol = |host: &mut Host| {
        administrator.approving(&present, epoch, |approval| {
            host.ask(&PolicyCommand::Enrol { key, approvals: vec![approval] })
        })
    };
    let (status, why) = enrol(&mut host);
    let why = String::from_utf8_lossy(&why).into_owned();
    assert!(status == 9 && why.contains("recovery key first"), "{why}");
    let recovery_key = host.done(&PolicyCommand::NewRecoveryKey { replace: NO });
    assert_eq!(enrol(&mut host).0, 0);
    let report = host.report();
    assert_eq!((report.administrator, report.epoch), (Some(key), Some(epoch)));
    let later = after(&present, 1);
    for passed_over in [
        PolicyCommand::Reseal { selection: b"", force: Force::Yes, also: vec![] },
        PolicyCommand::Drop { force: Force::Yes },
        PolicyCommand::NewRecoveryKey { replace: Force::Yes },
    ] {
        let why = host.refused(&passed_over);
        assert!(why.contains("an administrator's key decides"), "{why}");
    }
    Administrator::new(4).approving(&later, epoch, |forged| {
        assert!(host.refused(&PolicyCommand::Approve(forged)).contains("signature"));
    });
    administrator.approving(&later, epoch, |good| host.done(&PolicyCommand::Approve(good)));
    host.restart(Some(1));
    assert!(host.rig.domain.locked().is_none(), "it was approved");
    administrator.approving(&later, epoch + 1, |next| host.done(&PolicyCommand::Approve(next)));
    let began = host.done(&PolicyCommand::Retire);
    assert_eq!(began, (epoch + 1).to_be_bytes());
    administrator.approving(&later, epoch, |replayed| {
        assert!(host.refused(&PolicyCommand::Approve(replayed)).contains("was retired"));
    });
    host.restart(None);
    assert!(host.rig.domain.locked().is_none(), "it is approved in the new epoch");
    // The store's own field is not used: epochs are in the sealed secret (formats/manager-store.md).
    assert_eq!(inspect(&mut *host.disk.borrow_mut()).expect("a store").epoch, 0);
    host.restart(Some(2));
    assert!(host.rig.domain.locked().is_some(), "nobody approved this");
    host.done(&PolicyCommand::Recover { key: &recovery_key, force: Force::Yes });
    assert_eq!(host.report().administrator, None);
    host.restart(None);
    assert!(host.rig.domain.locked().is_none());
}

#[test]
fn the_recovery_key_opens_the_store_with_another_tpm() {
    let Some(swtpm) = unless_missing(Swtpm::start(Family::Tpm20)) else { return };
    let mut host = Host::new(&swtpm);
    let mut vtpm = Vtpm::connect(&mut host.rig, 1);
    assert_eq!(vtpm.request(&mut host.rig, Request::Save(&body(1, 1))).0, 0);
    drop(vtpm);
    let key = host.done(&PolicyCommand::NewRecoveryKey { replace: NO });
    let Some(other) = unless_missing(Swtpm::start(Family::Tpm20)) else { return };
    host.rig.shutdown();
    host.wire = wire(&other);
    host.restart(None);
    let why = host.rig.domain.locked().expect("another TPM").to_string();
    assert!(why.contains("not the hardware TPM"), "{why}");
    host.done(&PolicyCommand::Recover { key: &key, force: Force::Yes });
    let mut vtpm = Vtpm::connect(&mut host.rig, 1);
    assert_eq!(vtpm.request(&mut host.rig, Request::Load), (0, body(1, 1).to_vec()));
    drop(vtpm);
    host.restart(None);
    assert!(host.rig.domain.locked().is_none(), "it belongs to this TPM now");
}

//! Approvals end: the epoch in a real software TPM 2.0.

mod support;

use support::Machine;
use support::administrator::{
    Administrator, administered, present, recoverable, state_after, unseal,
};
use tpm_wire::PacketBuilder;
use tpm_wire::tpm20::Handle;
use vtpm_custody::{CustodyError, EPOCH_INDEX, Policy, inspect};
use vtpm_store::Secret;
use vtpm_store::manager::SealedSecret;

const OWNER: u32 = 0x4000_0001;
const NV_READ: u32 = 0x14E;
const UNDEFINE: u32 = 0x122;
const DEFINE: u32 = 0x12A;
const INCREMENT: u32 = 0x134;
const WRITE: u32 = 0x137;

/// TPM2_NV_* of somebody else: handles, his password, parameters.
fn nv(machine: &mut Machine, code: u32, handles: [u32; 2], auth: &[u8], parameters: &[u8]) {
    let start = PacketBuilder::new(tpm_wire::Tag::SESSIONS, code);
    let handles = handles.iter().filter(|handle| **handle != 0);
    let start = handles.fold(start, |packet, handle| packet.u32(*handle));
    let size = 9 + u32::try_from(auth.len()).unwrap();
    let start = start.u32(size).u32(Handle::PASSWORD.0).u16(0).u8(0).sized(auth);
    assert_eq!(machine.code(&start.bytes(parameters).finish()), 0, "command {code:#x}");
}

fn undefine(machine: &mut Machine) {
    nv(machine, UNDEFINE, [OWNER, EPOCH_INDEX], &[], &[]);
}

/// Defines the index with somebody else's password.
fn define(machine: &mut Machine, attributes: u32) {
    let public = PacketBuilder::new(tpm_wire::Tag::NO_SESSIONS, 0);
    let public = public.u32(EPOCH_INDEX).u16(0xB).u32(attributes).u16(0).u16(8).finish();
    let public =
        PacketBuilder::new(tpm_wire::Tag::NO_SESSIONS, 0).sized(b"his").sized(&public[10..]);
    nv(machine, DEFINE, [OWNER, 0], &[], &public.finish()[10..]);
}

/// Our counter's attributes, and those of eight plain bytes.
const COUNTER: u32 = 0x0206_0014;
const ORDINARY: u32 = 0x0206_0004;

/// A store with approvals of the present state for this epoch and the next.
fn ready(machine: &mut Machine, administrator: &Administrator) -> (Secret, SealedSecret, u64) {
    let (secret, sealed, epoch) = administered(machine, administrator);
    let next = administrator.approve(&present(machine, &sealed), epoch + 1);
    let sealed = machine.custody(|custody| custody.approve(&sealed, &secret, &next)).unwrap();
    (secret, sealed, epoch)
}

#[test]
fn an_approved_and_then_retired_state_is_refused_also_from_an_older_disk() {
    let Some(mut machine) = Machine::tpm20() else { return };
    let administrator = Administrator::new(3);
    let (secret, sealed, epoch) = ready(&mut machine, &administrator);
    let old = state_after(&mut machine, &sealed, b"old kernel");
    let old = administrator.approve(&old, epoch);
    let before = machine.custody(|custody| custody.approve(&sealed, &secret, &old)).unwrap();
    machine.boot(b"old kernel").unwrap();
    assert_eq!(unseal(&mut machine, &before).unwrap(), secret, "approved");
    machine.boot(b"boot").unwrap();
    let (after, now) = machine.custody(|custody| custody.retire(&before, &secret)).unwrap();
    assert_eq!(now, epoch + 1);
    assert_eq!(inspect(&after).unwrap().states.len(), 1, "what was retired is forgotten");
    assert_eq!(unseal(&mut machine, &after).unwrap(), secret);
    let over = CustodyError::OtherEpoch { approved: epoch, now };
    let replayed = machine.custody(|custody| custody.approve(&after, &secret, &old));
    assert_eq!(replayed, Err(over.clone()));
    machine.boot(b"old kernel").unwrap();
    assert!(matches!(unseal(&mut machine, &after), Err(CustodyError::PcrsChanged(_))));
    assert_eq!(unseal(&mut machine, &before), Err(over), "the disk as it was before");
}

#[test]
fn a_power_cut_while_retiring_leaves_a_secret_that_opens() {
    let Some(mut machine) = Machine::tpm20() else { return };
    let administrator = Administrator::new(3);
    let (secret, sealed, _) = ready(&mut machine, &administrator);
    // the TPM counted, the disk was not written
    machine.custody(|custody| custody.retire(&sealed, &secret)).unwrap();
    machine.boot(b"boot").unwrap();
    assert_eq!(unseal(&mut machine, &sealed).unwrap(), secret);
}

#[test]
fn retiring_what_nothing_follows_is_refused_and_changes_nothing() {
    let Some(mut machine) = Machine::tpm20() else { return };
    let administrator = Administrator::new(3);
    let (secret, sealed, epoch) = administered(&mut machine, &administrator);
    let other = state_after(&mut machine, &sealed, b"other");
    let other = administrator.approve(&other, epoch + 1);
    let sealed = machine.custody(|custody| custody.approve(&sealed, &secret, &other)).unwrap();
    let refused = machine.custody(|custody| custody.retire(&sealed, &secret));
    assert_eq!(refused, Err(CustodyError::NotApproved { epoch: epoch + 1 }));
    assert_eq!(machine.custody(|custody| custody.epoch(&sealed)), Ok(Some(epoch)));
    assert_eq!(unseal(&mut machine, &sealed).unwrap(), secret);
    let far = administrator.approve(&present(&mut machine, &sealed), epoch + 2);
    let refused = machine.custody(|custody| custody.approve(&sealed, &secret, &far));
    assert_eq!(refused, Err(CustodyError::OtherEpoch { approved: epoch + 2, now: epoch }));
}

#[test]
fn an_epoch_changed_on_the_disk_is_no_approval() {
    let Some(mut machine) = Machine::tpm20() else { return };
    let (secret, sealed, epoch) = ready(&mut machine, &Administrator::new(3));
    machine.custody(|custody| custody.retire(&sealed, &secret)).unwrap();
    let mut forged = sealed;
    let number = epoch.to_le_bytes();
    let at = forged.blob.windows(8).position(|part| part == number).unwrap();
    forged.blob[at..at + 8].copy_from_slice(&(epoch + 1).to_le_bytes());
    assert_eq!(unseal(&mut machine, &forged), Err(CustodyError::BadApproval));
}

#[test]
fn an_index_that_somebody_else_made_anew_is_refused() {
    let Some(mut machine) = Machine::tpm20() else { return };
    let administrator = Administrator::new(3);
    let (secret, sealed, epoch) = ready(&mut machine, &administrator);
    undefine(&mut machine);
    assert_eq!(unseal(&mut machine, &sealed), Err(CustodyError::NoEpoch(EPOCH_INDEX)));
    // the same public area, with his password: it counts on above all that there ever was
    define(&mut machine, COUNTER);
    nv(&mut machine, INCREMENT, [EPOCH_INDEX, EPOCH_INDEX], b"his", &[]);
    let now = machine.custody(|custody| custody.epoch(&sealed)).unwrap().unwrap();
    assert!(now > epoch);
    let over = CustodyError::OtherEpoch { approved: epoch, now };
    let foreign = CustodyError::ForeignEpoch(EPOCH_INDEX);
    let refused = unseal(&mut machine, &sealed).unwrap_err();
    assert!(refused == over || refused == foreign, "{refused}");
    let prepared = machine.custody(|custody| custody.prepare_epoch(&sealed, &secret));
    assert_eq!(prepared, Err(foreign.clone()));
    // eight plain bytes with the right number
    undefine(&mut machine);
    define(&mut machine, ORDINARY);
    let number = [&[0, 8][..], &epoch.to_be_bytes(), &[0, 0]].concat();
    nv(&mut machine, WRITE, [EPOCH_INDEX, EPOCH_INDEX], b"his", &number);
    assert_eq!(unseal(&mut machine, &sealed), Err(foreign));
}

#[test]
fn a_lie_about_the_epoch_is_noticed() {
    let Some(mut machine) = Machine::tpm20() else { return };
    let (_, sealed, _) = administered(&mut machine, &Administrator::new(3));
    machine.tamper = Some(Box::new(|code, response| {
        if code == NV_READ && response.len() > 23 {
            response[23] ^= 1;
        }
    }));
    let lied = unseal(&mut machine, &sealed);
    assert_eq!(lied, Err(CustodyError::NotAuthentic { step: "TPM2_NV_Read" }));
}

#[test]
fn an_epoch_outlives_a_power_cut_while_it_is_made_and_is_made_once() {
    let Some(mut machine) = Machine::tpm20() else { return };
    let (secret, sealed) = recoverable(&mut machine);
    assert_eq!(machine.custody(|custody| custody.epoch(&sealed)), Ok(None));
    let prepare = |machine: &mut Machine| {
        machine.custody(|custody| custody.prepare_epoch(&sealed, &secret)).unwrap()
    };
    let first = prepare(&mut machine);
    assert_eq!(prepare(&mut machine), first);
    machine.boot(b"boot").unwrap();
    assert_eq!(machine.custody(|custody| custody.epoch(&sealed)), Ok(Some(first)));
    let (other_secret, other) =
        machine.custody(|custody| custody.first_start(&Policy::default())).unwrap();
    let foreign = machine.custody(|custody| custody.prepare_epoch(&other, &other_secret));
    assert_eq!(foreign, Err(CustodyError::ForeignEpoch(EPOCH_INDEX)));
}

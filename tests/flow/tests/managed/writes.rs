//! Which commands write, and how much.

use super::{INDEX, define, read, write};
use flow_tests::packets::{key, nv, response_code, tpm12};
use flow_tests::{Chain, Guest, Machine, Managed};
use tpm_wire::tpm12::{Ordinal, Property, read_pubek, save_state};
use tpm_wire::tpm20::{self, Capability, HashAlgorithm, StartupType};

/// How many saves a command causes. Each is one flush of the vTPM's disk and one of the manager's.
pub(crate) fn saves(
    machine: &Machine,
    chain: &mut Chain<Managed>,
    guest: &mut Guest,
    packet: &[u8],
) -> usize {
    let before = (machine.commits(), machine.written().0);
    let answer = guest.send(chain, packet);
    assert_eq!(response_code(&answer), 0, "{packet:02x?} -> {answer:02x?}");
    let saves = machine.commits() - before.0;
    assert_eq!(machine.written().0 - before.1, saves, "one flush for each save");
    saves
}

#[test]
fn a_save_is_one_flush_and_a_few_kilobytes() {
    let mut machine = Machine::default();
    let mut chain = machine.start("tpm2").unwrap();
    let mut guest = Guest::boot(&mut chain, 1);
    define(&mut chain, &mut guest);
    write(&mut chain, &mut guest, 0);
    let (flushes, bytes) = machine.written();
    for value in 1..=20 {
        write(&mut chain, &mut guest, value);
    }
    let (flushes, bytes) = (machine.written().0 - flushes, machine.written().1 - bytes);
    assert_eq!(flushes, 20);
    println!("a save writes {} bytes", bytes / 20);
    assert!(bytes / 20 < 8 * 1024, "{} bytes", bytes / 20);
}

#[test]
fn these_commands_of_tpm_20_write_and_those_do_not() {
    let mut machine = Machine::default();
    let mut chain = machine.start("tpm2").unwrap();
    let mut guest = Guest::boot(&mut chain, 1);
    let bank = HashAlgorithm::SHA256;
    let extend = tpm20::pcr_extend(8, &[(bank, vec![1; 32])]);
    let property = tpm20::Property::MANUFACTURER;
    for (writes, name, packet) in [
        (0, "PCR_Read", tpm20::pcr_read(bank, 8)),
        (0, "PCR_Extend", extend.clone()),
        (0, "PCR_Extend again", extend.clone()),
        (0, "GetRandom", tpm20::get_random(16)),
        (0, "SelfTest", tpm20::self_test(true)),
        (0, "GetCapability", tpm20::get_capability(Capability::TPM_PROPERTIES, property, 1)),
        (1, "NV_DefineSpace", nv::define(INDEX, 8)),
        (1, "NV_Write", nv::write(INDEX, &[1; 8])),
        (0, "NV_Write of the same bytes", nv::write(INDEX, &[1; 8])),
        (1, "NV_Write of others", nv::write(INDEX, &[2; 8])),
        (0, "NV_Read", nv::read(INDEX, 8)),
        (0, "NV_ReadPublic", nv::read_public(INDEX)),
        (0, "CreatePrimary", key::Template::new(key::Kind::EccStorage).create_primary()),
        (1, "NV_UndefineSpace", nv::undefine(INDEX)),
        (1, "Shutdown(CLEAR)", tpm20::shutdown(StartupType::CLEAR)),
        (0, "GetRandom in the orderly state", tpm20::get_random(16)),
        (1, "PCR_Extend, which ends the orderly state", extend.clone()),
        (0, "PCR_Extend after it", extend),
    ] {
        let counted = saves(&machine, &mut chain, &mut guest, &packet);
        assert_eq!(counted, writes, "{name}");
    }
}

#[test]
fn these_commands_of_tpm_12_write_and_those_do_not() {
    let mut machine = Machine::default();
    let mut chain = machine.start("loglevel=info").unwrap();
    let mut guest = Guest::boot(&mut chain, 1);
    for (writes, name, packet) in [
        (0, "PCRRead", tpm12::pcr_read(8)),
        (0, "Extend", tpm12::extend(8, &[1; 20])),
        (0, "GetRandom", tpm12::get_random(16)),
        (0, "GetCapability", tpm12::get_property(Property::MANUFACTURER)),
        (0, "ReadPubek, which the start has done before", read_pubek([1; 20])),
        (0, "ReadPubek", read_pubek([1; 20])),
        (0, "ContinueSelfTest", tpm12::command(Ordinal::CONTINUE_SELF_TEST.0).finish()),
        (1, "SaveState", save_state()),
        (1, "SaveState again", save_state()),
        (1, "PCRRead, which ends the saved state", tpm12::pcr_read(8)),
        (0, "Extend after it", tpm12::extend(8, &[1; 20])),
    ] {
        let counted = saves(&machine, &mut chain, &mut guest, &packet);
        assert_eq!(counted, writes, "{name}");
    }
    // The one exception among commands that read: libtpms stores something at the first of each boot.
    guest.destroy(&mut chain);
    chain.stop();
    let mut chain = machine.start("loglevel=info").unwrap();
    let mut guest = Guest::boot(&mut chain, 2);
    for writes in [1, 0, 0] {
        assert_eq!(saves(&machine, &mut chain, &mut guest, &read_pubek([1; 20])), writes);
    }
}

#[test]
fn a_guest_s_boot_and_end_write_a_counted_number_of_times() {
    let mut machine = Machine::default();
    let chain = machine.start("tpm2").unwrap();
    let first = machine.written();
    chain.stop();
    let mut chain = machine.start("tpm2").unwrap();
    let start = machine.written().0;
    let mut guest = Guest::boot(&mut chain, 1);
    let boot = machine.written().0;
    assert_eq!(read(&mut chain, &mut guest), None);
    guest.destroy(&mut chain);
    let end = machine.written().0;
    println!(
        "first start {} flushes; start {}, guest {}, its end {}",
        first.0,
        start - first.0,
        boot - start,
        end - boot
    );
    assert!(boot - start <= 1, "the guest is remembered: {}", boot - start);
    assert!(end - boot <= 2, "its end: {}", end - boot);
}

/// The longest a command that writes may wait is less than the driver does.
#[test]
fn the_durations_reported_to_a_guest_are_longer_than_the_limit() {
    let mut machine = Machine::default();
    let mut chain = machine.start("loglevel=info").unwrap();
    let mut guest = Guest::boot(&mut chain, 1);
    let answer = guest.succeed(&mut chain, &tpm12::get_property(Property::DURATION));
    let micros: Vec<u32> =
        answer[14..].chunks(4).map(|n| u32::from_be_bytes(n.try_into().unwrap())).collect();
    println!("durations: {micros:?} microseconds");
    let limit = vtpm_keeper::answer_limit(tpm_wire::TpmVersion::Tpm12);
    let shortest = std::time::Duration::from_micros(u64::from(*micros.iter().min().unwrap()));
    assert!(limit < shortest, "{limit:?} and {shortest:?}");
}

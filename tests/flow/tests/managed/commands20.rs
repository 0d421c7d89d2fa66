//! Every command that the engine of a TPM 2.0 knows: which of them write.

use super::writes::saves;
use flow_tests::packets::key::{self, Kind, Template};
use flow_tests::packets::session::{Purpose, policy_digest, policy_pcr, start};
use flow_tests::packets::{OWNER, Proof, authorised, flush, handle, nv, plain, response_code};
use flow_tests::{Chain, Guest, Machine, Managed};
use tpm_wire::tpm20::{Capability, Handle, Property, get_capability, get_random};
use tpm_wire::{PacketBuilder, Reader};

/// `TPM_CAP_COMMANDS` (Part 2, 6.12).
const COMMANDS: Capability = Capability(2);

/// The commands of which the engine says that they may write to what is permanent (Part 2, 8.9
/// `TPMA_CC.nv`); docs/performance.md lists them.
const MAY_WRITE: [(u32, &str); 37] = [
    (0x11F, "NV_UndefineSpaceSpecial"),
    (0x120, "EvictControl"),
    (0x121, "HierarchyControl"),
    (0x122, "NV_UndefineSpace"),
    (0x124, "ChangeEPS"),
    (0x125, "ChangePPS"),
    (0x126, "Clear"),
    (0x127, "ClearControl"),
    (0x128, "ClockSet"),
    (0x129, "HierarchyChangeAuth"),
    (0x12A, "NV_DefineSpace"),
    (0x12B, "PCR_Allocate"),
    (0x12C, "PCR_SetAuthPolicy"),
    (0x12D, "PP_Commands"),
    (0x12E, "SetPrimaryPolicy"),
    (0x132, "NV_GlobalWriteLock"),
    (0x133, "GetCommandAuditDigest"),
    (0x134, "NV_Increment"),
    (0x135, "NV_SetBits"),
    (0x136, "NV_Extend"),
    (0x137, "NV_Write"),
    (0x138, "NV_WriteLock"),
    (0x139, "DictionaryAttackLockReset"),
    (0x13A, "DictionaryAttackParameters"),
    (0x13B, "NV_ChangeAuth"),
    (0x13C, "PCR_Event"),
    (0x13D, "PCR_Reset"),
    (0x13F, "SetAlgorithmSet"),
    (0x140, "SetCommandCodeAuditStatus"),
    (0x142, "IncrementalSelfTest"),
    (0x143, "SelfTest"),
    (0x144, "Startup"),
    (0x145, "Shutdown"),
    (0x146, "StirRandom"),
    (0x14F, "NV_ReadLock"),
    (0x182, "PCR_Extend"),
    (0x185, "EventSequenceComplete"),
];

/// Each command's number, and whether it may write.
fn commands(answer: &[u8]) -> Vec<(u32, bool)> {
    let mut from = Reader::new(&answer[10..]);
    let (_more, _capability) = (from.u8().unwrap(), from.u32().unwrap());
    let count = from.u32().unwrap();
    let attributes = (0..count).map(|_| from.u32().unwrap());
    attributes.map(|bits| (bits & 0x2000_FFFF, bits & (1 << 22) != 0)).collect()
}

fn machine() -> (Machine, Chain<Managed>, Guest) {
    let mut machine = Machine::default();
    let mut chain = machine.start("tpm2").unwrap();
    let guest = Guest::boot(&mut chain, 1);
    (machine, chain, guest)
}

#[test]
fn the_engine_s_commands_that_may_write_are_these_and_a_refused_one_writes_nothing() {
    let (machine, mut chain, mut guest) = machine();
    let all = guest.succeed(&mut chain, &get_capability(COMMANDS, Property(0), 256));
    let all = commands(&all);
    assert!(all.len() > 100, "{}", all.len());
    let may: Vec<u32> = all.iter().filter(|(_, may)| *may).map(|(code, _)| *code).collect();
    assert_eq!(may, MAY_WRITE.map(|(code, _)| code));
    let before = (machine.commits(), machine.written());
    for (code, _) in all {
        // Without its parameters; most of them need some.
        guest.send(&mut chain, &plain(code).finish());
    }
    assert_eq!((machine.commits(), machine.written()), before);
}

fn owned(code: u32) -> PacketBuilder {
    authorised(code, &[OWNER], &Proof::Password(&[]))
}

fn lockout(code: u32) -> PacketBuilder {
    authorised(code, &[Handle::LOCKOUT.0], &Proof::Password(&[]))
}

fn pcr(code: u32) -> PacketBuilder {
    authorised(code, &[16], &Proof::Password(&[]))
}

#[test]
fn keys_sessions_and_clocks_are_read_and_used_without_a_write() {
    let (machine, mut chain, mut guest) = machine();
    let mut free = |packet: &[u8]| {
        let before = machine.written();
        let answer = guest.send(&mut chain, packet);
        assert_eq!(response_code(&answer), 0, "{packet:02x?} -> {answer:02x?}");
        assert_eq!(machine.written(), before, "{packet:02x?}");
        answer
    };
    let parent = handle(&free(&Template::new(Kind::EccStorage).create_primary()));
    let created = free(&Template::new(Kind::EccSigning).create(parent));
    let signer = handle(&free(&key::load(parent, &created)));
    free(&key::read_public(signer));
    let signed = free(&key::sign(signer, &[], &[5; 32]));
    free(&key::verify(signer, &[5; 32], &signed));
    free(&key::quote(signer, &[1; 16], 8));
    let context = free(&plain(0x162).u32(signer).finish());
    free(&flush(signer));
    free(&plain(0x161).bytes(&context[10..]).finish());
    let session = handle(&free(&start(Purpose::Policy)));
    free(&policy_pcr(session, 8));
    free(&policy_digest(session));
    free(&flush(session));
    // Hash, ReadClock, GetTestResult, TestParms of SHA-256, IncrementalSelfTest of nothing, StirRandom.
    free(&plain(0x17D).sized(b"text").u16(0xB).u32(OWNER).finish());
    free(&plain(0x181).finish());
    free(&plain(0x17C).finish());
    free(&plain(0x18A).u16(8).u16(0x10).finish());
    free(&plain(0x142).u32(0).finish());
    free(&plain(0x146).sized(&[1; 16]).finish());
    // PCR_Event and PCR_Reset may write by the specification; PCR 16 is in no saved set.
    free(&pcr(0x13C).sized(b"event").finish());
    free(&pcr(0x13D).finish());
}

#[test]
fn these_commands_of_owner_and_lockout_write() {
    let (machine, mut chain, mut guest) = machine();
    let mut count = |packet: &[u8]| saves(&machine, &mut chain, &mut guest, packet);
    let counter = |attributes: u32, index: u32| {
        nv::define_with(
            (1 << 1) | (1 << 2) | (1 << 17) | (1 << 18) | (1 << 25) | attributes,
            index,
            8,
        )
    };
    let on = |code, index| authorised(code, &[index, index], &Proof::Password(&[]));
    let (counts, bits, extends, locks) = (0x0150_0001, 0x0150_0002, 0x0150_0003, 0x0150_0004);
    for (writes, name, packet) in [
        (1, "HierarchyChangeAuth", owned(0x129).sized(b"a").finish()),
        (
            1,
            "HierarchyChangeAuth back",
            authorised(0x129, &[OWNER], &Proof::Password(b"a")).sized(&[]).finish(),
        ),
        (1, "SetPrimaryPolicy", owned(0x12E).sized(&[3; 32]).u16(0xB).finish()),
        (1, "ClearControl", lockout(0x127).u8(1).finish()),
        (1, "DictionaryAttackParameters", lockout(0x13A).u32(5).u32(6).u32(7).finish()),
        (0, "DictionaryAttackLockReset with nothing to forget", lockout(0x139).finish()),
        (1, "NV_DefineSpace of a counter", counter(1 << 4, counts)),
        (1, "NV_Increment", on(0x134, counts).finish()),
        (1, "NV_Increment again", on(0x134, counts).finish()),
        (1, "NV_DefineSpace of bits", counter(2 << 4, bits)),
        (1, "NV_SetBits", on(0x135, bits).u32(0).u32(5).finish()),
        (1, "NV_DefineSpace of a PCR", nv::define_with(0x0206_0006 | (4 << 4), extends, 32)),
        (1, "NV_Extend", on(0x136, extends).sized(&[1; 32]).finish()),
        (1, "NV_DefineSpace with locks", counter((1 << 13) | (1 << 14) | (1 << 31), locks)),
        (1, "NV_Write", nv::write(locks, &[1; 8])),
        (1, "NV_ReadLock", on(0x14F, locks).finish()),
        (1, "NV_WriteLock", on(0x138, locks).finish()),
        (1, "NV_UndefineSpace", nv::undefine(locks)),
    ] {
        assert_eq!(count(&packet), writes, "{name}");
    }
}

#[test]
fn a_wrong_password_is_written_down_before_it_is_answered() {
    let (machine, mut chain, mut guest) = machine();
    let index = 0x0150_0001;
    // Read and written by its password, under the protection against guessing.
    guest.succeed(&mut chain, &nv::define_with((1 << 2) | (1 << 18), index, 8));
    let wrong =
        authorised(0x137, &[index, index], &Proof::Password(b"guess")).sized(&[1; 8]).u16(0);
    let guess = wrong.finish();
    let mut codes = Vec::new();
    for _ in 0..3 {
        let before = machine.commits();
        codes.push((response_code(&guest.send(&mut chain, &guess)), machine.commits() - before));
    }
    // The first use in a boot is noted, with an answer that asks for another try (TPM_RC_RETRY).
    assert_eq!(codes, [(0x922, 1), (0x98E, 1), (0x98E, 1)]);
    let forget = lockout(0x139).finish();
    assert_eq!(saves(&machine, &mut chain, &mut guest, &forget), 1);
}

/// The specification lets a TPM write its clock down every so often (`TPM_PT_CLOCK_UPDATE`; Part 1,
/// 36.3).
#[test]
fn time_alone_causes_no_write() {
    let (machine, mut chain, mut guest) = machine();
    let interval = 4096;
    for passed in 1..4 {
        let soon = (passed << 20) * interval - 20;
        guest.succeed(&mut chain, &owned(0x128).bytes(&u64::to_be_bytes(soon)).finish());
        let before = machine.written();
        for _ in 0..10 {
            std::thread::sleep(std::time::Duration::from_millis(5));
            guest.succeed(&mut chain, &get_random(8));
        }
        assert_eq!(machine.written(), before);
    }
}

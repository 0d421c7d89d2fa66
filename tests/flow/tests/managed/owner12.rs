//! The commands of a TPM 1.2 with their parameters, as an owner uses them: which of them write.

use crate::ordinals12::{DOES_NOT, MAY_WRITE};
use flow_tests::packets::auth12::{self, Access, Bytes20, OWNER, SRK, Session};
use flow_tests::packets::tpm12::{self, command};
use flow_tests::packets::{response_code, structure};
use flow_tests::{Chain, Guest, Machine, Managed, own};
use std::collections::BTreeSet;
use tpm_wire::tpm12::{Capability, get_capability, save_state};

/// What own() gives owner and storage root key.
const KNOWN: Bytes20 = [0; 20];
const AUTH: Bytes20 = [8; 20];
const BY_OWNER: u32 = 0x0001_1201;
const BY_AUTH: u32 = 0x0001_1202;
const COUNTER: [u8; 4] = [0; 4];
/// `TPM_CAP_ORD` (1.2 Part 2, 21.1).
const ORDINALS: Capability = Capability(1);

/// A guest who counts what its commands cause.
struct Watcher {
    machine: Machine,
    chain: Chain<Managed>,
    guest: Guest,
    wrote: BTreeSet<u32>,
    /// The last command.
    last: (u32, usize),
}

impl Watcher {
    fn start() -> Self {
        let mut machine = Machine::default();
        let mut chain = machine.start("loglevel=info").unwrap();
        let guest = Guest::boot(&mut chain, 1);
        Self { machine, chain, guest, wrote: BTreeSet::new(), last: (0, 0) }
    }

    fn send(&mut self, packet: &[u8]) -> Vec<u8> {
        let before = (self.machine.commits(), self.machine.written().0);
        let answer = self.guest.send(&mut self.chain, packet);
        let saves = self.machine.commits() - before.0;
        assert_eq!(self.machine.written().0 - before.1, saves, "one flush for each save");
        let ordinal = u32::from_be_bytes(packet[6..10].try_into().unwrap());
        self.last = (ordinal, saves);
        self.wrote.extend((saves > 0).then_some(ordinal));
        assert_eq!(response_code(&answer), 0, "{packet:02x?} -> {answer:02x?}");
        answer
    }

    /// The last command wrote so many times.
    fn wrote(&self, saves: usize, what: &str) {
        assert_eq!(self.last.1, saves, "{:#x} {what}", self.last.0);
    }

    fn plain(&mut self, saves: usize, what: &str, packet: &[u8]) -> Vec<u8> {
        let answer = self.send(packet);
        self.wrote(saves, what);
        answer
    }

    /// A command with this knowledge.
    fn with(
        &mut self,
        auth: &Bytes20,
        (saves, what): (usize, &str),
        call: (u32, &[u8]),
    ) -> Vec<u8> {
        let session = auth12::independent(&mut |packet| self.send(packet), auth);
        self.wrote(0, "OIAP");
        let answer = self.send(&session.command(call.0, &[], call.1));
        self.wrote(saves, what);
        answer
    }

    fn owner(&mut self, saves: usize, what: &str, ordinal: u32, parameters: &[u8]) {
        self.with(&KNOWN, (saves, what), (ordinal, parameters));
    }

    /// A command of the owner's that carries a new authorisation.
    fn owner_with_new(
        &mut self,
        (saves, what): (usize, &str),
        (owner, new): (&Bytes20, &Bytes20),
        ordinal: u32,
        parameters: impl FnOnce(&Bytes20) -> Vec<u8>,
    ) -> Vec<u8> {
        let session = self.of_object(OWNER, owner);
        let parameters = parameters(&session.conceal(new));
        let answer = self.send(&session.command(ordinal, &[], &parameters));
        self.wrote(saves, what);
        answer
    }

    fn of_object(&mut self, object: (u16, u32), auth: &Bytes20) -> Session {
        let session = auth12::of_object(&mut |packet| self.send(packet), object, auth);
        self.wrote(0, "OSAP");
        session
    }

    /// All that wrote may write.
    fn finish(self) {
        let may = |ordinal: &u32| MAY_WRITE.iter().any(|(may, _)| may == ordinal);
        assert!(self.wrote.iter().all(may), "{:#x?}", self.wrote);
    }
}

#[test]
fn the_engine_s_ordinals_are_those_of_the_two_lists() {
    let mut watcher = Watcher::start();
    let mut known = |ordinal: u32| {
        let answer = watcher.send(&get_capability(ORDINALS, &ordinal.to_be_bytes()));
        answer.last() == Some(&1)
    };
    let found: BTreeSet<u32> =
        (0..0x200).chain(0x4000_0000..0x4000_0020).filter(|ordinal| known(*ordinal)).collect();
    let listed: BTreeSet<u32> = MAY_WRITE.iter().chain(&DOES_NOT).map(|(code, _)| *code).collect();
    assert_eq!(listed.len(), MAY_WRITE.len() + DOES_NOT.len(), "none is in both");
    assert_eq!(found, listed);
}

#[test]
fn what_an_owner_of_a_tpm_12_keeps_is_written_once_and_what_he_only_uses_is_not() {
    let mut watcher = Watcher::start();
    let clock = watcher.machine.world.clock();
    let (mut taken, mut other) = (0, 0);
    own(
        |packet| {
            let answer = watcher.send(packet);
            let saves = watcher.last.1;
            *(if watcher.last.0 == 0x0D { &mut taken } else { &mut other }) += saves;
            answer
        },
        &clock,
    );
    assert_eq!((taken, other), (1, 0), "TakeOwnership; ReadPubek, OIAP, OSAP, Seal and Unseal");
    spaces(&mut watcher);
    counters(&mut watcher);
    keys(&mut watcher);
    authorisations(&mut watcher);
    switches(&mut watcher);
    watcher.finish();
}

fn spaces(watcher: &mut Watcher) {
    for (index, access) in [(BY_OWNER, Access::ByOwner), (BY_AUTH, Access::ByAuth)] {
        watcher.owner_with_new((1, "NV_DefineSpace"), (&KNOWN, &AUTH), 0xCC, |auth| {
            auth12::nv_define(index, access, 8, auth)
        });
    }
    for (saves, data) in [(1, [1; 8]), (0, [1; 8]), (1, [2; 8])] {
        watcher.owner(saves, "NV_WriteValue", 0xCD, &auth12::nv_write(BY_OWNER, &data));
        let write = auth12::nv_write(BY_AUTH, &data);
        watcher.with(&AUTH, (saves, "NV_WriteValueAuth"), (0xCE, &write));
    }
    watcher.plain(0, "NV_ReadValue", &auth12::nv_read(BY_OWNER, 8));
    watcher.owner_with_new((1, "NV_DefineSpace of nothing"), (&KNOWN, &AUTH), 0xCC, |auth| {
        auth12::nv_define(BY_AUTH, Access::ByAuth, 0, auth)
    });
    watcher.owner(1, "DirWriteAuth", 0x19, &[&[0; 4][..], &[5; 20]].concat());
    watcher.plain(0, "DirRead", &command(0x1A).u32(0).finish());
}

fn counters(watcher: &mut Watcher) {
    for release in [(0xDF, AUTH, "ReleaseCounter"), (0xE0, KNOWN, "ReleaseCounterOwner")] {
        watcher.owner_with_new((1, "CreateCounter"), (&KNOWN, &AUTH), 0xDC, |auth| {
            auth12::create_counter(auth, *b"test")
        });
        if release.1 == AUTH {
            for _ in 0..3 {
                watcher.with(&AUTH, (1, "IncrementCounter"), (0xDD, &COUNTER));
            }
        }
        watcher.plain(0, "ReadCounter", &auth12::read_counter(0));
        watcher.with(&release.1, (1, release.2), (release.0, &COUNTER));
    }
}

fn keys(watcher: &mut Watcher) {
    const SIGNING: u16 = 0x0010;
    let parent = SRK.1.to_be_bytes();
    let session = watcher.of_object(SRK, &KNOWN);
    let usage = session.conceal(&AUTH);
    let template = structure(|packet| {
        let head =
            packet.bytes(&usage).bytes(&usage).bytes(&[1, 1, 0, 0]).u16(SIGNING).u32(0).u8(1);
        let parameters = head.u32(1).u16(1).u16(2).u32(12).u32(2048).u32(2).u32(0);
        parameters.u32(0).u32(0).u32(0)
    });
    let made = watcher.plain(0, "CreateWrapKey", &session.command(0x1F, &parent, &template));
    let key = &made[10..made.len() - 41];
    let session = auth12::independent(&mut |packet| watcher.send(packet), &KNOWN);
    let loaded = watcher.plain(0, "LoadKey2", &session.command(0x41, &parent, key));
    let handle = &loaded[10..14];
    for (what, ordinal, parameters) in
        [("GetPubKey", 0x21, vec![]), ("Sign", 0x3C, [&[0, 0, 0, 20][..], &[9; 20]].concat())]
    {
        let session = auth12::independent(&mut |packet| watcher.send(packet), &AUTH);
        watcher.plain(0, what, &session.command(ordinal, handle, &parameters));
    }
    watcher.plain(0, "FlushSpecific", &command(0xBA).bytes(handle).u32(1).finish());
    watcher.owner(0, "OwnerReadInternalPub", 0x81, &parent);
    watcher.owner(0, "OwnerReadPubek", 0x7D, &[]);
    watcher.owner(0, "GetCapabilityOwner", 0x66, &[]);
}

fn authorisations(watcher: &mut Watcher) {
    let mut change = |saves, owner: &Bytes20, new: &Bytes20, entity: u16| {
        watcher.owner_with_new((saves, "ChangeAuthOwner"), (owner, new), 0x10, |auth| {
            [&[0, 4][..], auth, &entity.to_be_bytes()].concat()
        });
    };
    change(1, &KNOWN, &AUTH, OWNER.0);
    change(1, &AUTH, &AUTH, SRK.0);
    change(0, &AUTH, &AUTH, SRK.0);
    change(1, &AUTH, &KNOWN, OWNER.0);
    watcher.plain(1, "SetOperatorAuth", &command(0x74).bytes(&AUTH).finish());
    let audit = |on| [&0x14_u32.to_be_bytes()[..], &[on]].concat();
    watcher.owner(1, "SetOrdinalAuditStatus", 0x8D, &audit(1));
    watcher.owner(1, "SetOrdinalAuditStatus", 0x8D, &audit(0));
}

fn switches(watcher: &mut Watcher) {
    watcher.owner(0, "ResetLockValue with nothing to forget", 0x40, &[]);
    watcher.owner(0, "DisablePubekRead, which an owner has anyway", 0x7E, &[]);
    for (saves, on) in [(1, 1), (0, 1), (1, 0)] {
        watcher.owner(saves, "OwnerSetDisable", 0x6E, &[on]);
    }
    for (saves, on) in [(1, 1), (0, 1), (1, 0)] {
        watcher.plain(saves, "PhysicalSetDeactivated", &command(0x72).u8(on).finish());
    }
    watcher.plain(0, "SetOwnerInstall beside an owner", &command(0x71).u8(0).finish());
    for (what, packet) in [
        ("GetTicks", command(0xF1).finish()),
        ("StirRandom", command(0x47).u32(4).bytes(b"rand").finish()),
        ("SHA1Start", command(0xA0).finish()),
        ("SHA1Complete", command(0xA2).u32(4).bytes(b"text").finish()),
        ("Extend", tpm12::extend(16, &[1; 20])),
        ("PCR_Reset", command(0xC8).u16(3).bytes(&[0, 0, 1]).finish()),
        ("SelfTestFull", command(0x50).finish()),
        ("GetTestResult", command(0x54).finish()),
    ] {
        watcher.plain(0, what, &packet);
    }
    watcher.owner(1, "OwnerClear", 0x5B, &[]);
    watcher.plain(1, "PhysicalEnable, since nobody's TPM is disabled", &command(0x6F).finish());
    watcher.plain(1, "SetOwnerInstall without an owner", &command(0x71).u8(0).finish());
    watcher.plain(1, "SaveState", &save_state());
}

//! The same conversation with swtpm and with a vTPM: same response codes, same lengths.

use flow_tests::packets::key::{self, Kind, Template};
use flow_tests::packets::session::{self, Purpose};
use flow_tests::packets::{Proof, flush, handle, nv, response_code, tpm12};
use flow_tests::{Chain, Guest};
use peers::{Family, RawTpm, Swtpm, unless_missing};
use std::path::Path;
use tpm_hw::test_utils::set_up_tpm12;
use tpm_wire::tpm12 as wire12;
use tpm_wire::tpm12::Property;
use tpm_wire::tpm20::{
    HashAlgorithm, StartupType, get_random, pcr_extend, pcr_read, self_test, startup,
};

const INDEX: u32 = 0x0150_0000;
const DIGEST: [u8; 32] = [7; 32];

/// What was said and how it was answered.
struct Talk<'a> {
    tpm: &'a mut dyn FnMut(&[u8]) -> Vec<u8>,
    /// What was asked, the response code, and the answer's length.
    answers: Vec<(&'static str, u32, usize)>,
}

impl Talk<'_> {
    fn say(&mut self, what: &'static str, packet: &[u8]) -> Vec<u8> {
        let answer = (self.tpm)(packet);
        self.answers.push((what, response_code(&answer), answer.len()));
        answer
    }
}

fn keys(talk: &mut Talk) {
    let storage = Template::new(Kind::RsaStorage(2048)).create_primary();
    let parent = handle(&talk.say("CreatePrimary RSA storage", &storage));
    talk.say("ReadPublic", &key::read_public(parent));
    let child = Template::new(Kind::EccSigning).create(parent);
    let created = talk.say("Create ECC", &child);
    let signer = handle(&talk.say("Load", &key::load(parent, &created)));
    let signed = talk.say("Sign ECDSA", &key::sign(signer, &[], &DIGEST));
    talk.say("VerifySignature", &key::verify(signer, &DIGEST, &signed));
    talk.say("VerifySignature of something else", &key::verify(signer, &[8; 32], &signed));
    talk.say("Quote", &key::quote(signer, b"nonce", 8));
    talk.say("FlushContext", &flush(signer));
    talk.say("FlushContext again", &flush(signer));
    talk.say("ReadPublic of nothing", &key::read_public(signer));
    sealed(talk, parent);
    talk.say("FlushContext of the parent", &flush(parent));
}

fn sealed(talk: &mut Talk, parent: u32) {
    let trial = handle(&talk.say("StartAuthSession trial", &session::start(Purpose::Trial)));
    talk.say("PolicyPCR", &session::policy_pcr(trial, 8));
    let digest = talk.say("PolicyGetDigest", &session::policy_digest(trial));
    talk.say("FlushContext trial", &flush(trial));
    let created = talk.say("Create sealed", &key::seal(parent, b"secret", &digest[12..]));
    let object = handle(&talk.say("Load sealed", &key::load(parent, &created)));
    let policy = handle(&talk.say("StartAuthSession", &session::start(Purpose::Policy)));
    talk.say("PolicyPCR to open", &session::policy_pcr(policy, 8));
    talk.say("Unseal", &key::unseal(object, &Proof::Policy(policy)));
    talk.say("PolicyPCR before a change", &session::policy_pcr(policy, 8));
    talk.say("PCR_Extend", &pcr_extend(8, &[(HashAlgorithm::SHA256, vec![3; 32])]));
    talk.say("Unseal after a change", &key::unseal(object, &Proof::Policy(policy)));
    talk.say("Unseal by password", &key::unseal(object, &Proof::Password(&[])));
    talk.say("FlushContext policy", &flush(policy));
    talk.say("FlushContext sealed", &flush(object));
}

fn guessing(talk: &mut Talk) {
    let template = Template { password: b"right", ..Template::new(Kind::RsaSigning(2048)) };
    let key = handle(&talk.say("CreatePrimary with password", &template.create_primary()));
    talk.say("first use of a protected key", &key::sign(key, b"right", &DIGEST));
    talk.say("second use", &key::sign(key, b"right", &DIGEST));
    talk.say("wrong password", &key::sign(key, b"wrong", &DIGEST));
    talk.say("flush", &flush(key));
}

fn memory(talk: &mut Talk) {
    talk.say("NV_Read of nothing", &nv::read(INDEX, 32));
    talk.say("NV_DefineSpace", &nv::define(INDEX, 64));
    talk.say("NV_DefineSpace again", &nv::define(INDEX, 64));
    talk.say("NV_Read before a write", &nv::read(INDEX, 64));
    talk.say("NV_Write", &nv::write(INDEX, &[1; 64]));
    talk.say("NV_Write too long", &nv::write(INDEX, &[1; 65]));
    talk.say("NV_Read", &nv::read(INDEX, 64));
    talk.say("NV_ReadPublic", &nv::read_public(INDEX));
    talk.say("NV_UndefineSpace", &nv::undefine(INDEX));
}

fn odd_packets(talk: &mut Talk) {
    talk.say("unknown command", &[0x80, 1, 0, 0, 0, 10, 0, 0, 0x0F, 0xFF]);
    talk.say("unknown tag", &[0x90, 1, 0, 0, 0, 12, 0, 0, 1, 0x7B, 0, 8]);
    talk.say("no parameters", &[0x80, 1, 0, 0, 0, 10, 0, 0, 1, 0x7B]);
    talk.say("parameters left over", &[0x80, 1, 0, 0, 0, 13, 0, 0, 1, 0x7B, 0, 8, 0]);
    talk.say("sessions without size", &[0x80, 2, 0, 0, 0, 12, 0, 0, 1, 0x7B, 0, 8]);
    talk.say("Startup again", &startup(StartupType::CLEAR));
}

fn conversation_20(talk: &mut Talk) {
    talk.say("SelfTest", &self_test(true));
    talk.say("GetRandom 32", &get_random(32));
    talk.say("GetRandom 65535", &get_random(u16::MAX));
    talk.say("PCR_Read", &pcr_read(HashAlgorithm::SHA256, 8));
    talk.say("PCR_Read of PCR 24", &pcr_read(HashAlgorithm::SHA256, 24));
    let both = [(HashAlgorithm::SHA1, vec![1; 20]), (HashAlgorithm::SHA256, vec![1; 32])];
    talk.say("PCR_Extend of both banks", &pcr_extend(8, &both));
    talk.say("PCR_Extend of PCR 24", &pcr_extend(24, &both));
    talk.say("PCR_Extend with no bank", &pcr_extend(8, &[(HashAlgorithm(0x0BAD), vec![1; 32])]));
    for property in [0x100_u32, 0x106, 0x112, 0x113, 0x11E, 0x11F, 0x120] {
        let packet = [
            &[0x80, 1, 0, 0, 0, 22, 0, 0, 1, 0x7A, 0, 0, 0, 6][..],
            &property.to_be_bytes(),
            &[0, 0, 0, 1],
        ]
        .concat();
        talk.say("GetCapability", &packet);
    }
    memory(talk);
    keys(talk);
    guessing(talk);
    odd_packets(talk);
}

fn with(
    conversation: fn(&mut Talk),
    tpm: &mut dyn FnMut(&[u8]) -> Vec<u8>,
) -> Vec<(&'static str, u32, usize)> {
    let mut talk = Talk { tpm, answers: Vec::new() };
    conversation(&mut talk);
    talk.answers
}

fn ours(line: &str, conversation: fn(&mut Talk)) -> Vec<(&'static str, u32, usize)> {
    let mut chain = Chain::start(line);
    let mut guest = Guest::boot(&mut chain, 1);
    with(conversation, &mut |packet| guest.send(&mut chain, packet))
}

fn compare(ours: Vec<(&str, u32, usize)>, theirs: Vec<(&str, u32, usize)>) {
    assert_eq!(ours.len(), theirs.len());
    for (ours, theirs) in ours.iter().zip(&theirs) {
        assert_eq!(ours, theirs, "(command, response code, length): ours, swtpm's");
    }
}

#[test]
fn a_tpm_20_answers_as_swtpm_does() {
    let Some(swtpm) = unless_missing(Swtpm::start(Family::Tpm20)) else { return };
    let mut peer = swtpm.connect().unwrap();
    succeed(&mut peer, &startup(StartupType::CLEAR));
    let theirs = with(conversation_20, &mut |packet| peer.transmit(packet).unwrap());
    compare(ours("tpm2 ephemeral", conversation_20), theirs);
}

fn succeed(tpm: &mut RawTpm, packet: &[u8]) {
    let answer = tpm.transmit(packet).unwrap();
    assert_eq!(response_code(&answer), 0, "{packet:02x?} -> {answer:02x?}");
}

fn conversation_12(talk: &mut Talk) {
    for property in [
        Property::PCR,
        Property::MANUFACTURER,
        Property::OWNER,
        Property::TIS_TIMEOUT,
        Property::DURATION,
        Property::FLAG_PERMANENT,
    ] {
        talk.say("GetCapability", &tpm12::get_property(property));
    }
    talk.say("GetRandom", &tpm12::get_random(64));
    talk.say("PCRRead", &tpm12::pcr_read(10));
    talk.say("PCRRead of PCR 24", &tpm12::pcr_read(24));
    talk.say("Extend", &tpm12::extend(10, &[1; 20]));
    talk.say("Extend of PCR 24", &tpm12::extend(24, &[1; 20]));
    talk.say("ReadPubek", &wire12::read_pubek([1; 20]));
    talk.say("SelfTestFull", &tpm12::command(0x50).finish());
    talk.say("ContinueSelfTest", &tpm12::command(0x53).finish());
    talk.say("GetTestResult", &tpm12::command(0x54).finish());
    talk.say("OIAP", &tpm12::command(0x0A).finish());
    talk.say("OSAP of an entity that is not there", &osap());
    talk.say("unknown ordinal", &tpm12::command(0x0FFF).finish());
    talk.say("parameters left over", &tpm12::command(0x15).u32(10).u8(0).finish());
    talk.say("parameters missing", &tpm12::command(0x15).finish());
    talk.say("a TPM 2.0 command", &get_random(8));
    talk.say("Startup again", &wire12::startup(wire12::StartupType::CLEAR));
}

/// TPM_OSAP for the owner.
fn osap() -> Vec<u8> {
    tpm12::command(0x0B).u16(2).u32(0x4000_0001).bytes(&[9; 20]).finish()
}

/// A TPM 1.2 as firmware hands it over: enabled, activated, with an endorsement key.
fn prepared_12(state: &Path) -> Option<Swtpm> {
    let start = || Swtpm::start_with_state(Family::Tpm12, state);
    let first = unless_missing(start())?;
    let mut peer = first.connect().unwrap();
    for packet in set_up_tpm12() {
        succeed(&mut peer, &packet);
    }
    drop((peer, first));
    let second = start().unwrap();
    let mut peer = second.connect().unwrap();
    succeed(&mut peer, &wire12::startup(wire12::StartupType::CLEAR));
    succeed(&mut peer, &wire12::create_endorsement_key_pair([1; 20]));
    drop((peer, second));
    Some(start().unwrap())
}

#[test]
fn a_tpm_12_answers_as_swtpm_does() {
    let state = tempfile::tempdir().unwrap();
    let Some(swtpm) = prepared_12(state.path()) else { return };
    let mut peer = swtpm.connect().unwrap();
    succeed(&mut peer, &wire12::startup(wire12::StartupType::CLEAR));
    succeed(&mut peer, &wire12::physical_presence(wire12::PhysicalPresence::PRESENT));
    let theirs = with(conversation_12, &mut |packet| peer.transmit(packet).unwrap());
    compare(ours("ephemeral", conversation_12), theirs);
}

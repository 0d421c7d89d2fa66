//! What may be written on the command line, and what each word does.

use super::{
    ArgumentError, Arguments, Custody, DEFAULT_BANKS, LocalityGrant, Notice, PlatformHierarchy,
    Reattach, Startup,
};
use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;
use log::LevelFilter;
use proptest::prelude::{any, proptest};
use tpm_wire::Locality;
use tpm_wire::TpmVersion;
use tpm_wire::tpm20::HashAlgorithm;

fn parse(line: &str) -> Result<(Arguments, Vec<Notice>), ArgumentError> {
    Arguments::parse(line.split(' '))
}

fn accepted(line: &str) -> Arguments {
    let (arguments, notices) = parse(line).unwrap();
    assert_eq!(notices, Vec::<Notice>::new());
    arguments
}

fn refused(line: &str) -> ArgumentError {
    parse(line).unwrap_err()
}

#[test]
fn nothing_said_is_a_tpm_12_with_everything_closed() {
    let arguments = accepted("ephemeral");
    assert_eq!(arguments.version, TpmVersion::Tpm12);
    assert_eq!(arguments.startup, Startup::Clear);
    assert_eq!(arguments.log_level, LevelFilter::Info);
    assert_eq!(arguments.banks.as_slice(), DEFAULT_BANKS);
    assert_eq!(arguments.platform, PlatformHierarchy::Closed);
    assert_eq!(arguments.reattach, Reattach::Refuse);
    assert_eq!(arguments.localities.for_guest(None), Some(LocalityGrant::AlwaysZero));
}

#[test]
fn both_spellings_choose_tpm_20() {
    for line in ["tpm2 ephemeral", "ephemeral tpm2=1"] {
        assert_eq!(accepted(line).version, TpmVersion::Tpm20);
    }
    assert!(matches!(refused("tpm2=yes ephemeral"), ArgumentError::Malformed { .. }));
}

#[test]
fn the_state_is_kept_unless_the_word_ephemeral_says_otherwise() {
    assert_eq!(accepted("tpm2").custody, Custody::Managed);
    assert_eq!(accepted("tpm2 ephemeral").custody, Custody::Ephemeral);
}

#[test]
fn a_guest_is_named_by_a_whole_uuid() {
    assert_eq!(accepted("tpm2").guest, None);
    let uuid = "4f8cd7f3-1c0b-4d1f-8a46-2f0e5c9a7b11";
    let guest = accepted(&format!("tpm2 ephemeral guest={uuid}")).guest;
    assert_eq!(guest.unwrap().to_string(), uuid);
    for value in ["", "any", "4f8cd7f3", "4f8cd7f3-1c0b-4d1f-8a46-2f0e5c9a7b1g"] {
        let word = format!("guest={value}");
        let error = refused(&word);
        assert!(matches!(error, ArgumentError::Malformed { .. }), "{error:?}");
    }
}

#[test]
fn hardware_pcrs_need_a_manager() {
    let pcrs: Vec<u32> = accepted("tpm2 hwinitpcr=0-2,7").hardware_pcrs.iter().collect();
    assert_eq!(pcrs, [0, 1, 2, 7]);
    for line in ["ephemeral hwinitpcr=0-2,7", "hwinitpcr=all ephemeral"] {
        assert!(matches!(refused(line), ArgumentError::NeedsManager { .. }));
    }
    assert!(matches!(refused("hwinitpcr=24"), ArgumentError::Malformed { .. }));
}

#[test]
fn every_setting_reaches_its_place() {
    let line = "tpm2 ephemeral loglevel=debug save banks=sha384,sha1 platform=open \
                reattach=blank-pcrs maintcmds=0 hwinitpcr=none";
    let arguments = accepted(line);
    assert_eq!(arguments.log_level, LevelFilter::Debug);
    assert_eq!(arguments.startup, Startup::Save);
    assert_eq!(arguments.banks.as_slice(), [HashAlgorithm::SHA384, HashAlgorithm::SHA1]);
    assert_eq!(arguments.platform, PlatformHierarchy::Open);
    assert_eq!(arguments.reattach, Reattach::BlankPcrs);
}

#[test]
fn a_known_word_with_an_impossible_value_stops_and_is_named() {
    for word in [
        "loglevel=loud",
        "maintcmds=2",
        "locality=5",
        "locality=",
        "locality==0",
        "locality=0,,1",
        "banks=",
        "banks=md5",
        "banks=sha1,sha1",
        "platform=closed",
        "reattach=yes",
    ] {
        let line = ["tpm2", "ephemeral", word];
        let error = Arguments::parse(line).unwrap_err();
        assert!(matches!(error, ArgumentError::Malformed { .. }), "{word}: {error}");
        assert!(error.to_string().contains(word), "{error}");
    }
}

#[test]
fn an_unknown_word_is_named_and_left_out() {
    let (_, notices) = parse("ephemeral root=/dev/xvda quiet").unwrap();
    assert_eq!(notices.len(), 2);
    assert!(notices[0].contains("root=/dev/xvda"));
}

#[test]
fn maintenance_commands_are_said_to_be_missing() {
    let (_, notices) = parse("ephemeral maintcmds=1").unwrap();
    assert!(notices[0].contains("libtpms"));
}

#[test]
fn words_of_the_other_version_stop() {
    for line in ["tpm2 ephemeral deactivated", "ephemeral banks=sha256", "platform=open ephemeral"]
    {
        assert!(matches!(refused(line), ArgumentError::NotInVersion { .. }), "{line}");
    }
    assert_eq!(accepted("ephemeral deactivated").startup, Startup::Deactivated);
}

#[test]
fn without_rules_every_claim_is_locality_zero() {
    assert_eq!(LocalityGrant::AlwaysZero.decide(4), Some(Locality::ZERO));
    assert_eq!(LocalityGrant::AlwaysZero.decide(255), Some(Locality::ZERO));
}

#[test]
fn a_plain_rule_is_for_every_guest() {
    for line in ["ephemeral locality=0,2", "ephemeral locality=*=0,2"] {
        let grant = accepted(line).localities.for_guest(None).unwrap();
        assert_eq!(grant.decide(2), Locality::new(2));
        assert_eq!(grant.decide(1), None);
        assert_eq!(grant.decide(255), None);
    }
}

#[test]
fn a_labelled_rule_is_for_its_label_only() {
    let line = "ephemeral locality=user_1:vm_r:guest_t=0 locality=*:vm_r:boot_t=2";
    let rules = parse(line).unwrap().0.localities;
    let plain = rules.for_guest(Some("user_1:vm_r:guest_t")).unwrap();
    assert_eq!((plain.decide(0), plain.decide(2)), (Locality::new(0), None));
    let boot = rules.for_guest(Some("user_7:vm_r:boot_t")).unwrap();
    assert_eq!((boot.decide(0), boot.decide(2)), (None, Locality::new(2)));
    assert_eq!(rules.for_guest(Some("other")), None);
    assert_eq!(rules.for_guest(None), None);
}

#[test]
fn a_rule_that_needs_a_label_is_said_to_be_for_nobody() {
    let (_, notices) = parse("ephemeral locality=user_1:vm_r:guest_t=0 locality=*_t=1").unwrap();
    assert_eq!(notices.len(), 2);
    assert!(notices.iter().all(|notice| notice.contains("labels are not read yet")), "{notices:?}");
    let rules = accepted("ephemeral locality=*=2 locality=0").localities;
    let grant = rules.for_guest(None).unwrap();
    assert_eq!([0, 1, 2].map(|claim| grant.decide(claim).is_some()), [true, false, true]);
}

#[test]
fn a_seventeenth_rule_stops() {
    let line = ["ephemeral"].into_iter().chain(["locality=0"; 17]);
    assert!(matches!(Arguments::parse(line), Err(ArgumentError::Malformed { .. })));
}

proptest! {
    #[test]
    fn no_words_make_the_parser_panic(words in proptest::collection::vec(any::<alloc::string::String>(), 0..8)) {
        let _ = Arguments::parse(&words);
    }

    #[test]
    fn no_value_makes_a_known_word_panic(name in 0..8_usize, value in ".{0,20}") {
        let names = ["tpm2", "loglevel", "maintcmds", "hwinitpcr", "locality", "banks", "platform", "reattach"];
        let word = alloc::format!("{}={value}", names[name]);
        let _ = Arguments::parse([word.as_str(), "ephemeral", "tpm2"]);
    }
}

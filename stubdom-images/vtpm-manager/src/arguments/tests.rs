//! What may be written on the manager's command line.

use super::*;
use alloc::string::ToString;
use tpm_hw::Driver;

fn parse(line: &str) -> Result<(Arguments, Vec<Notice>), ArgumentError> {
    Arguments::parse(line.split_whitespace())
}

#[test]
fn nothing_said_is_first_contact_with_a_hardware_tpm() {
    let (arguments, notices) = parse("").unwrap();
    assert!(notices.is_empty());
    assert!(!arguments.explicit && !arguments.without_damaged);
    assert_eq!(arguments.hardware.driver, Driver::Registers);
}

#[test]
fn every_word_reaches_its_place() {
    let line = "tpm2 hwtpm=none provision=explicit loglevel=debug \
                store=without-damaged seal=unmeasured pcrs=sha256:5,7+sha384:7";
    let (arguments, notices) = parse(line).unwrap();
    assert_eq!(notices, ["pcrs= has no effect without a hardware TPM (hwtpm=none)"]);
    assert_eq!(arguments.pcrs.map(|pcrs| pcrs.to_string()).unwrap(), "sha256:5,7+sha384:7");
    assert!(
        arguments.explicit
            && arguments.without_damaged
            && arguments.unmeasured
            && arguments.hardware.tpm2
    );
    assert_eq!(arguments.hardware.driver, Driver::None);
    assert_eq!(arguments.log_level, LevelFilter::Debug);
}

#[test]
fn an_unknown_word_is_named_and_a_wrong_value_stops() {
    let (_, notices) = parse("quiet root=/dev/sda tpmirq=7").unwrap();
    assert_eq!(notices.len(), 3);
    assert!(notices[1].contains("root=/dev/sda"));
    for word in [
        "provision=never",
        "loglevel=loud",
        "store=",
        "seal=all",
        "pcrs=",
        "pcrs=7",
        "pcrs=sha256:24",
        "hwtpm=maybe",
        "tpmlocality=9",
    ] {
        let error = parse(word).unwrap_err().to_string();
        assert!(error.contains(word.split('=').next().unwrap()), "{error}");
    }
}

#[test]
fn words_about_old_state_reach_their_place_and_wrong_ones_stop() {
    let (arguments, notices) =
        parse("rollback=batched budget=100 accept=57/1234 forget=none").unwrap();
    assert!(notices.is_empty());
    let rules = arguments.rollback;
    assert_eq!((rules.mode, rules.budget), (Some(RollbackMode::Batched), 100));
    assert_eq!(rules.accept, AcceptWord::parse("57/1234"));
    assert_eq!(rules.forget, Some(CounterWord::None));
    assert_eq!(parse("").unwrap().0.rollback.budget, crate::USUAL_BUDGET);
    for word in ["rollback=", "rollback=on", "budget=0", "budget=86401", "accept=57", "forget="] {
        let error = parse(word).unwrap_err().to_string();
        assert!(error.contains(word.split('=').next().unwrap()), "{error}");
    }
}

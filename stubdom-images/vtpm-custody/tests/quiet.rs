//! No log line holds a secret, whatever custody does.

mod support;

use std::fmt::Write;
use std::sync::Mutex;
use support::Machine;
use support::administrator::{Administrator, administered, present, unseal};
use vtpm_custody::{CustodyError, Policy, RecoveryKey, recover, set_recovery_key};

static LINES: Mutex<String> = Mutex::new(String::new());

struct Collector;

impl log::Log for Collector {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        writeln!(LINES.lock().unwrap(), "{}", record.args()).unwrap();
    }

    fn flush(&self) {}
}

/// Four bytes in the forms in which a program may write them.
fn forms(bytes: &[u8]) -> Vec<String> {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let numbers = format!("{bytes:?}");
    let numbers = numbers.trim_matches(['[', ']']).to_string();
    let spread = hex.as_bytes().chunks(2).map(|pair| String::from_utf8_lossy(pair));
    let colons = spread.collect::<Vec<_>>().join(":");
    let reversed: String = bytes.iter().rev().map(|byte| format!("{byte:02x}")).collect();
    vec![hex, numbers, colons, reversed]
}

#[test]
fn no_log_line_and_no_message_holds_a_secret() {
    log::set_logger(&Collector).unwrap();
    log::set_max_level(log::LevelFilter::Trace);
    let Some(mut machine) = Machine::tpm20() else { return };
    let (secret, sealed, _) = administered(&mut machine, &Administrator::new(3));
    let policy = Policy::default();
    let begun = machine.custody(|custody| custody.begin_anew(&sealed, &secret, &policy)).unwrap();
    let (begun, key) = set_recovery_key(&begun, &secret, &mut machine.entropy).unwrap();
    let text = key.to_text();
    let mut said = format!("{secret:?} {key:?} {begun:?}");
    machine.measure(7, b"another authority");
    let mut errors = vec![unseal(&mut machine, &begun).unwrap_err()];
    let other = RecoveryKey::parse(&text.replace(&text[..4], "0000")).map(|_| ()).unwrap_err();
    errors.extend([other, recover(&sealed, &key).unwrap_err()]);
    errors.push(unseal(&mut machine, &sealed).unwrap_err());
    assert!(matches!(errors[0], CustodyError::PcrsChanged(_)));
    present(&mut machine, &begun);
    errors.iter().for_each(|error| write!(said, "{error} {error:?}").unwrap());
    said.push_str(&LINES.lock().unwrap());
    let said = said.to_lowercase();
    // The sealed blob is on the disk in clear, and holds neither.
    for part in secret.bytes().windows(4) {
        for form in forms(part) {
            assert!(!said.contains(&form), "{form} was said");
        }
    }
    for group in text.to_lowercase().split('-') {
        assert!(!said.contains(group), "a group of the recovery key was said");
    }
}

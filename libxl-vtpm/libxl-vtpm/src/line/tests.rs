//! Tests of single lines, and properties of all.

use super::*;
use proptest::prelude::*;

const UUID: &str = "0f8e1a52-7c3d-4b69-9a10-5566778899aa";

fn complaint(line: &str) -> String {
    VtpmLine::parse(line).unwrap_err().to_string()
}

#[test]
fn stock_lines_mean_what_they_mean_to_xl() {
    let understood = VtpmLine::parse(&format!("backend=vtpm0,uuid={UUID}")).unwrap();
    assert_eq!(understood.line.backend, "vtpm0");
    assert_eq!(understood.line.uuid.unwrap().to_string(), UUID);
    assert_eq!((understood.line.tpm, understood.warnings), (None, vec![]));
    let odd = VtpmLine::parse(",, backend=a=b,").unwrap();
    assert_eq!((odd.line.backend.as_str(), odd.warnings), ("a=b", vec![]));
}

#[test]
fn the_version_is_read_in_each_of_its_forms_and_never_reaches_xl() {
    for (word, version) in [
        ("tpm2", TpmVersion::Tpm20),
        ("tpm2=1", TpmVersion::Tpm20),
        ("tpm=2.0", TpmVersion::Tpm20),
        ("tpm=1.2", TpmVersion::Tpm12),
    ] {
        let understood = VtpmLine::parse(&format!("{word},backend=v")).unwrap();
        assert_eq!(understood.line.tpm, Some(version), "{word}");
        assert_eq!(understood.line.for_xl(), "backend=v");
        assert_eq!(understood.warnings.len(), 1, "{word}");
    }
}

#[test]
fn a_line_that_xl_would_half_read_is_warned_of_with_the_column() {
    let understood = VtpmLine::parse(&format!("backend=v,tpm2,uuid={UUID}")).unwrap();
    assert!(understood.line.uuid.is_some());
    let warning = &understood.warnings[0];
    assert_eq!(warning.column(), 11);
    assert!(warning.to_string().starts_with("stock xl passes over"), "{warning}");
    let exits = VtpmLine::parse("backend=v,tpm=2.0").unwrap().warnings[0].to_string();
    assert!(exits.contains("Unknown string `tpm' in vtpm spec"), "{exits}");
}

#[test]
fn every_mistake_is_named_with_its_column_and_what_to_type() {
    for (line, column, says) in [
        ("", 1, "backend=NAME"),
        ("uuid=x", 1, "no uuid"),
        ("backend=", 1, "names no domain"),
        ("backend=ü,uuid=12", 11, "random/uuid prints one"),
        ("backend=v,tpm=2", 11, "tpm=2.0 or tpm=1.2"),
        ("backend=v,tpm2=yes", 11, "tpm2"),
        ("backend=v, tpm2,tpm=1.2", 17, "leave one"),
        ("backend=v,type=2.0", 11, "the words are"),
        ("backend=v,Backend=w", 11, "small letters"),
        ("backend =v", 1, "without spaces"),
        ("backend", 1, "write backend=…"),
        ("backend=v,nonsense", 11, "\"nonsense\""),
        (&format!("uuid={UUID}"), 42, "backend=NAME"),
    ] {
        let complaint = complaint(line);
        assert!(complaint.starts_with(&format!("column {column}: ")), "{line}: {complaint}");
        assert!(complaint.contains(says), "{line}: {complaint}");
    }
}

#[test]
fn repeated_keys_and_a_space_behind_the_name_are_as_in_xl_and_warned_of() {
    let understood = VtpmLine::parse("backend=a,backend=b ").unwrap();
    assert_eq!(understood.line.backend, "b ");
    assert_eq!(
        understood.warnings,
        [Warning::SpaceAfterBackend { column: 11 }, Warning::Again { column: 11, key: "backend" }]
    );
}

/// Lines made of the pieces that matter, in any order.
fn lines() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("backend=".to_string()),
        Just(format!("uuid={UUID}")),
        Just("uuid=".to_string()),
        Just("tpm2".to_string()),
        Just("tpm=1.2".to_string()),
        Just("tpm=2.0".to_string()),
        Just(",".to_string()),
        Just("=".to_string()),
        Just(" ".to_string()),
        Just("vtpm0".to_string()),
        "[ -~äß]{0,3}",
    ];
    proptest::collection::vec(piece, 0..10).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn what_is_understood_is_handed_to_xl_with_the_same_meaning(line in lines()) {
        if let Ok(understood) = VtpmLine::parse(&line) {
            let expected = StockXl::Accepts {
                backend: understood.line.backend.clone(),
                uuid: understood.line.uuid,
                passed_over: None,
            };
            prop_assert_eq!(stock_xl(&understood.line.for_xl()), expected);
        }
    }

    #[test]
    fn what_xl_takes_whole_is_taken_with_the_same_meaning(line in lines()) {
        if let StockXl::Accepts { backend, uuid, passed_over: None } = stock_xl(&line)
            && !backend.is_empty()
            && let Ok(Understood { line, .. }) = VtpmLine::parse(&line)
        {
            prop_assert_eq!((line.backend, line.uuid, line.tpm), (backend, uuid, None));
        }
    }

    #[test]
    fn what_xl_takes_whole_is_refused_only_for_a_backend_without_a_name(line in lines()) {
        if let StockXl::Accepts { passed_over: None, .. } = stock_xl(&line)
            && let Err(error) = VtpmLine::parse(&line)
        {
            prop_assert_eq!(error.mistake, Mistake::EmptyBackend);
        }
    }

    #[test]
    fn any_text_gets_an_answer_whose_column_lies_in_it(line in "\\PC{0,60}") {
        if let Err(error) = VtpmLine::parse(&line) {
            prop_assert!((1..=line.chars().count() + 1).contains(&error.column));
        }
    }
}

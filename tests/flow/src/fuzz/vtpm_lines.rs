//! Items of `vtpm=[...]`, and the xl configuration files that they stand in.

use libxl_vtpm::line::{StockXl, Understood, VtpmLine, stock_xl};
use libxl_vtpm::text::{self, for_xl, settings, with_vtpm};

/// The text is an item and a whole file at once.
///
/// # Panics
/// When a line means something else to stock xl than to us, when a mistake is named outside its
/// line, when adding a vTPM to a file takes anything away, or a file for xl still holds what xl does
/// not take.
pub fn vtpm_lines(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    item(&text);
    file(&text);
}

fn item(text: &str) {
    let end = text.chars().count() + 1;
    let Understood { line, warnings } = match VtpmLine::parse(text) {
        Ok(understood) => understood,
        Err(mistake) => {
            assert!((1..=end).contains(&mistake.column), "{mistake}");
            return assert!(!mistake.to_string().is_empty());
        }
    };
    for warning in warnings {
        assert!((1..=end).contains(&warning.column()) && !warning.to_string().is_empty());
    }
    let StockXl::Accepts { backend, uuid, passed_over } = stock_xl(&line.for_xl()) else {
        panic!("{text:?} becomes what xl refuses: {}", line.for_xl());
    };
    assert_eq!((&backend, uuid, passed_over), (&line.backend, line.uuid, None));
}

fn file(text: &str) {
    let Ok(found) = settings(text) else {
        return assert!(for_xl(text).is_err());
    };
    assert!(found.0.iter().all(|setting| setting.place.line > 0 && setting.place.column > 0));
    let vtpm = VtpmLine { backend: "v0".into(), uuid: None, tpm: None };
    if let Ok(changed) = with_vtpm(text, &vtpm, "why") {
        let mut left = changed.bytes();
        assert!(text.bytes().all(|byte| left.any(|other| other == byte)), "{changed:?}");
        let found = settings(&changed).expect("what was added is readable");
        assert_eq!(found.list("vtpm").last().map(|item| &item.text[..]), Some("backend=v0"));
    }
    if let Some(changed) = for_xl(text).expect("it is readable") {
        assert_eq!(text::for_xl(&changed), Ok(None), "{changed:?}");
    }
}

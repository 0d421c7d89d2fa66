//! A guest's file in the form that stock xl understands.

use super::settings::settings;
use super::tokens::NotReadable;
use crate::line::{VtpmLine, Warning};

/// The file `text` with every `vtpm` item that stock xl would not take, or take only in part, in the
/// form that it takes; every other byte stays. `None`: it takes all of them as they are.
///
/// # Errors
/// The file is not what xl's configuration looks like.
pub fn for_xl(text: &str) -> Result<Option<String>, NotReadable> {
    let found = settings(text)?;
    let mut changed = text.to_owned();
    // From the end on, so that the places before stay right.
    for item in found.list("vtpm").into_iter().rev() {
        let Ok(understood) = VtpmLine::parse(&item.text) else { continue };
        let lost = |warning: &Warning| {
            matches!(warning, Warning::XlPassesOver { .. } | Warning::XlExits(_))
        };
        if understood.warnings.iter().any(lost) {
            changed.replace_range(item.bytes.clone(), &understood.line.for_xl());
        }
    }
    Ok((changed != text).then_some(changed))
}

#[test]
fn only_what_xl_would_not_take_is_changed() {
    let text = "vtpm=[ 'backend=a,tpm2', # one\n\"tpm=1.2,backend=b\", ' backend=c,,' ]\nname='g'";
    let changed = for_xl(text).unwrap().unwrap();
    assert_eq!(changed, "vtpm=[ 'backend=a', # one\n\"backend=b\", ' backend=c,,' ]\nname='g'");
    assert_eq!(for_xl(&changed), Ok(None));
    assert_eq!(for_xl("name='g'\n"), Ok(None));
}

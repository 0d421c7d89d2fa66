//! Adding a vTPM to a guest's file.

use super::settings::{SettingAt, settings};
use super::tokens::{NotReadable, Place};
use crate::line::{Mistake, VtpmLine};
use std::fmt;

/// Why nothing was added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotAdded {
    /// The file is not what xl's configuration looks like.
    NotReadable(NotReadable),
    /// `vtpm` is set to something that is no list.
    NoList(Place),
    /// The guest has a vTPM of this backend already.
    Already(Place),
    /// An item that is there cannot be followed, and stock xl would stop at it or pass over it.
    Item(Place, Mistake),
}

impl fmt::Display for NotAdded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotReadable(why) => why.fmt(f),
            Self::NoList(place) => {
                write!(f, "{place}: vtpm is no list here; write vtpm=[ \"backend=…\" ]")
            }
            Self::Already(place) => {
                write!(
                    f,
                    "{place}: the guest has a vTPM of this backend already: it can be created as it is"
                )
            }
            Self::Item(place, mistake) => write!(f, "{place}: {mistake}"),
        }
    }
}

impl std::error::Error for NotAdded {}

/// The file `text` with one more vTPM; every other byte stays. A new line `vtpm=` is put at its end
/// with `comment` before it, each of its lines after `# `; an item is put behind the last one of a
/// list that is there.
///
/// # Errors
/// Nothing can be added, the backend is there already, or an item that is there means nothing.
pub fn with_vtpm(text: &str, vtpm: &VtpmLine, comment: &str) -> Result<String, NotAdded> {
    let found = settings(text).map_err(NotAdded::NotReadable)?;
    let parts = found.parts("vtpm");
    if let Some(other) = parts.iter().find(|setting| setting.items.is_none()) {
        return Err(NotAdded::NoList(other.place));
    }
    for item in found.list("vtpm") {
        let known = VtpmLine::parse(&item.text).map_err(|error| {
            let column = item.place.column + error.column - 1;
            NotAdded::Item(Place { column, ..item.place }, error.mistake)
        })?;
        if known.line.backend == vtpm.backend {
            return Err(NotAdded::Already(item.place));
        }
    }
    let item = format!("\"{}\"", vtpm.for_xl());
    Ok(match parts.last() {
        Some(last) => inserted(text, last, &item),
        None => appended(text, comment, &item),
    })
}

fn inserted(text: &str, setting: &SettingAt, item: &str) -> String {
    let (before, after) = text.split_at(setting.insert_at);
    let first = before.ends_with('[') && setting.items.as_ref().is_some_and(Vec::is_empty);
    let comma = if first { " " } else { ", " };
    format!("{before}{comma}{item}{after}")
}

fn appended(text: &str, comment: &str, item: &str) -> String {
    let mut whole = String::from(text);
    if !whole.is_empty() && !whole.ends_with('\n') {
        whole.push('\n');
    }
    if !whole.is_empty() {
        whole.push('\n');
    }
    for line in comment.lines() {
        whole.push_str(&format!("# {line}\n"));
    }
    whole + &format!("vtpm = [ {item} ]\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn vtpm(backend: &str) -> VtpmLine {
        VtpmLine { backend: backend.into(), uuid: None, tpm: None }
    }

    #[test]
    fn a_file_without_a_vtpm_gets_a_line_at_its_end() {
        let text = "name = 'g'   # mine\nmemory=256";
        let changed = with_vtpm(text, &vtpm("v"), "one\ntwo").unwrap();
        assert_eq!(changed, format!("{text}\n\n# one\n# two\nvtpm = [ \"backend=v\" ]\n"));
    }

    #[test]
    fn an_item_is_added_behind_the_last_one_whatever_comments_stand_around_it() {
        let text =
            "vtpm=[ 'backend=a', # first\n  'backend=b' # second\n  , # and\n ] # end\nname='g'\n";
        let changed = with_vtpm(text, &vtpm("c"), "unused").unwrap();
        assert_eq!(changed, text.replace("=b'", "=b', \"backend=c\""));
        assert_eq!(with_vtpm("vtpm=[]", &vtpm("c"), "").unwrap(), "vtpm=[ \"backend=c\"]");
    }

    #[test]
    fn of_several_assignments_the_last_is_added_to() {
        let text = "vtpm=['backend=a']\nvtpm=['backend=b']\nvtpm += ['backend=c']\n";
        let changed = with_vtpm(text, &vtpm("a"), "").unwrap();
        assert_eq!(changed, text.replace("=c'", "=c', \"backend=a\""));
        let already = with_vtpm(text, &vtpm("b"), "").unwrap_err();
        assert_eq!(already, NotAdded::Already(Place { line: 2, column: 8 }));
    }

    #[test]
    fn what_cannot_be_changed_is_said_with_its_place() {
        let said = |text| with_vtpm(text, &vtpm("v"), "").unwrap_err().to_string();
        assert!(said("name='g'\nvtpm = 'backend=a'\n").starts_with("2:1: vtpm is no list"));
        assert!(said("name='g'\nvtpm = [ 'backend=a'\n").starts_with("3:1: this is not"));
        assert!(said("a = 'x' b").starts_with("1:9: "));
        assert!(said("ä = 5").starts_with("1:1: "));
        assert!(said("vtpm = [ 'backend=a,tmp=2.0' ]").starts_with("1:21: \"tmp=\" is not a word"));
    }

    /// Of arbitrary characters nearly none are a file with a setting in it.
    const PIECES: &[&str] = &[
        "vtpm=[",
        "vtpm += [",
        "'backend=a'",
        "\"backend=b\"",
        ",",
        "]",
        "\n",
        " ",
        "# it's\n",
        "name='g'\n",
        "x=5;",
        "vtpm=[]\n",
        "vtpm=['backend=a',\n'backend=b']\n",
    ];

    proptest! {
        #[test]
        fn every_byte_that_was_there_stays_in_its_order(
            pieces in proptest::collection::vec(proptest::sample::select(PIECES), 0..9),
        ) {
            let text = pieces.concat();
            if let Ok(changed) = with_vtpm(&text, &vtpm("v0"), "c") {
                let mut left = changed.bytes();
                prop_assert!(text.bytes().all(|byte| left.any(|other| other == byte)));
                let found = settings(&changed).unwrap();
                prop_assert_eq!(&found.list("vtpm").last().unwrap().text, "backend=v0");
            }
        }
    }
}

//! A failure as data.

use serde_json::{Value, json};

/// A sentence that ends a program with this exit code, taken apart: where it is, what is wrong, and after the
/// first semicolon what to do about it.
#[must_use]
pub fn failure(sentence: &str, code: u8) -> Value {
    let (place, rest) =
        place(sentence).map_or((None, sentence), |(place, rest)| (Some(place), rest));
    let (what, next) =
        rest.split_once("; ").map_or((rest, None), |(what, next)| (what, Some(next)));
    json!({ "message": sentence, "what": what, "where": place, "next": next, "code": code })
}

/// `FILE:LINE:COLUMN: ` at the beginning, and what follows.
fn place(sentence: &str) -> Option<(Value, &str)> {
    let (before, rest) = sentence.split_once(": ")?;
    let (before, column) = before.rsplit_once(':')?;
    let (file, line) = before.rsplit_once(':')?;
    let number = |text: &str| text.parse::<u64>().ok();
    let (line, column) = (number(line)?, number(column)?);
    (!file.is_empty()).then(|| (json!({ "file": file, "line": line, "column": column }), rest))
}

#[test]
fn a_sentence_is_taken_apart_into_where_what_and_what_to_do() {
    let taken = |sentence| {
        let value = failure(sentence, 1);
        assert_eq!((value["message"].as_str(), value["code"].as_u64()), (Some(sentence), Some(1)));
        (value["where"].clone(), value["what"].clone(), value["next"].clone())
    };
    let at = json!({ "file": "/etc/g 1.cfg", "line": 3, "column": 17 });
    let said = "/etc/g 1.cfg:3:17: \"x\" is no uuid; write 32 digits; or leave it out";
    assert_eq!(
        taken(said),
        (at, json!("\"x\" is no uuid"), json!("write 32 digits; or leave it out"))
    );
    let said = "there is no domain g; see xl list";
    assert_eq!(taken(said), (Value::Null, json!("there is no domain g"), json!("see xl list")));
    for whole in ["g.cfg: it is empty", "g:1: it is empty", ":1:2: it is empty", "a:x:1: it is"] {
        assert_eq!(taken(whole), (Value::Null, json!(whole), Value::Null));
    }
}

//! The words of a line: what stands between commas.

use nom::bytes::complete::{tag, take_till, take_while};
use nom::combinator::{opt, rest};
use nom::{IResult, Parser};

/// `key` or `key=value`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Word<'t> {
    /// Where the key begins, in characters, from 1.
    pub(super) column: usize,
    pub(super) key: &'t str,
    /// `None`: there is no `=`.
    pub(super) value: Option<&'t str>,
}

/// Every word. As xl: nothing between two commas is no word, spaces before a key do not count, the
/// first `=` divides (Xen tools/xl/xl_parse.c, parse_config_data).
pub(super) fn words(line: &str) -> Vec<Word<'_>> {
    let mut found = Vec::new();
    let mut left = line;
    while !left.is_empty() {
        let Ok((after, item)) = item(left) else { break };
        if !item.is_empty() {
            found.push(word(line, item));
        }
        left = after;
    }
    found
}

/// What stands before the next comma, which is passed over.
fn item(text: &str) -> IResult<&str, &str> {
    let (text, item) = take_till(|c| c == ',').parse(text)?;
    let (text, _) = opt(tag(",")).parse(text)?;
    Ok((text, item))
}

fn word<'t>(line: &'t str, item: &'t str) -> Word<'t> {
    let parsed: IResult<&str, (&str, &str, Option<&str>)> =
        (take_while(|c| c == ' '), take_till(|c| c == '='), opt(tag("="))).parse(item);
    let (after, (_, key, equals)) = parsed.unwrap_or((item, ("", "", None)));
    let value = equals.and_then(|_| rest::<_, nom::error::Error<&str>>(after).ok());
    Word { column: column(line, key), key, value: value.map(|(_, value)| value) }
}

/// Where `part`, a piece of `line`, begins.
fn column(line: &str, part: &str) -> usize {
    let at = (part.as_ptr() as usize).saturating_sub(line.as_ptr() as usize);
    line.get(..at).map_or(1, |before| before.chars().count() + 1)
}

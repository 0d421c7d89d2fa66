//! The pieces of a configuration file.

use nom::branch::alt;
use nom::bytes::complete::{tag, take_till, take_while, take_while1};
use nom::character::complete::{char, satisfy};
use nom::combinator::{recognize, value};
use nom::sequence::{delimited, pair, preceded};
use nom::{IResult, Parser};
use std::fmt;

/// Where something stands, both from 1; the column in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

impl Place {
    /// The place of the byte `at` of `text`.
    #[must_use]
    pub fn of(text: &str, at: usize) -> Self {
        let before = text.get(..at).unwrap_or(text);
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        let begins = before.rfind('\n').map_or(0, |newline| newline + 1);
        Self { line, column: before[begins..].chars().count() + 1 }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// A file holds something that no xl configuration may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotReadable(pub Place);

impl fmt::Display for NotReadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: this is not the syntax of an xl configuration; see xl.cfg(5)", self.0)
    }
}

impl std::error::Error for NotReadable {}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Name,
    Number,
    /// With its quotes.
    Text,
    Set,
    Add,
    Open,
    Close,
    Comma,
    /// A line's end or a semicolon.
    End,
}

/// A piece and the bytes it stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) begin: usize,
    pub(super) end: usize,
}

/// Every piece; comments and blanks are none.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, NotReadable> {
    let mut found = Vec::new();
    let mut left = skip(text);
    while !left.is_empty() {
        let begin = text.len() - left.len();
        let Ok((after, kind)) = token(left) else {
            return Err(NotReadable(Place::of(text, begin)));
        };
        found.push(Token { kind, begin, end: text.len() - after.len() });
        left = skip(after);
    }
    Ok(found)
}

fn skip(text: &str) -> &str {
    let blanks = || take_while(|c| c == ' ' || c == '\t');
    let comment = preceded(char('#'), take_till(|c| c == '\n'));
    let skipped: IResult<&str, _> = (blanks(), nom::combinator::opt(comment), blanks()).parse(text);
    skipped.map_or(text, |(after, _)| after)
}

fn token(text: &str) -> IResult<&str, Kind> {
    let lower = |c: char| c.is_ascii_lowercase();
    let name = recognize(pair(
        satisfy(lower),
        take_while(|c: char| c == '_' || c.is_ascii_digit() || c.is_ascii_lowercase()),
    ));
    let number = take_while1(|c: char| c.is_ascii_hexdigit() || c == 'x');
    let number = preceded(nom::combinator::peek(satisfy(|c| c.is_ascii_digit())), number);
    let quoted = |quote: char| {
        let inner = take_till(move |c| c == quote || c == '\n');
        recognize(delimited(char(quote), inner, char(quote)))
    };
    alt((
        value(Kind::Name, name),
        value(Kind::Number, number),
        value(Kind::Text, alt((quoted('\''), quoted('"')))),
        value(Kind::Add, tag("+=")),
        value(Kind::Set, tag("=")),
        value(Kind::Open, tag("[")),
        value(Kind::Close, tag("]")),
        value(Kind::Comma, tag(",")),
        value(Kind::End, alt((tag("\n"), tag(";")))),
    ))
    .parse(text)
}

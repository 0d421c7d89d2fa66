//! The settings of a configuration file and their places.

use super::tokens::{Kind, NotReadable, Place, Token, tokens};
use std::ops::Range;
use std::slice::Iter;

/// Lists within lists, at most: xl knows none at all, and each costs stack.
const DEEPEST: usize = 32;

/// All settings of a file, in its order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings(pub Vec<SettingAt>);

/// One assignment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingAt {
    /// What is set.
    pub name: String,
    /// `+=`: appended to what was set before.
    pub appends: bool,
    /// Where it begins.
    pub place: Place,
    /// What it is set to; `None` for a list.
    pub text: Option<String>,
    /// The items of its list; `None` when it is a text or a number. An item that is a list itself
    /// is passed over.
    pub items: Option<Vec<ListItem>>,
    /// The byte behind which a further item belongs: behind the last item, or behind `[`.
    pub(super) insert_at: usize,
}

/// A text or a number in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListItem {
    /// Without quotes; what stands behind a `\` is as it is written.
    pub text: String,
    /// Where it begins, behind its quote.
    pub place: Place,
    /// The bytes of `text`.
    pub(super) bytes: Range<usize>,
}

impl Settings {
    /// The items of the list `name` as it is at the end of the file: from the last `=` on.
    #[must_use]
    pub fn list(&self, name: &str) -> Vec<&ListItem> {
        let parts = self.parts(name).into_iter();
        parts.filter_map(|setting| setting.items.as_ref()).flatten().collect()
    }

    /// The text `name` as it is at the end of the file: from the last `=` on, with what `+=` adds to it. `None` for a
    /// list, and where nothing sets it.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<String> {
        let texts: Option<Vec<_>> =
            self.parts(name).into_iter().map(|setting| setting.text.as_deref()).collect();
        texts.filter(|texts| !texts.is_empty()).map(|texts| texts.concat())
    }

    /// The assignments that make up `name` at the end of the file.
    pub(super) fn parts(&self, name: &str) -> Vec<&SettingAt> {
        let all: Vec<_> = self.0.iter().filter(|setting| setting.name == name).collect();
        let begins = all.iter().rposition(|setting| !setting.appends).unwrap_or(0);
        all[begins..].to_vec()
    }
}

/// Finds the settings of a file.
///
/// # Errors
/// Where it is not what xl's configuration looks like.
pub fn settings(text: &str) -> Result<Settings, NotReadable> {
    let tokens = tokens(text)?;
    let mut reader = Reader { text, left: tokens.iter(), at: 0 };
    let mut found = Vec::new();
    while let Some(token) = reader.left.next() {
        match token.kind {
            Kind::End => {}
            Kind::Name => found.push(reader.setting(token)?),
            _ => return Err(reader.bad(token.begin)),
        }
    }
    Ok(Settings(found))
}

struct Reader<'t> {
    text: &'t str,
    left: Iter<'t, Token>,
    /// Behind the last piece that was read.
    at: usize,
}

struct List {
    items: Vec<ListItem>,
    insert_at: usize,
}

impl Reader<'_> {
    fn bad(&self, at: usize) -> NotReadable {
        NotReadable(Place::of(self.text, at))
    }

    fn next(&mut self) -> Result<Token, NotReadable> {
        let token = self.left.next().copied().ok_or_else(|| self.bad(self.text.len()))?;
        self.at = token.end;
        Ok(token)
    }

    fn setting(&mut self, name: &Token) -> Result<SettingAt, NotReadable> {
        let operator = self.next()?;
        if !matches!(operator.kind, Kind::Set | Kind::Add) {
            return Err(self.bad(operator.begin));
        }
        let first = self.next()?;
        let mut text = None;
        let (items, insert_at) = match first.kind {
            Kind::Text | Kind::Number => {
                text = Some(self.item(&first).text);
                (None, first.end)
            }
            Kind::Open => {
                let list = self.list(DEEPEST)?;
                (Some(list.items), list.insert_at)
            }
            _ => return Err(self.bad(first.begin)),
        };
        if let Some(after) = self.left.next()
            && after.kind != Kind::End
        {
            return Err(self.bad(after.begin));
        }
        Ok(SettingAt {
            name: self.text[name.begin..name.end].to_owned(),
            appends: operator.kind == Kind::Add,
            place: Place::of(self.text, name.begin),
            text,
            items,
            insert_at,
        })
    }

    /// The list whose `[` was just read, with at most this many within it.
    fn list(&mut self, deeper: usize) -> Result<List, NotReadable> {
        let (mut items, mut last, mut item_allowed) = (Vec::new(), None, true);
        let begin = self.at;
        loop {
            let token = self.next()?;
            match token.kind {
                Kind::End if self.text[token.begin..].starts_with('\n') => {}
                Kind::Close => {
                    let insert_at = last.unwrap_or(begin);
                    return Ok(List { items, insert_at });
                }
                Kind::Comma if !item_allowed => item_allowed = true,
                Kind::Text | Kind::Number | Kind::Open if item_allowed => {
                    if token.kind == Kind::Open {
                        let deeper = deeper.checked_sub(1).ok_or_else(|| self.bad(token.begin))?;
                        self.list(deeper)?;
                    } else {
                        items.push(self.item(&token));
                    }
                    last = Some(self.at);
                    item_allowed = false;
                }
                _ => return Err(self.bad(token.begin)),
            }
        }
    }

    fn item(&self, token: &Token) -> ListItem {
        let quote = usize::from(token.kind == Kind::Text);
        let (begin, end) = (token.begin + quote, token.end - quote);
        ListItem {
            text: self.text[begin..end].to_owned(),
            place: Place::of(self.text, begin),
            bytes: begin..end,
        }
    }
}

#[test]
fn lists_within_lists_are_read_to_a_depth_and_never_overflow_the_stack() {
    let nested = |depth| format!("a = {}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(settings(&nested(DEEPEST + 1)).is_ok());
    let too_deep = settings(&nested(1_000_000)).unwrap_err();
    assert_eq!(too_deep.0, Place { line: 1, column: DEEPEST + 6 });
}

#[test]
fn a_text_is_what_was_added_to_it_too() {
    let found = settings("a='x'\na='1'\na += \"2\"\na+=3\nb += 'y'\nc=['z']\n").unwrap();
    assert_eq!(found.text("a").as_deref(), Some("123"));
    assert_eq!(found.text("b").as_deref(), Some("y"));
    assert_eq!((found.text("c"), found.text("d")), (None, None));
}

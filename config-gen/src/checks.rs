//! What a name, a path and a word may be.

use crate::wanted::{Text, Wanted};
use anyhow::Result;
use libxl_vtpm::{TpmVersion, Uuid, line};
use toml::Spanned;

/// xl and xenstore would take more; people and shells would not.
const NAME_MAY_HOLD: &str = "letters, digits and . _ + -";

/// A domain's name.
pub(crate) fn name(wanted: &Wanted, text: &Text) -> Result<String> {
    let name = text.get_ref();
    let good = |c: char| c.is_ascii_alphanumeric() || "._+-".contains(c);
    let complaint = if name.is_empty() {
        "a domain needs a name"
    } else if !name.chars().all(good) || name.len() > 80 {
        "is no name for a domain here"
    } else if name.bytes().all(|byte| byte.is_ascii_digit()) {
        "would be taken for a domain's number by xl"
    } else {
        return Ok(name.clone());
    };
    let shown = if name.is_empty() { String::new() } else { format!("\"{name}\" ") };
    let told = format!("{shown}{complaint}; write up to 80 {NAME_MAY_HOLD}, not digits alone");
    Err(wanted.error(text.span(), told))
}

/// A text that can stand between the quotes of an xl configuration.
pub(crate) fn quotable(wanted: &Wanted, text: &Text) -> Result<String> {
    let bad = text.get_ref().chars().find(|c| matches!(c, '"' | '\\') || c.is_control());
    match bad {
        None => Ok(text.get_ref().clone()),
        Some(c) => Err(wanted.error(
            text.span(),
            format!("{c:?} cannot stand in a text of an xl configuration; take it out"),
        )),
    }
}

/// A path that xl's disk syntax takes as it is.
pub(crate) fn disk(wanted: &Wanted, text: &Text) -> Result<String> {
    let path = quotable(wanted, text)?;
    if path.starts_with('/') && !path.contains(',') {
        return Ok(path);
    }
    Err(wanted.error(text.span(), format!("\"{path}\" must be a whole path (/…) without a comma")))
}

/// A path that means the same wherever xl is run.
pub(crate) fn path(wanted: &Wanted, text: &Text) -> Result<String> {
    let path = quotable(wanted, text)?;
    if path.starts_with('/') {
        return Ok(path);
    }
    Err(wanted.error(text.span(), format!("\"{path}\" must be a whole path; write /…")))
}

/// The TPM's version; 2.0 when nothing is said.
pub(crate) fn version(wanted: &Wanted, text: Option<&Text>) -> Result<TpmVersion> {
    let Some(text) = text else { return Ok(TpmVersion::Tpm20) };
    match text.get_ref().as_str() {
        "2.0" => Ok(TpmVersion::Tpm20),
        "1.2" => Ok(TpmVersion::Tpm12),
        other => {
            let instead = instead(other, &["2.0", "1.2"]);
            Err(wanted.error(text.span(), format!("there is no TPM \"{other}\"; {instead}")))
        }
    }
}

/// The manager's TPM: `2.0`, `1.2` or `none`; the first when nothing is said.
pub(crate) fn hardware(wanted: &Wanted, text: Option<&Text>) -> Result<&'static str> {
    const WORDS: [&str; 3] = ["2.0", "1.2", "none"];
    let Some(text) = text else { return Ok(WORDS[0]) };
    let said = text.get_ref();
    let found = WORDS.into_iter().find(|word| word == said);
    found.ok_or_else(|| {
        let instead = instead(said, &WORDS);
        wanted.error(text.span(), format!("there is no hardware TPM \"{said}\"; {instead}"))
    })
}

/// The values there are, and the one that was probably meant.
fn instead(said: &str, words: &[&str]) -> String {
    let list = quoted(words);
    let meant = meant_version(said).filter(|meant| words.contains(meant));
    meant.map_or(format!("write {list}"), |meant| {
        format!("write {list} (did you mean \"{meant}\"?)")
    })
}

/// A version by its first digit, however it is written.
fn meant_version(said: &str) -> Option<&'static str> {
    let bare = said.to_lowercase();
    match bare.trim_start_matches("tpm").trim_matches(|c: char| !c.is_ascii_alphanumeric()) {
        "2" | "20" | "v2" | "v2.0" | "2.0" => Some("2.0"),
        "1" | "12" | "v1" | "v1.2" | "1.2" => Some("1.2"),
        "no" | "off" | "false" | "0" | "none" => Some("none"),
        _ => None,
    }
}

fn quoted(words: &[&str]) -> String {
    words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(" or ")
}

/// A vTPM's identity.
pub(crate) fn uuid(wanted: &Wanted, text: &Text) -> Result<Uuid> {
    line::uuid_as_xl(text.get_ref()).filter(|uuid| !uuid.is_nil()).ok_or_else(|| {
        let told = format!(
            "\"{}\" is no uuid; take what cat /proc/sys/kernel/random/uuid prints, or leave it out to get a \
             new one",
            text.get_ref()
        );
        wanted.error(text.span(), told)
    })
}

/// One of a few words; the first one when nothing is said.
pub(crate) fn one_of(
    wanted: &Wanted,
    text: Option<&Text>,
    words: &[&'static str],
) -> Result<&'static str> {
    let Some(text) = text else { return Ok(words[0]) };
    let found = words.iter().find(|word| *word == text.get_ref());
    found.copied().ok_or_else(|| {
        let told = format!("\"{}\" is not known here; write {}", text.get_ref(), quoted(words));
        wanted.error(text.span(), told)
    })
}

/// A number that is not too small; `otherwise` when nothing is said.
pub(crate) fn at_least(
    wanted: &Wanted,
    number: Option<&Spanned<u32>>,
    least: u32,
    otherwise: u32,
) -> Result<u32> {
    match number {
        None => Ok(otherwise),
        Some(number) if *number.get_ref() >= least => Ok(*number.get_ref()),
        Some(number) => Err(wanted.error(
            number.span(),
            format!("{} is too little; write {least} or more", number.get_ref()),
        )),
    }
}

/// A range of pages, as `iomem=` of xl.cfg(5) has it: page number, comma, count, in hexadecimal.
pub(crate) fn pages(wanted: &Wanted, text: &Text) -> Result<String> {
    let number =
        |part: &str| (!part.starts_with('+')).then(|| u64::from_str_radix(part, 16).ok()).flatten();
    let good = text.get_ref().split_once(',').is_some_and(|(page, count)| {
        number(page).is_some() && number(count).is_some_and(|count| count > 0)
    });
    if good {
        return Ok(text.get_ref().clone());
    }
    let told = format!(
        "\"{}\" is no range of pages; write page and count in hexadecimal, as in \"fed40,5\"",
        text.get_ref()
    );
    Err(wanted.error(text.span(), told))
}

#[test]
fn a_version_that_is_none_is_answered_with_all_and_the_nearest() {
    for said in ["2", "2.", "20", "TPM 2.0", "tpm2", "v2"] {
        let told = instead(said, &["2.0", "1.2"]);
        assert_eq!(told, "write \"2.0\" or \"1.2\" (did you mean \"2.0\"?)", "{said}");
    }
    for (said, meant) in
        [("1", "1.2"), ("12", "1.2"), ("TPM1.2", "1.2"), ("no", "none"), ("None", "none")]
    {
        let told = instead(said, &["2.0", "1.2", "none"]);
        assert!(told.ends_with(&format!("\"none\" (did you mean \"{meant}\"?)")), "{said}: {told}");
    }
    for said in ["", "3", "x", "tpm", "2.1", "none"] {
        assert_eq!(instead(said, &["2.0", "1.2"]), "write \"2.0\" or \"1.2\"", "{said}");
    }
}

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
    let told = format!("\"{name}\" {complaint}; write up to 80 {NAME_MAY_HOLD}, not digits alone");
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
        other => Err(wanted
            .error(text.span(), format!("there is no TPM \"{other}\"; write \"2.0\" or \"1.2\""))),
    }
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
        let list = words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(" or ");
        wanted.error(text.span(), format!("\"{}\" is not known here; write {list}", text.get_ref()))
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

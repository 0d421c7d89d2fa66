//! What a name, a path and a word may be.

use crate::wanted::{Text, Wanted};
use anyhow::Result;
use libxl_vtpm::{TpmVersion, Uuid, line};

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
            "\"{}\" is no uuid; take what uuidgen prints, or leave it out to get a new one",
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

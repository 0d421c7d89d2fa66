//! One item of `vtpm=[...]`: `backend=DOMAIN[,uuid=UUID]`, which is all that stock xl knows
//! (xl.cfg(5)), and which TPM it is to be: `tpm2`, or `tpm=1.2`, `tpm=2.0`.
//!
//! What stock xl accepts has the same meaning here. The other words must not reach it: it exits at a
//! key that it does not know, and silently passes over everything from a word without `=` on.
//! [`VtpmLine::for_xl`] is what may be handed to it.

mod error;
mod stock;
#[cfg(test)]
mod tests;
mod words;

pub use error::{LineError, Mistake, Warning};
pub use stock::{StockXl, stock_xl};

use crate::TpmVersion;
use uuid::Uuid;
use words::{Word, words};

/// A vTPM of a guest, or the manager of a vTPM domain, as its configuration names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VtpmLine {
    /// Name or number of the domain that holds the TPM.
    pub backend: String,
    /// The vTPM's identity. Without one libxl makes another at each start.
    pub uuid: Option<Uuid>,
    /// Which TPM it is to be, where the line says so.
    pub tpm: Option<TpmVersion>,
}

/// A line that was understood, and what its writer should know about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Understood {
    /// What it means.
    pub line: VtpmLine,
    /// What stock xl would make of it that is not meant, and what is probably a slip.
    pub warnings: Vec<Warning>,
}

impl VtpmLine {
    /// Reads an item of `vtpm=[...]`, without its quotes.
    ///
    /// # Errors
    /// The first mistake, with its column and what to type.
    pub fn parse(text: &str) -> Result<Understood, LineError> {
        let mut reader = Reader::default();
        for word in words(text) {
            reader.word(&word)?;
        }
        reader.finish(text)
    }

    /// The same for stock xl, which knows two of the words.
    #[must_use]
    pub fn for_xl(&self) -> String {
        match &self.uuid {
            Some(uuid) => format!("backend={},uuid={uuid}", self.backend),
            None => format!("backend={}", self.backend),
        }
    }
}

/// What was read so far.
#[derive(Default)]
struct Reader {
    backend: Option<String>,
    uuid: Option<Uuid>,
    tpm: Option<TpmVersion>,
    warnings: Vec<Warning>,
}

impl Reader {
    fn word(&mut self, word: &Word<'_>) -> Result<(), LineError> {
        let mistake = |mistake| Err(LineError { column: word.column, mistake });
        match (word.key, word.value) {
            ("backend", Some("")) => return mistake(Mistake::EmptyBackend),
            ("backend", Some(name)) => self.backend(word, name),
            ("uuid", Some(text)) => match uuid_as_xl(text) {
                Some(uuid) => self.uuid(word, uuid),
                None => return mistake(Mistake::Uuid(text.to_owned())),
            },
            ("tpm2", None | Some("1")) | ("tpm", Some("2.0")) => {
                self.tpm(word, TpmVersion::Tpm20)?;
            }
            ("tpm", Some("1.2")) => self.tpm(word, TpmVersion::Tpm12)?,
            ("tpm", Some(version)) => return mistake(Mistake::Version(version.to_owned())),
            ("tpm2", Some(value)) => return mistake(Mistake::Tpm2(value.to_owned())),
            (key, value) => {
                return mistake(Mistake::Unknown {
                    key: key.to_owned(),
                    has_value: value.is_some(),
                });
            }
        }
        Ok(())
    }

    fn backend(&mut self, word: &Word<'_>, name: &str) {
        if name.ends_with([' ', '\t']) {
            self.warnings.push(Warning::SpaceAfterBackend { column: word.column });
        }
        if self.backend.replace(name.to_owned()).is_some() {
            self.warnings.push(Warning::Again { column: word.column, key: "backend" });
        }
    }

    fn uuid(&mut self, word: &Word<'_>, uuid: Uuid) {
        if self.uuid.replace(uuid).is_some() {
            self.warnings.push(Warning::Again { column: word.column, key: "uuid" });
        }
    }

    fn tpm(&mut self, word: &Word<'_>, version: TpmVersion) -> Result<(), LineError> {
        match self.tpm.replace(version) {
            Some(other) if other != version => {
                Err(LineError { column: word.column, mistake: Mistake::TwoVersions })
            }
            _ => Ok(()),
        }
    }

    fn finish(mut self, text: &str) -> Result<Understood, LineError> {
        let column = text.chars().count() + 1;
        let Some(backend) = self.backend else {
            return Err(LineError { column, mistake: Mistake::NoBackend });
        };
        self.warnings.extend(Warning::of_stock_xl(text));
        let line = VtpmLine { backend, uuid: self.uuid, tpm: self.tpm };
        Ok(Understood { line, warnings: self.warnings })
    }
}

/// A uuid in the one form that xl takes: 8-4-4-4-12 hexadecimal digits (libuuid, uuid_parse).
#[must_use]
pub fn uuid_as_xl(text: &str) -> Option<Uuid> {
    if text.len() != 36 {
        return None;
    }
    Uuid::try_parse(text).ok()
}

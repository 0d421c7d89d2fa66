//! A guest's configuration file, read as xl reads it.

use crate::line::{LineError, Understood, VtpmLine, Warning};
use crate::text::{self, Place};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use xenlight_sys::{BadFile, GuestFile, Library, LoadError, Setting};

/// What the tools need to know of a guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guest {
    /// The domain's name.
    pub name: Option<String>,
    /// Its vTPMs, in the order of their numbers.
    pub vtpms: Vec<VtpmLine>,
    /// What to tell whoever wrote the file, one sentence each, with file, line and column.
    pub warnings: Vec<String>,
}

/// Why a guest's file cannot be used.
#[derive(Debug)]
pub enum GuestError {
    /// libxlutil is not there, and nothing else reads such a file as xl does.
    Library(LoadError),
    /// The file cannot be opened.
    Open(PathBuf, io::Error),
    /// It is no xl configuration: where, if that could be found, and libxlutil's own words.
    Bad(Option<Spot>, BadFile),
    /// `vtpm` is set to something else than a list of texts.
    NoList(Spot),
    /// A vTPM's line cannot be followed.
    Line(Spot, LineError),
}

/// Where an item of `vtpm=[...]` stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spot {
    /// The file.
    pub file: PathBuf,
    /// Counted from 1; 0 for the list itself.
    pub item: usize,
    /// Line and column of its first character, where they could be found.
    pub place: Option<Place>,
}

impl Spot {
    /// The spot of the item's `column`th character.
    fn at(&self, column: usize) -> Self {
        let place = self.place.map(|place| Place { column: place.column + column - 1, ..place });
        Self { place, ..self.clone() }
    }
}

impl fmt::Display for Spot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Some(place) => write!(f, "{}:{place}", self.file.display()),
            None if self.item == 0 => write!(f, "{}", self.file.display()),
            None => write!(f, "{}: item {} of vtpm", self.file.display(), self.item),
        }
    }
}

/// One sentence, and on further lines what libxlutil said besides.
impl fmt::Display for GuestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Library(why) => {
                write!(f, "a guest's file is read by Xen's own libxlutil, and there is none: {why}")
            }
            Self::Open(file, error) => write!(f, "{}: {error}", file.display()),
            Self::Bad(None, why) => {
                write!(f, "{why}; see xl.cfg(5)")?;
                why.details().try_for_each(|line| write!(f, "\n{line}"))
            }
            Self::Bad(Some(spot), why) => {
                write!(
                    f,
                    "{spot}: this is not the syntax of an xl configuration; see xl.cfg(5) ({why})"
                )?;
                why.details().try_for_each(|line| write!(f, "\n{line}"))
            }
            Self::NoList(spot) => {
                write!(f, "{spot}: vtpm must be a list of texts; write vtpm=[ \"backend=NAME\" ]")
            }
            Self::Line(spot, error) => match spot.place {
                Some(_) => write!(f, "{}: {}", spot.at(error.column), error.mistake),
                None => write!(f, "{spot}, {error}"),
            },
        }
    }
}

impl std::error::Error for GuestError {}

impl Guest {
    /// Reads a file.
    ///
    /// # Errors
    /// The first thing that is wrong, with file, line and column.
    pub fn read(file: &Path) -> Result<Self, GuestError> {
        let text =
            text::read_file(file).map_err(|error| GuestError::Open(file.to_owned(), error))?;
        let library = Library::any().map_err(GuestError::Library)?;
        Self::parse(library, file, &text)
    }

    /// Reads a file's text.
    ///
    /// # Errors
    /// As [`Guest::read`].
    pub fn parse(library: &'static Library, file: &Path, text: &[u8]) -> Result<Self, GuestError> {
        let name = file.display().to_string();
        let read = GuestFile::parse(library, &name, text).map_err(|why| {
            let place = std::str::from_utf8(text).ok().and_then(|text| text::settings(text).err());
            let spot = place.map(|place| Spot { file: file.into(), item: 0, place: Some(place.0) });
            GuestError::Bad(spot, why)
        })?;
        let mut guest = Self { name: None, vtpms: Vec::new(), warnings: Vec::new() };
        if let Some(Setting::Text(name)) = read.get("name") {
            guest.name = Some(name);
        }
        let spot = |item, place| Spot { file: file.to_owned(), item, place };
        let items = match read.get("vtpm") {
            None => return Ok(guest),
            Some(Setting::List(items)) => items,
            Some(Setting::Text(_)) => return Err(GuestError::NoList(spot(0, place_of_list(text)))),
        };
        let places = places(text, &items);
        for (at, item) in items.iter().enumerate() {
            let spot = spot(at + 1, places.get(at).copied());
            let Some(item) = item else {
                return Err(GuestError::NoList(Spot { place: place_of_list(text), ..spot }));
            };
            let understood =
                VtpmLine::parse(item).map_err(|error| GuestError::Line(spot.clone(), error))?;
            guest.take(&spot, understood);
        }
        Ok(guest)
    }

    fn take(&mut self, spot: &Spot, understood: Understood) {
        let told = understood.warnings.iter().map(|warning| sentence(spot, warning));
        self.warnings.extend(told);
        self.vtpms.push(understood.line);
    }
}

fn sentence(spot: &Spot, warning: &Warning) -> String {
    match spot.place {
        Some(_) => format!("{}: {warning}", spot.at(warning.column())),
        None => format!("{spot}, column {}: {warning}", warning.column()),
    }
}

/// Where `vtpm` is set, the last time.
fn place_of_list(text: &[u8]) -> Option<Place> {
    let found = text::settings(std::str::from_utf8(text).ok()?).ok()?;
    let mut all = found.0.iter().filter(|setting| setting.name == "vtpm");
    all.next_back().map(|setting| setting.place)
}

/// The items' places in the file; none where the text's own reading differs from libxlutil's.
fn places(text: &[u8], items: &[Option<String>]) -> Vec<Place> {
    let Some(found) = std::str::from_utf8(text).ok().and_then(|t| text::settings(t).ok()) else {
        return Vec::new();
    };
    let found = found.list("vtpm");
    let same = found.iter().map(|item| Some(&item.text)).eq(items.iter().map(Option::as_ref));
    if same { found.iter().map(|item| item.place).collect() } else { Vec::new() }
}

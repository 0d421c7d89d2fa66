//! How a command ends that did not do what was asked.

use crate::lock::NotHeld;
use command_line::file_error;
use libxl_vtpm::guest::GuestError;
use libxl_vtpm::plan::{Failure, Problem};
use manager_client::ChannelError;
use std::fmt;
use std::process::ExitCode;
use xenlight_sys::{Error, LoadError};

/// Every exit code of the program, and what it means. The second is clap's own.
pub(crate) const CODES: [(u8, &str); 7] = [
    (0, "done"),
    (1, "not done; nothing was changed, or everything was changed back"),
    (2, "the command line is wrong"),
    (3, "not done, and something is left that could not be changed back; the message says what"),
    (4, "this machine does not run Xen, or its libraries are missing"),
    (5, "doctor found something that has to be put right"),
    (6, "the manager cannot be reached, or refuses; the message says why"),
];

/// Why, and with which exit code.
#[derive(Debug)]
pub(crate) enum Exit {
    /// 1: nothing was changed, or everything was changed back.
    NotDone(String),
    /// 3: something is left.
    Left(String),
    /// 4: there is no Xen to ask.
    NoXen(String),
    /// 5: doctor has said what it found; how many things have to be put right.
    Found(usize),
    /// 6: the manager cannot be asked, or does not do it.
    Manager(String),
}

impl Exit {
    pub(crate) const fn number(&self) -> u8 {
        match self {
            Self::NotDone(_) => 1,
            Self::Left(_) => 3,
            Self::NoXen(_) => 4,
            Self::Found(_) => 5,
            Self::Manager(_) => 6,
        }
    }

    pub(crate) fn code(&self) -> ExitCode {
        ExitCode::from(self.number())
    }

    pub(crate) fn not_done(why: impl fmt::Display) -> Self {
        Self::NotDone(why.to_string())
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotDone(why) | Self::Left(why) | Self::NoXen(why) | Self::Manager(why) => {
                f.write_str(why)
            }
            Self::Found(1) => f.write_str("one thing has to be put right"),
            Self::Found(count) => write!(f, "{count} things have to be put right"),
        }
    }
}

impl From<LoadError> for Exit {
    fn from(why: LoadError) -> Self {
        Self::NoXen(why.to_string())
    }
}

impl From<GuestError> for Exit {
    fn from(why: GuestError) -> Self {
        match why {
            GuestError::Library(_) => Self::NoXen(why.to_string()),
            GuestError::Open(file, error) => {
                Self::NotDone(file_error(&file, &error, "name the guest's xl configuration"))
            }
            _ => Self::NotDone(why.to_string()),
        }
    }
}

impl From<Error> for Exit {
    fn from(why: Error) -> Self {
        Self::NotDone(why.to_string())
    }
}

impl From<Problem> for Exit {
    fn from(why: Problem) -> Self {
        Self::NotDone(why.0)
    }
}

impl From<NotHeld> for Exit {
    fn from(why: NotHeld) -> Self {
        Problem::from(why).into()
    }
}

impl From<ChannelError> for Exit {
    fn from(why: ChannelError) -> Self {
        Self::Manager(why.to_string())
    }
}

impl From<Box<Failure>> for Exit {
    fn from(failure: Box<Failure>) -> Self {
        let why = failure.to_string();
        let stays = !failure.late.is_empty() || !failure.in_use.is_empty();
        match (failure.left.is_empty() && !stays, failure.locked) {
            (false, _) => Self::Left(why),
            (true, Some(_)) => Self::Manager(why),
            (true, None) => Self::NotDone(why),
        }
    }
}

#[test]
fn every_way_to_end_has_its_line_in_the_table() {
    let text = String::new;
    for exit in [
        Exit::NotDone(text()),
        Exit::Left(text()),
        Exit::NoXen(text()),
        Exit::Found(1),
        Exit::Manager(text()),
    ] {
        assert!(CODES.iter().any(|(code, _)| *code == exit.number()), "{exit:?}");
    }
    assert!(CODES.iter().enumerate().all(|(at, (code, _))| at == usize::from(*code)));
}

#[test]
fn the_manual_page_has_the_table() {
    let page = manual::Page::of("xl-vtpm.1");
    let said = page.section("EXIT STATUS").join("\n");
    for (code, means) in CODES {
        assert!(said.contains(&format!(".TP\n.B {code}\n{means}\n")), "{code} {means}");
    }
    assert_eq!(page.tags("EXIT STATUS").len(), CODES.len());
}

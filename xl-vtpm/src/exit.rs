//! How a command ends that did not do what was asked.

use libxl_vtpm::guest::GuestError;
use libxl_vtpm::plan::{Failure, Problem};
use std::fmt;
use std::process::ExitCode;
use xenlight_sys::{Error, LoadError};

/// Why, and with which exit code.
#[derive(Debug)]
pub(crate) enum Exit {
    /// 1: nothing was changed, or everything was changed back.
    NotDone(String),
    /// 3: something is left.
    Left(String),
    /// 4: there is no Xen to ask.
    NoXen(String),
}

impl Exit {
    pub(crate) fn code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::NotDone(_) => 1,
            Self::Left(_) => 3,
            Self::NoXen(_) => 4,
        })
    }

    pub(crate) fn not_done(why: impl fmt::Display) -> Self {
        Self::NotDone(why.to_string())
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::NotDone(why) | Self::Left(why) | Self::NoXen(why)) = self;
        f.write_str(why)
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

impl From<Box<Failure>> for Exit {
    fn from(failure: Box<Failure>) -> Self {
        let why = failure.to_string();
        if failure.left.is_empty() { Self::NotDone(why) } else { Self::Left(why) }
    }
}

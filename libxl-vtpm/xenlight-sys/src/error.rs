//! What can go wrong.

use crate::layout;
use crate::release::UnknownXen;
use crate::said::cause_first;
use std::ffi::c_int;
use std::fmt;

/// Why libxl could not be loaded.
#[derive(Debug)]
pub enum LoadError {
    /// Which library is needed cannot be said.
    Xen(UnknownXen),
    /// A library is not there or cannot be loaded.
    Library {
        /// Its name.
        name: String,
        /// What the loader says.
        why: libloading::Error,
    },
    /// A library lacks a call.
    Symbol(libloading::Error),
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Xen(why) => why.fmt(f),
            Self::Library { name, why } => write!(
                f,
                "{name} cannot be loaded ({why}); install Xen's utilities (Debian: apt install \
                 xen-utils)"
            ),
            Self::Symbol(why) => write!(f, "Xen's libraries are not the ones expected: {why}"),
        }
    }
}

impl std::error::Error for LoadError {}

impl From<UnknownXen> for LoadError {
    fn from(why: UnknownXen) -> Self {
        Self::Xen(why)
    }
}

/// A negative `libxl_error` (_libxl_types.h).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code(pub(crate) c_int);

impl Code {
    /// There is no such domain.
    pub const DOMAIN_NOT_FOUND: Self = Self(layout::ERROR_DOMAIN_NOTFOUND);
    /// libxl waited as long as it waits.
    pub const TIMED_OUT: Self = Self(layout::ERROR_TIMEDOUT);
    /// Something asked for cannot be.
    pub const INVALID: Self = Self(layout::ERROR_INVAL);
}

/// A call of libxl's failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    pub(crate) call: &'static str,
    pub(crate) code: Code,
    pub(crate) said: String,
}

impl Error {
    /// What libxl returned.
    #[must_use]
    pub const fn code(&self) -> Code {
        self.code
    }

    /// Everything libxl said during the call, one message per line; often empty.
    #[must_use]
    pub fn said(&self) -> &str {
        &self.said
    }

    /// What libxl said besides the cause, which the error itself names.
    pub fn details(&self) -> impl Iterator<Item = &str> {
        cause_first(&self.said).into_iter().skip(1)
    }
}

/// One line, with the cause.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} failed (libxl error {})", self.call, self.code.0)?;
        cause_first(&self.said).first().map_or(Ok(()), |cause| write!(f, ": {cause}"))
    }
}

impl std::error::Error for Error {}

#[test]
fn an_error_is_one_line_and_its_details_are_others() {
    let said = "libxl: warning: w\nlibxl: error: first\nlibxl: error: second\n".to_owned();
    let error = Error { call: "libxl_x", code: Code(-3), said };
    assert_eq!(error.to_string(), "libxl_x failed (libxl error -3): libxl: error: first");
    assert_eq!(error.details().collect::<Vec<_>>(), ["libxl: warning: w", "libxl: error: second"]);
    let silent = Error { said: String::new(), ..error };
    assert_eq!(silent.to_string(), "libxl_x failed (libxl error -3)");
}

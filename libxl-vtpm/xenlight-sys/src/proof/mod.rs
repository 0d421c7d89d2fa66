//! The proof that this crate sees libxl as C does: every signature, size, offset and constant is
//! written down in C and handed to a compiler with the headers of each release.

mod headers;
mod loaded;
mod spelling;

pub(crate) use spelling::InC;

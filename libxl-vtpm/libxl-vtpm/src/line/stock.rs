//! What stock xl makes of a line (Xen 4.17 and 4.20, tools/xl/xl_parse.c, parse_config_data).

use super::uuid_as_xl;
use super::words::words;
use std::fmt;
use uuid::Uuid;

/// Stock xl's verdict. Compared with the real one in the lab, line by line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StockXl {
    /// It goes on.
    Accepts {
        /// The domain it will look for.
        backend: String,
        /// `None`: libxl makes one.
        uuid: Option<Uuid>,
        /// Everything it passed over in silence, from a word without `=` on; where that begins, and
        /// the word.
        passed_over: Option<(usize, String)>,
    },
    /// It prints this and exits with status 1.
    Exits(String),
}

impl fmt::Display for StockXl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accepts { backend, uuid, .. } => {
                let uuid = uuid.unwrap_or_default();
                write!(f, "accepts backend={backend},uuid={uuid}")
            }
            Self::Exits(message) => write!(f, "exits: {message}"),
        }
    }
}

/// What stock xl makes of an item of `vtpm=[...]`.
#[must_use]
pub fn stock_xl(line: &str) -> StockXl {
    let (mut backend, mut uuid, mut passed_over) = (None, None, None);
    for word in words(line) {
        let Some(value) = word.value else {
            passed_over = Some((word.column, word.key.to_owned()));
            break;
        };
        match word.key {
            "backend" => backend = Some(value.to_owned()),
            "uuid" => match uuid_as_xl(value) {
                Some(read) => uuid = Some(read),
                None => return StockXl::Exits(format!("Failed to parse vtpm UUID: {value}")),
            },
            key => return StockXl::Exits(format!("Unknown string `{key}' in vtpm spec")),
        }
    }
    match backend {
        Some(backend) => StockXl::Accepts { backend, uuid, passed_over },
        None => StockXl::Exits("vtpm spec missing required backend field!".into()),
    }
}

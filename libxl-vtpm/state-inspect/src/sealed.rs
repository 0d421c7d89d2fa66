//! What a sealed secret says about itself.

use serde_json::{Value, json};
use std::fmt;
use vtpm_custody::{CustodyError, Overview, inspect};
use vtpm_store::manager::SealedSecret;

/// To what the store's secret is sealed, or why that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedReport(Result<Overview, CustodyError>);

impl SealedReport {
    /// Reads it; the secret itself stays sealed.
    #[must_use]
    pub fn of(sealed: &SealedSecret) -> Self {
        Self(inspect(sealed))
    }

    fn states(overview: &Overview) -> Vec<String> {
        overview.states.iter().map(|way| way.state.selection().to_string()).collect()
    }

    pub(crate) fn json(&self) -> Value {
        match &self.0 {
            Ok(overview) => json!({
                "to": overview.kind.to_string(),
                "recovery_key": overview.has_recovery_key,
                "administrator_key": overview.administrator.is_some(),
                "forced": overview.forced,
                "states": Self::states(overview),
            }),
            Err(error) => json!({ "error": error.to_string() }),
        }
    }
}

impl fmt::Display for SealedReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let overview = match &self.0 {
            Ok(overview) => overview,
            Err(error) => return write!(f, "unreadable: {error}"),
        };
        write!(f, "to {}", overview.kind)?;
        if !overview.states.is_empty() {
            write!(f, ", {}", Self::states(overview).join(" or "))?;
        }
        f.write_str(if overview.forced { ", by force" } else { "" })?;
        f.write_str(if overview.has_recovery_key { ", with" } else { ", without" })?;
        f.write_str(" a recovery key")
    }
}

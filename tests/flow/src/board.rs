//! What the machine's board has for a manager.

use vtpm_manager::{Hardware, RootKeeper, WithoutHardware};

/// The hardware TPM of one manager domain, who keeps its store's secret with it, and the command line
/// that goes with both.
pub struct Board {
    /// The hardware TPM, started.
    pub hardware: Option<Hardware>,
    /// Who keeps the store's secret, and the counter.
    pub keeper: Box<dyn RootKeeper>,
    /// The manager's command line.
    pub line: String,
}

impl Board {
    /// No hardware TPM.
    #[must_use]
    pub fn bare() -> Self {
        Self { hardware: None, keeper: Box::new(WithoutHardware), line: "hwtpm=none".into() }
    }

    /// A hardware TPM to which the store is not sealed, and whose counters are not used.
    #[must_use]
    pub fn unsealed(hardware: Hardware) -> Self {
        let line = "rollback=off".into();
        Self { hardware: Some(hardware), keeper: Box::new(WithoutHardware), line }
    }
}

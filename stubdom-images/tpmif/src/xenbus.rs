//! The states through which two ends of a device connect.

use core::fmt;

/// The state of one end of a device, a decimal number in its `state` node (Xen
/// public/io/xenbus.h).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum XenbusState {
    /// 1: created by the toolstack, or reset by the frontend before it opens again.
    Initialising,
    /// 2: the backend is ready for the frontend's grant and port.
    InitWait,
    /// 3: the frontend has published grant and port.
    Initialised,
    /// 4: this end works.
    Connected,
    /// 5: this end is closing, or is asked to.
    Closing,
    /// 6: this end is closed.
    Closed,
    /// 7: unused by vTPM devices.
    Reconfiguring,
    /// 8: unused by vTPM devices.
    Reconfigured,
}

impl XenbusState {
    /// The text of the `state` node.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Initialising => "1",
            Self::InitWait => "2",
            Self::Initialised => "3",
            Self::Connected => "4",
            Self::Closing => "5",
            Self::Closed => "6",
            Self::Reconfiguring => "7",
            Self::Reconfigured => "8",
        }
    }

    /// `None` for 0 (`XenbusStateUnknown`) and everything that is no state.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "1" => Self::Initialising,
            "2" => Self::InitWait,
            "3" => Self::Initialised,
            "4" => Self::Connected,
            "5" => Self::Closing,
            "6" => Self::Closed,
            "7" => Self::Reconfiguring,
            "8" => Self::Reconfigured,
            _ => return None,
        })
    }
}

impl fmt::Display for XenbusState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

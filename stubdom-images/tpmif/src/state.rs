//! The state byte.

/// Whose turn it is (Xen public/io/tpmif.h, `enum tpmif_state`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageState {
    /// 0: nothing to do, or a command was given up. Written by the backend.
    Idle,
    /// 1: a command stands in the page. Written by the frontend.
    Submit,
    /// 2: a response stands in the page. Written by the backend.
    Finish,
    /// 3: the frontend no longer wants its command. Written by the frontend.
    Cancel,
}

impl PageState {
    /// The byte in the page.
    #[must_use]
    pub const fn byte(self) -> u8 {
        match self {
            Self::Idle => 0,
            Self::Submit => 1,
            Self::Finish => 2,
            Self::Cancel => 3,
        }
    }

    /// `None` for a byte that means nothing.
    #[must_use]
    pub const fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            0 => Self::Idle,
            1 => Self::Submit,
            2 => Self::Finish,
            3 => Self::Cancel,
            _ => return None,
        })
    }
}

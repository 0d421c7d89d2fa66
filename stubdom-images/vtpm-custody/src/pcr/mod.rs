//! Which PCRs a policy looks at, and what it wants to see there.

mod mask;
mod selection;
mod state;
#[cfg(test)]
mod tests;
mod text;

pub use mask::PcrMask;
pub use selection::{PcrSelection, SelectionError};
pub(crate) use state::nearest;
pub use state::{Differences, PcrState};
pub use text::StateError;

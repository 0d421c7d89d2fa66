//! The console: lines that `xl console` shows and xenconsoled keeps.
//!
//! Nothing here waits for long. When nobody empties the ring, text is dropped and counted, and the
//! count is told once there is room again.

pub(crate) mod line;
pub(crate) mod ring;

#[cfg(target_os = "none")]
mod output;
#[cfg(target_os = "none")]
pub use output::Console;
#[cfg(target_os = "none")]
pub(crate) use output::{connect, drain, emergency, place_ring, start_logging};

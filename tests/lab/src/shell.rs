//! dom0 for people.

use crate::machine::Options;
use crate::place::Place;
use anyhow::Result;

/// Opens a shell in a dom0 of its own.
///
/// # Errors
/// The lab failed.
pub fn open(place: &Place, options: &Options) -> Result<u8> {
    let _ = (place, options);
    Ok(125)
}

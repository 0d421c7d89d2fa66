//! What the manager says about itself in xenstore (docs/formats/xenstore-data-vtpmmgr.md).

use domain_io::announce::Announcement;
pub use domain_io::announce::{State, Word};

/// Where.
pub const HERE: Announcement = Announcement { directory: "data/vtpmmgr" };

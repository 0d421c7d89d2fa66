//! An xl configuration file as text: where its settings stand, and how one is changed without
//! touching anything else.
//!
//! The file's meaning is libxlutil's to say ([`crate::guest`]); this knows its places. The syntax is
//! that of Xen's tools/libs/util/libxlu_cfg_l.l and libxlu_cfg_y.y.

mod add;
mod file;
mod settings;
mod stock;
mod tokens;

pub use add::{NotAdded, with_vtpm};
pub use file::read_file;
pub use settings::{ListItem, SettingAt, Settings, settings};
pub use stock::for_xl;
pub use tokens::{NotReadable, Place};

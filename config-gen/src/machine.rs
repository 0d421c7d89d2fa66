//! The machine that this runs on, if it is a Xen host.

use xenlight_sys::{Context, Library};

/// How domains run best here, `pvh` or `pv`; `None` where nobody can say, such as on another machine than the
/// host.
pub(crate) fn kind() -> Option<&'static str> {
    let library = Library::of_this_host().ok()?;
    let xen = Context::open(library).ok()?;
    Some(xen.abilities().ok()?.of_stub_domains())
}

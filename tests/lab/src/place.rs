//! Where the lab keeps its things.

use std::env;
use std::path::{Path, PathBuf};

/// The folders a lab works in. `LAB_DIR` moves the lab's own (several checkouts may share one);
/// product images always come from this checkout's target folder.
#[derive(Clone, Debug)]
pub struct Place {
    /// Everything the lab fetches, builds and logs: `target/lab`.
    pub lab: PathBuf,
    /// Product images, copied to `/lab/images` in dom0: `target/images/*.gz`.
    pub product_images: PathBuf,
    /// Programs for domain 0, copied to `/lab/tools` there: `target/tools/*`.
    pub product_tools: PathBuf,
    /// Debian packages, copied to `/lab/deb` where a claim needs dpkg: `target/deb/*.deb`.
    pub product_packages: PathBuf,
    /// Scripts for domain 0, copied to `/lab/hotplug` there.
    pub hotplug: PathBuf,
    /// systemd units of vtpm-proxy, copied to `/lab/units` there.
    pub units: PathBuf,
    /// Manual pages, copied to `/lab/man` there.
    pub pages: PathBuf,
    /// What claims begin with (`. lab-lib`), on the path of every script in domain 0.
    pub libraries: PathBuf,
    /// The claims: `tests/lab/claims`.
    pub claims: PathBuf,
}

impl Place {
    /// The folders of this checkout, by `CARGO_TARGET_DIR` and `LAB_DIR` where they are set.
    #[must_use]
    pub fn of_checkout() -> Self {
        let own = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = own.ancestors().nth(2).unwrap_or(own);
        let set = |name| env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
        let target = root.join(set("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into()));
        Self {
            lab: set("LAB_DIR").unwrap_or_else(|| target.join("lab")),
            product_images: target.join("images"),
            product_tools: target.join("tools"),
            product_packages: target.join("deb"),
            hotplug: root.join("hotplug"),
            units: root.join("vtpm-proxy/systemd"),
            pages: root.join("man"),
            libraries: own.join("libraries"),
            claims: own.join("claims"),
        }
    }

    /// The versions of all fetched packages.
    #[must_use]
    pub fn manifest(&self) -> PathBuf {
        self.lab.join("manifest.txt")
    }
}

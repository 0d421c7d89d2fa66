//! A package's bill of materials: CycloneDX 1.5 in JSON. It has no time and no serial number, so that
//! the same sources give the same bytes.

use super::graph;
use super::{BARE, LINUX};
use crate::{native, steps, tools};
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

/// Something that was built here, and what is linked into it.
pub(crate) struct Built {
    /// Its file name.
    pub(crate) name: String,
    /// Our crate that it comes from.
    pub(crate) from: String,
    /// `x86_64-unknown-none` for an image.
    pub(crate) target: &'static str,
    /// Lower-case hex of the file as it is shipped.
    pub(crate) sha256: String,
}

impl Built {
    /// What a package's `source` stands for: `target/images/NAME.gz` or `target/tools/NAME`.
    ///
    /// # Errors
    /// When the file is not there.
    pub(crate) fn of(source: &str) -> Result<Option<Self>> {
        let Some(inner) = source.strip_prefix("target/") else { return Ok(None) };
        let (from, target) = if let Some(image) = inner.strip_prefix("images/") {
            (Some(image.trim_end_matches(".gz")), BARE)
        } else {
            (inner.strip_prefix("tools/").and_then(tools::package_of), LINUX)
        };
        let Some(from) = from else { return Ok(None) };
        let file = steps::target().join(inner);
        let sha256 = native::sha256_of(&file)?;
        let name = inner.rsplit('/').next().unwrap_or(inner).to_owned();
        Ok(Some(Self { name, from: from.into(), target, sha256 }))
    }

    /// The crates linked into it, our own among them.
    ///
    /// # Errors
    /// When cargo cannot say.
    pub(super) fn crates(&self) -> Result<BTreeSet<(String, String)>> {
        graph::linked_into(&self.from, self.target)
    }

    /// Whether it has the engine, and with it the C libraries.
    pub(super) fn has_engine(crates: &BTreeSet<(String, String)>) -> bool {
        crates.iter().any(|(name, _)| name == "engine-sys")
    }
}

/// The bill of package `name`, which holds `built`.
///
/// # Errors
/// When cargo cannot say what is linked, or the C libraries are not there.
pub(crate) fn text(name: &str, version: &str, built: &[Built]) -> Result<String> {
    let mut components = Vec::new();
    let mut dependencies = Vec::new();
    let mut crates = BTreeSet::new();
    let libraries = libraries()?;
    for one in built {
        let linked = one.crates()?;
        components.push(json!({
            "type": if one.target == BARE { "firmware" } else { "application" },
            "bom-ref": one.name, "name": one.name, "version": version,
            "hashes": [{ "alg": "SHA-256", "content": one.sha256 }],
        }));
        let mut on: Vec<String> =
            linked.iter().map(|(name, version)| purl(name, version)).collect();
        if Built::has_engine(&linked) {
            on.extend(libraries.iter().filter_map(|l| Some(l["bom-ref"].as_str()?.to_owned())));
        }
        dependencies.push(json!({ "ref": one.name, "dependsOn": on }));
        crates.extend(linked);
    }
    components.extend(libraries);
    components.extend(described(&crates)?);
    let bill = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": { "component": { "type": "application", "name": name, "version": version } },
        "components": components,
        "dependencies": dependencies,
    });
    Ok(serde_json::to_string_pretty(&bill)? + "\n")
}

fn purl(name: &str, version: &str) -> String {
    format!("pkg:cargo/{name}@{version}")
}

fn described(crates: &BTreeSet<(String, String)>) -> Result<Vec<Value>> {
    let mut known = BTreeMap::new();
    for one in graph::built_for(LINUX)?.into_iter().chain(graph::built_for(BARE)?) {
        known.insert((one.name.clone(), one.version.clone()), one);
    }
    let checksums = graph::checksums()?;
    let describe = |key: &(String, String)| -> Result<Value> {
        let (name, version) = key;
        let one =
            known.get(key).with_context(|| format!("cargo does not know {name} {version}"))?;
        let mut value = json!({
            "type": "library", "bom-ref": purl(name, version), "name": name, "version": version,
            "licenses": [{ "expression": one.expression() }],
        });
        if let (false, Some(sum)) = (one.is_ours(), checksums.get(key)) {
            value["purl"] = purl(name, version).into();
            value["hashes"] = json!([{ "alg": "SHA-256", "content": sum }]);
        }
        if let Some(repository) = &one.repository {
            value["externalReferences"] = json!([{ "type": "vcs", "url": repository }]);
        }
        Ok(value)
    };
    crates.iter().map(describe).collect()
}

/// libtpms and OpenSSL, as `target/native/manifest.txt` names them.
fn libraries() -> Result<Vec<Value>> {
    let file = native::manifest();
    let text = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
    of_manifest(&text).with_context(|| format!("{} is not understood", file.display()))
}

fn of_manifest(text: &str) -> Option<Vec<Value>> {
    let value =
        |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    let library = |name: &str, version: &str, license: &str, purl: Option<String>, sum: &str| {
        let mut value = json!({
            "type": "library", "bom-ref": name, "name": name, "version": version,
            "licenses": [{ "expression": license }],
            "hashes": [{ "alg": "SHA-256", "content": sum }],
        });
        if let Some(purl) = purl {
            value["purl"] = purl.into();
        }
        value
    };
    let tpms = value("libtpms")?;
    let (version, purl) = match tpms.strip_prefix("libtpms-dev ") {
        Some(version) => {
            (version, Some(format!("pkg:deb/debian/libtpms-dev@{version}?arch=amd64")))
        }
        None => (tpms, None),
    };
    let openssl = value("libcrypto")?.rsplit(' ').next()?;
    Some(vec![
        library("libtpms", version, "BSD-3-Clause", purl, value("libtpms.a sha256")?),
        library(
            "openssl",
            openssl,
            "Apache-2.0",
            Some(format!("pkg:generic/openssl@{openssl}")),
            value("libcrypto.a sha256")?,
        ),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_c_libraries_have_their_versions_and_hashes() {
        let text = "libtpms: libtpms-dev 0.9.2-3\nlibtpms.a sha256: aa\n\
                    libcrypto: openssl-src 300.5.5, OpenSSL 3.5.5\nlibcrypto.a sha256: bb\n";
        let found = of_manifest(text).unwrap();
        assert_eq!(found[0]["purl"], "pkg:deb/debian/libtpms-dev@0.9.2-3?arch=amd64");
        assert_eq!(
            (&found[1]["version"], &found[1]["hashes"][0]["content"]),
            (&"3.5.5".into(), &"bb".into())
        );
        let own = of_manifest(&text.replace("libtpms-dev 0.9.2-3", "LIBTPMS_STATIC=/x")).unwrap();
        assert_eq!((&own[0]["version"], own[0].get("purl")), (&"LIBTPMS_STATIC=/x".into(), None));
        assert!(of_manifest("libtpms: x\n").is_none());
    }

    #[test]
    fn a_bill_describes_everything_that_it_refers_to() {
        let built = Built {
            name: "vtpm-stubdom.gz".into(),
            from: "vtpm-stubdom".into(),
            target: BARE,
            sha256: "cc".into(),
        };
        let linked = built.crates().unwrap();
        assert!(Built::has_engine(&linked) && linked.iter().any(|(name, _)| name == "aes"));
        let described = described(&linked).unwrap();
        for (name, version) in &linked {
            let purl = purl(name, version);
            let one = described.iter().find(|one| one["bom-ref"] == *purl).unwrap();
            assert!(
                one["licenses"][0]["expression"].as_str().is_some_and(|text| text != "none given")
            );
            let ours = one.get("purl").is_none();
            assert!(
                ours || one["hashes"][0]["content"].as_str().is_some_and(|sum| sum.len() == 64)
            );
        }
    }
}

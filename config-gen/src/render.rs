//! The files' texts.

use crate::plan::{Content, Made, Manager, Plan, Vtpm};
use anyhow::{Context as _, Result, anyhow};
use libxl_vtpm::TpmVersion;
use libxl_vtpm::text::{self, NotAdded};
use std::path::{Path, PathBuf};
use tera::{Context, Tera};

/// A file that is to be.
#[derive(Debug)]
pub(crate) struct File {
    pub(crate) path: PathBuf,
    pub(crate) text: String,
    /// `manager`, `vtpm` or `guest`.
    pub(crate) kind: &'static str,
    /// The file of an administrator's that all but the vTPM comes from.
    pub(crate) copy_of: Option<PathBuf>,
    /// What is not as it was in the file that it comes from, besides what was asked for.
    pub(crate) remark: Option<String>,
}

const LEFT_OUT: &str = "tpm2 and tpm= are left out of its vtpm= lines: stock xl does not know them";

const TEMPLATES: [(&str, &str); 3] = [
    ("manager", include_str!("../templates/manager.cfg")),
    ("vtpm", include_str!("../templates/vtpm.cfg")),
    ("guest", include_str!("../templates/guest.cfg")),
];

const COMMENT: &str = "Its TPM: the domain that holds it, and the TPM's identity. That domain must be \
                       ready before this\nguest is started. Added by vtpm-config-gen.";

/// Every file of a plan.
///
/// # Errors
/// A guest's file cannot be added to.
pub(crate) fn all(plan: &Plan) -> Result<Vec<File>> {
    let mut tera = Tera::default();
    for (name, text) in TEMPLATES {
        tera.add_raw_template(name, text)?;
    }
    let mut files = Vec::new();
    if let Some(manager) = plan.manager.as_ref().filter(|manager| !manager.stays) {
        files.push(rendered(&tera, "manager", &manager.file, &manager_context(plan, manager))?);
    }
    for vtpm in &plan.vtpms {
        files.push(rendered(&tera, "vtpm", &vtpm.file, &vtpm_context(plan, vtpm))?);
        files.push(guest(&tera, vtpm)?);
    }
    Ok(files)
}

fn rendered(tera: &Tera, kind: &'static str, path: &Path, context: &Context) -> Result<File> {
    let text = tera.render(kind, context).with_context(|| format!("template {kind}"))?;
    Ok(File { path: path.to_owned(), text, kind, copy_of: None, remark: None })
}

/// A disk as xl-disk-configuration(5) has it; what follows `target=` is the path, whatever it holds.
fn disk(plan: &Plan, script: &str, path: &str) -> String {
    let script = if plan.checks_disks { format!("script={script}, ") } else { String::new() };
    // xl's word for a file that was made without holes; xl-vtpm makes it so.
    let whole = if plan.allocated { "no-discard, " } else { "" };
    format!("format=raw, vdev=hda, access=w, {whole}{script}target={path}")
}

fn stub_domain(plan: &Plan, image: &str) -> Context {
    let mut context = Context::new();
    context.insert("checks_disks", &plan.checks_disks);
    context.insert("allocated", &plan.allocated);
    context.insert("kernel", &format!("{}/{image}-stubdom.gz", plan.images));
    context.insert("type", &plan.kind);
    let says = match (plan.kind, plan.kind_is_found) {
        ("pvh", _) => {
            "PVH: isolated by the processor. Where that is missing, write pv (and no shadow_memory)."
        }
        (_, true) => {
            "PV: this machine has no hardware assisted paging, with which it would be PVH."
        }
        (_, false) => "PV: needs nothing of the processor.",
    };
    context.insert("type_says", &says);
    context
}

fn manager_context(plan: &Plan, manager: &Manager) -> Context {
    let mut context = stub_domain(plan, "vtpmmgr");
    context.insert("file", &manager.file.display().to_string());
    context.insert("name", &manager.name);
    context.insert("hardware", &manager.hardware);
    context.insert("memory", &manager.memory_mib);
    context.insert("extra", &manager.extra);
    context.insert("disk", &disk(plan, "block-vtpmmgr-store", &manager.disk));
    context.insert("iomem", &quoted(&manager.iomem));
    context
}

fn vtpm_context(plan: &Plan, vtpm: &Vtpm) -> Context {
    let mut context = stub_domain(plan, "vtpm");
    context.insert("file", &vtpm.file.display().to_string());
    context.insert("guest", &vtpm.guest.name);
    context.insert("name", &vtpm.name);
    context.insert("tpm", if vtpm.tpm == TpmVersion::Tpm20 { "2.0" } else { "1.2" });
    context.insert("ephemeral", &vtpm.ephemeral);
    context.insert("memory", &vtpm.memory_mib);
    context.insert("extra", &vtpm.extra);
    context.insert("disk", &disk(plan, "block-vtpm-state", &vtpm.disk));
    context.insert("uuid", &vtpm.uuid.to_string());
    let manager = plan.manager.as_ref().map_or("", |manager| &manager.name);
    context.insert("manager", &manager);
    context
}

fn guest(tera: &Tera, vtpm: &Vtpm) -> Result<File> {
    let path = &vtpm.guest.file;
    match &vtpm.guest.content {
        Content::Made(made) => rendered(tera, "guest", path, &guest_context(vtpm, made)),
        Content::From(from, text) => {
            let text = match text::with_vtpm(text, &vtpm.line(), COMMENT) {
                // A second run finds its own line there.
                Err(NotAdded::Already(_)) if same(from, path) => text.clone(),
                added => added.map_err(|why| anyhow!("{}:{why}", from.display()))?,
            };
            let for_xl = text::for_xl(&text).map_err(|why| anyhow!("{}:{why}", from.display()))?;
            let left_out = for_xl.is_some().then(|| LEFT_OUT.to_owned());
            let text = for_xl.unwrap_or(text);
            let remark =
                [left_out, several(&text)].into_iter().flatten().reduce(|a, b| a + "; " + &b);
            let copy_of = Some(from.clone());
            Ok(File { path: path.clone(), text, kind: "guest", copy_of, remark })
        }
    }
}

/// Whoever gives a guest a second vTPM means it to replace the first, more often than not.
fn several(text: &str) -> Option<String> {
    let count = text::settings(text).map_or(0, |found| found.list("vtpm").len());
    let told = || format!("it has {count} vTPMs now: take out of vtpm= those that are to go");
    (count > 1).then(told)
}

fn same(one: &Path, other: &Path) -> bool {
    one.canonicalize().is_ok_and(|one| other.canonicalize().is_ok_and(|other| one == other))
}

fn guest_context(vtpm: &Vtpm, made: &Made) -> Context {
    let mut context = Context::new();
    context.insert("name", &vtpm.guest.name);
    context.insert("type", &made.kind);
    context.insert("memory", &made.memory_mib);
    context.insert("vcpus", &made.vcpus);
    for (name, text) in [
        ("kernel", &made.kernel),
        ("ramdisk", &made.ramdisk),
        ("cmdline", &made.cmdline),
        ("bootloader", &made.bootloader),
    ] {
        context.insert(name, text.as_deref().unwrap_or(""));
    }
    context.insert("disk", &quoted(&made.disk));
    context.insert("vif", &quoted(&made.vif));
    context.insert("vtpm", &vtpm.line().for_xl());
    context
}

fn quoted(texts: &[String]) -> String {
    texts.iter().map(|text| format!("\"{text}\"")).collect::<Vec<_>>().join(", ")
}

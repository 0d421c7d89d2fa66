//! What is known of vTPM domains and managers: their configurations, and whether they run.

use crate::arguments::FOLDER;
use crate::exit::Exit;
use crate::host::Host;
use crate::xl;
use command_line::file_error;
use libxl_vtpm::Uuid;
use libxl_vtpm::plan::{MissingImage, Role, StubDomain};
use libxl_vtpm::text::read_file;
use serde::Deserialize;
use std::path::{Path, PathBuf};
use xenlight_sys::Abilities;

/// The parts of libxl's JSON that matter here (`libxl_domain_config`, _libxl_types.h).
#[derive(Deserialize)]
pub(crate) struct Config {
    c_info: Info,
    #[serde(default)]
    pub(crate) b_info: Build,
    #[serde(default)]
    pub(crate) disks: Vec<Disk>,
    #[serde(default)]
    pub(crate) vtpms: Vec<Vtpm>,
}

#[derive(Default, Deserialize)]
pub(crate) struct Build {
    /// What `extra=` became.
    #[serde(default)]
    pub(crate) cmdline: String,
    /// The file that it is started from.
    #[serde(default)]
    pub(crate) kernel: PathBuf,
}

impl Config {
    /// Whether it is that of a vTPM domain whose state lives as long as the domain (xl-vtpm.cfg(5)).
    pub(crate) fn is_ephemeral(&self) -> bool {
        self.b_info.cmdline.split_whitespace().any(|word| word == "ephemeral")
    }
}

#[derive(Deserialize)]
struct Info {
    name: String,
    #[serde(default, rename = "type")]
    kind: String,
}

/// Why this machine cannot run domains of a kind.
fn cannot_run(kind: &str, can: Abilities) -> Option<&'static str> {
    match kind {
        "pvh" | "hvm" if !can.hvm => Some(
            "needs hardware virtualisation, which this machine does not have, or firmware has switched it \
             off; write type=\"pv\" (and no shadow_memory)",
        ),
        "pv" if !can.pv => {
            Some("needs a Xen with PV domains, and this one has none; write type=\"pvh\"")
        }
        _ => None,
    }
}

/// Why this machine does better with another kind.
fn runs_badly(kind: &str, can: Abilities) -> Option<&'static str> {
    let shadow = matches!(kind, "pvh" | "hvm") && can.hvm && !can.hap;
    (shadow && can.pv).then_some(
        "runs on shadow paging here, since this machine has no hardware assisted paging; write type=\"pv\" (and \
         no shadow_memory), which is faster and takes less memory",
    )
}

#[derive(Deserialize)]
pub(crate) struct Disk {
    #[serde(default)]
    pub(crate) pdev_path: PathBuf,
    #[serde(default)]
    vdev: String,
    #[serde(default)]
    format: String,
    #[serde(default)]
    script: Option<String>,
    #[serde(default)]
    is_cdrom: bool,
    /// libxl writes False where disk= says no-discard, the word for a file that was made without holes
    /// (xl-disk-configuration(5)).
    #[serde(default)]
    discard_enable: serde_json::Value,
}

impl Disk {
    /// The image that has to be made for it, if one has.
    ///
    /// # Errors
    /// It is a file that is not there, and not one that can be made.
    fn missing_image(self) -> Result<Option<MissingImage>, String> {
        let allocated = self.discard_enable == "False";
        let path = self.pdev_path;
        let text = path.to_string_lossy();
        // What a script or a protocol of QEMU's (rbd:, nbd:) makes of a target is theirs to know.
        let of_others = self.script.is_some_and(|_| !path.is_absolute())
            || text.split('/').next().is_some_and(|first| first.contains(':'));
        if self.is_cdrom
            || text.is_empty()
            || of_others
            || path.starts_with("/dev")
            || path.exists()
        {
            return Ok(None);
        }
        let vdev = &self.vdev;
        if !path.is_absolute() {
            return Err(format!(
                "the image \"{text}\" of its disk {vdev} is no whole path; write target=/…"
            ));
        }
        if vdev != "hda" || self.format != "raw" {
            return Err(format!(
                "{text}, the image of its disk {vdev}, is not there; make it, since only a raw image of \
                 hda is made by itself"
            ));
        }
        Ok(Some(MissingImage { path, allocated }))
    }
}

#[derive(Deserialize)]
pub(crate) struct Vtpm {
    #[serde(default)]
    pub(crate) backend_domname: String,
    #[serde(default)]
    pub(crate) uuid: Option<Uuid>,
    #[serde(default)]
    pub(crate) devid: i32,
}

/// Where configurations are looked for.
pub(crate) struct Places<'a> {
    /// Files that were named.
    pub(crate) named: &'a [PathBuf],
    /// The folder of the guest's file.
    pub(crate) beside: Option<&'a Path>,
}

impl Places<'_> {
    /// The files that may be the configuration of `name`.
    fn files(&self, name: &str) -> Vec<PathBuf> {
        let file = format!("{name}.cfg");
        let folders = self.beside.into_iter().chain([Path::new(FOLDER)]);
        let found = folders.map(|folder| folder.join(&file)).filter(|file| file.exists());
        self.named.iter().cloned().chain(found).collect()
    }

    /// Everything that is known of `names` and of what those need.
    pub(crate) fn known(
        &self,
        host: &Host,
        names: &[(String, Role)],
    ) -> Result<Vec<StubDomain>, Exit> {
        let mut found: Vec<StubDomain> = Vec::new();
        let mut wanted = names.to_vec();
        while let Some((name, role)) = wanted.pop() {
            if found.iter().any(|domain| domain.name == name) {
                continue;
            }
            if let Some(domain) = self.domain(host, &name, role)? {
                wanted.extend(domain.manager.iter().map(|name| (name.clone(), Role::Manager)));
                found.push(domain);
            }
        }
        Ok(found)
    }

    fn domain(&self, host: &Host, name: &str, role: Role) -> Result<Option<StubDomain>, Exit> {
        if host.xen.find(name).is_some() {
            return Ok(Some(StubDomain {
                name: name.to_owned(),
                role,
                file: PathBuf::new(),
                running: true,
                missing_images: Vec::new(),
                manager: None,
            }));
        }
        let Some((file, config)) = self.config(name)? else { return Ok(None) };
        let kind = &config.c_info.kind;
        // What cannot be told is libxl's to find out.
        if let Some(why) = host.xen.abilities().ok().and_then(|can| cannot_run(kind, can)) {
            return Err(Exit::not_done(format!("{}: type=\"{kind}\" {why}", file.display())));
        }
        if let Some(why) = host.xen.abilities().ok().and_then(|can| runs_badly(kind, can)) {
            eprintln!("xl-vtpm: warning: {}: type=\"{kind}\" {why}", file.display());
        }
        stopped(name, role, file, config).map(Some)
    }

    /// The configuration of `name`, as xl understands it, and its file.
    pub(crate) fn config(&self, name: &str) -> Result<Option<(PathBuf, Config)>, Exit> {
        for file in self.files(name) {
            // xl, which reads it next, would read a device without an end for ever.
            read_file(&file).map_err(|error| {
                Exit::not_done(file_error(&file, &error, "name a configuration with --config"))
            })?;
            let config = config_of(&file)?;
            if config.c_info.name == name {
                return Ok(Some((file, config)));
            }
        }
        Ok(None)
    }
}

fn config_of(file: &Path) -> Result<Config, Exit> {
    let json = xl::config_json(file)?;
    serde_json::from_str(&json)
        .map_err(|error| Exit::not_done(format!("{}: {error}", file.display())))
}

fn stopped(name: &str, role: Role, file: PathBuf, config: Config) -> Result<StubDomain, Exit> {
    let missing = config.disks.into_iter().map(Disk::missing_image);
    let missing: Result<Vec<_>, _> = missing.filter_map(Result::transpose).collect();
    let missing_images =
        missing.map_err(|why| Exit::not_done(format!("{}: {why}", file.display())))?;
    Ok(StubDomain {
        name: name.to_owned(),
        role,
        file,
        running: false,
        missing_images,
        manager: config.vtpms.into_iter().next().map(|vtpm| vtpm.backend_domname),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `xl create --dryrun` of Xen 4.17 prints of a vTPM domain's file, less what is not read.
    const PRINTED: &str = r#"{"b_info":{"cmdline":"tpm2 x=y","max_memkb":8192,"type.pv":{}},
        "c_info":{"name":"v","type":"pv"},
        "disks":[{"format":"raw","pdev_path":"/nowhere/v.img","readwrite":1,"vdev":"hda"},
                 {"format":"raw","pdev_path":"/dev/vg/v","vdev":"hdb"}],
        "on_reboot":"destroy",
        "vtpms":[{"backend_domname":"vtpmmgr","devid":0,
                  "uuid":"0f8e1a52-7c3d-4b69-9a10-5566778899aa"}]}"#;

    #[test]
    fn xl_s_json_tells_name_missing_images_and_manager() {
        let config: Config = serde_json::from_str(PRINTED).unwrap();
        assert_eq!(config.c_info.name, "v");
        assert_eq!(config.b_info.cmdline, "tpm2 x=y");
        let domain = stopped("v", Role::Vtpm, "v.cfg".into(), config).unwrap();
        let path = PathBuf::from("/nowhere/v.img");
        assert_eq!(domain.missing_images, [MissingImage { path, allocated: false }]);
        assert_eq!(domain.manager.as_deref(), Some("vtpmmgr"));
    }

    #[test]
    fn a_kind_that_this_machine_cannot_run_is_named_with_what_to_write() {
        let config: Config = serde_json::from_str(PRINTED).unwrap();
        assert_eq!(config.c_info.kind, "pv");
        let can = |hvm, pv| Abilities { hvm, pv, hap: false };
        for (kind, can, told) in [
            ("pvh", can(false, true), Some("type=\"pv\"")),
            ("hvm", can(false, true), Some("type=\"pv\"")),
            ("pv", can(true, false), Some("type=\"pvh\"")),
            ("pvh", can(true, false), None),
            ("pv", can(false, true), None),
        ] {
            let why = cannot_run(kind, can);
            assert_eq!(why.is_some(), told.is_some(), "{kind}");
            assert!(told.is_none_or(|told| why.unwrap().contains(told)), "{kind}");
        }
    }

    #[test]
    fn a_kind_that_runs_on_shadow_paging_is_warned_of() {
        let can = |hvm, pv, hap| Abilities { hvm, pv, hap };
        for (kind, can, warned) in [
            ("pvh", can(true, true, false), true),
            ("pvh", can(true, true, true), false),
            ("pvh", can(true, false, false), false),
            ("pv", can(true, true, false), false),
            ("pvh", can(false, true, false), false),
        ] {
            let why = runs_badly(kind, can);
            assert_eq!(why.is_some(), warned, "{kind} {can:?}");
            assert!(why.is_none_or(|why| why.contains("type=\"pv\"")));
        }
    }

    #[test]
    fn nothing_but_a_raw_file_of_hda_is_made() {
        let missing = |json: &str| {
            let disk: Disk = serde_json::from_str(json).unwrap();
            disk.missing_image().map(|found| found.map(|image| (image.path, image.allocated)))
        };
        let hda = r#""vdev":"hda","format":"raw""#;
        let of = |path: &str| missing(&format!(r#"{{"pdev_path":"{path}",{hda}}}"#));
        assert_eq!(of("/nowhere/v.img"), Ok(Some(("/nowhere/v.img".into(), false))));
        let whole = format!(r#"{{"pdev_path":"/n/v.img","discard_enable":"False",{hda}}}"#);
        assert_eq!(missing(&whole), Ok(Some(("/n/v.img".into(), true))));
        for others in ["", "/dev/vg/v", "/etc/passwd", "rbd:pool/v", "nbd:unix:/run/v"] {
            assert_eq!(of(others), Ok(None), "{others}");
        }
        let drbd = format!(r#"{{"pdev_path":"res0","script":"block-drbd",{hda}}}"#);
        assert_eq!(missing(&drbd), Ok(None));
        let prepared = format!(r#"{{"pdev_path":"/nowhere/v.img","script":"x",{hda}}}"#);
        assert_eq!(missing(&prepared), Ok(Some(("/nowhere/v.img".into(), false))));
        assert_eq!(missing(r#"{"is_cdrom":true,"vdev":"hdc","format":"raw"}"#), Ok(None));
        assert!(of("images/v.img").unwrap_err().contains("no whole path; write target=/"));
        let other = r#"{"pdev_path":"/nowhere/v.img","vdev":"hdb","format":"raw"}"#;
        assert!(missing(other).unwrap_err().contains("of its disk hdb, is not there; make it"));
        let qcow2 = r#"{"pdev_path":"/nowhere/v.img","vdev":"hda","format":"qcow2"}"#;
        assert!(missing(qcow2).unwrap_err().contains("only a raw image"));
    }

    #[test]
    fn named_files_are_looked_at_before_those_that_are_found() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("v.cfg"), "").unwrap();
        let named = [PathBuf::from("/elsewhere/x.cfg")];
        let places = Places { named: &named, beside: Some(folder.path()) };
        assert_eq!(places.files("v"), [named[0].clone(), folder.path().join("v.cfg")]);
        assert_eq!(places.files("w"), named);
    }
}

//! Letting go of the TPM at each boot, under systemd and under sysvinit.

use crate::error::Error;
use crate::roots::{Roots, link_name};
use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};

/// The service's name under both.
const NAME: &str = "vtpm-hwtpm";

const UNIT: &str = "etc/systemd/system/vtpm-hwtpm.service";
const WANTED: &str = "etc/systemd/system/sysinit.target.wants/vtpm-hwtpm.service";
const SCRIPT: &str = "etc/init.d/vtpm-hwtpm";
const RUNLEVEL: &str = "etc/rcS.d";

/// In every file that [`keep`] writes; others are left alone.
const MARK: &str = "Written by vtpm-hwtpm keep";

/// Which init system is going to let go of the TPM at boot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// systemd.
    pub systemd: bool,
    /// sysvinit.
    pub sysvinit: bool,
}

/// What is set up.
#[must_use]
pub fn is_kept(roots: &Roots) -> Kept {
    let exists = |path: &str| roots.path(path).exists();
    Kept {
        systemd: exists(UNIT) && roots.path(WANTED).is_symlink(),
        sysvinit: exists(SCRIPT) && !runlevel_links(roots).is_empty(),
    }
}

/// Has `program` let go of the TPM at each boot from now on. Both init systems are set up: they can
/// be exchanged, and under systemd the unit hides the script of the same name.
///
/// # Errors
/// [`Error::NotOurs`], [`Error::Unwritable`], [`Error::Path`].
pub fn keep(roots: &Roots, program: &Path) -> Result<(), Error> {
    if !is_plain(program) {
        return Err(Error::Path(program.into()));
    }
    write(roots, UNIT, &unit(program), 0o644)?;
    write(roots, SCRIPT, &script(program), 0o755)?;
    link(roots, WANTED, "../vtpm-hwtpm.service")?;
    // Where it works it finds the right place among the other scripts; without it, any place after
    // the first ones will do, for the kernel's files are there by then.
    if !(roots.is_this_machine() && update_rc_d(&["defaults"])) || runlevel_links(roots).is_empty()
    {
        link(roots, &format!("{RUNLEVEL}/S10{NAME}"), "../init.d/vtpm-hwtpm")?;
    }
    Ok(())
}

/// Undoes [`keep`]; `false` when there was nothing to undo.
///
/// # Errors
/// [`Error::NotOurs`], [`Error::Unwritable`].
pub fn unkeep(roots: &Roots) -> Result<bool, Error> {
    let mut any = false;
    for file in [UNIT, SCRIPT] {
        ours(roots, file)?;
    }
    for path in [WANTED, UNIT, SCRIPT].map(String::from).into_iter().chain(runlevel_links(roots)) {
        any |= remove(&roots.path(path))?;
    }
    if any && roots.is_this_machine() {
        update_rc_d(&["remove"]);
    }
    Ok(any)
}

/// Whether it means itself in a unit and in a shell's script.
fn is_plain(program: &Path) -> bool {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/._+-".contains(byte);
    program.as_os_str().as_encoded_bytes().iter().all(plain)
}

fn unit(program: &Path) -> String {
    let program = program.display();
    format!(
        "\
# {MARK}; vtpm-hwtpm unkeep removes it.
[Unit]
Description=Hand the hardware TPM over to the manager of all vTPMs
DefaultDependencies=no
# Disks that are unlocked with the TPM come first.
After=local-fs.target cryptsetup.target
Before=sysinit.target tpm2-abrmd.service tcsd.service trousers.service xendomains.service
RequiresMountsFor={program}
# Its package may have been removed since.
ConditionFileIsExecutable={program}

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart={program} release --at-boot

[Install]
WantedBy=sysinit.target
"
    )
}

fn script(program: &Path) -> String {
    let program = program.display();
    format!(
        "\
#!/bin/sh
# {MARK}; vtpm-hwtpm unkeep removes it.
### BEGIN INIT INFO
# Provides:          {NAME}
# Required-Start:    $local_fs
# Required-Stop:
# X-Start-Before:    trousers tpm2-abrmd xendomains
# Default-Start:     S
# Default-Stop:
# Short-Description: Hand the hardware TPM over to the manager of all vTPMs
### END INIT INFO
# Its package may have been removed since.
[ -x {program} ] || exit 0
case \"$1\" in
  start) exec {program} release --at-boot;;
  status) exec {program} status;;
  stop|restart|reload|force-reload) ;;
  *) echo \"usage: $0 start|status\" >&2; exit 3;;
esac
"
    )
}

/// Whether the file is missing or was written by us.
fn ours(roots: &Roots, file: &str) -> Result<(), Error> {
    let path = roots.path(file);
    match fs::read_to_string(&path) {
        Ok(text) if text.contains(MARK) => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Ok(_) => Err(Error::NotOurs(path)),
        Err(error) => Err(Error::unreadable(&path, error)),
    }
}

fn write(roots: &Roots, file: &str, text: &str, mode: u32) -> Result<(), Error> {
    ours(roots, file)?;
    let path = roots.path(file);
    let written = folder_of(&path)
        .and_then(|()| fs::write(&path, text))
        .and_then(|()| fs::set_permissions(&path, fs::Permissions::from_mode(mode)));
    written.map_err(|error| Error::unwritable(&path, error))
}

fn link(roots: &Roots, at: &str, target: &str) -> Result<(), Error> {
    let path = roots.path(at);
    remove(&path)?;
    let made = folder_of(&path).and_then(|()| symlink(target, &path));
    made.map_err(|error| Error::unwritable(&path, error))
}

fn folder_of(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all)
}

fn remove(path: &Path) -> Result<bool, Error> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(Error::unwritable(path, error)),
    }
}

/// Links by which sysvinit starts the script at boot, whatever their number.
fn runlevel_links(roots: &Roots) -> Vec<String> {
    let folder = roots.path(RUNLEVEL);
    let names = crate::roots::names(&folder).into_iter();
    let starts = names.filter(|name| name.starts_with('S') && name.ends_with(NAME));
    let ours = starts.filter(|name| link_name(&folder.join(name)).is_some_and(|to| to == NAME));
    ours.map(|name| format!("{RUNLEVEL}/{name}")).collect()
}

/// Debian's tool that orders the start scripts.
fn update_rc_d(words: &[&str]) -> bool {
    let mut command = Command::new("update-rc.d");
    command.arg(NAME).args(words).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

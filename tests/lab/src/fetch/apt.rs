//! apt with a state of its own: same program, nothing of the machine's changed.

use super::mirror::{self, Mirror};
use crate::interrupt;
use crate::place::Place;
use anyhow::{Context, Result, bail};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where Debian keeps its archive keys, older and newer file name.
const KEYRINGS: [&str; 2] = [
    "/usr/share/keyrings/debian-archive-keyring.gpg",
    "/usr/share/keyrings/debian-archive-keyring.pgp",
];

/// How often a download is tried as a whole; apt itself retries each file.
const TRIES: usize = 3;

/// What to download.
pub(super) enum Wanted {
    /// These packages and everything they depend on.
    WithDependencies(Vec<String>),
    /// These packages and nothing else.
    Alone(Vec<String>),
    /// The one package with this prefix that the named package depends on.
    DependencyOf(&'static str, &'static str),
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WithDependencies(names) => write!(f, "with dependencies: {}", names.join(" ")),
            Self::Alone(names) => write!(f, "alone: {}", names.join(" ")),
            Self::DependencyOf(name, prefix) => write!(f, "{prefix}* of {name}"),
        }
    }
}

/// An apt that knows one release.
pub(super) struct Apt {
    config: PathBuf,
    mirror: Mirror,
}

impl Apt {
    /// Writes the private configuration and reads the package index.
    pub(super) fn set_up(place: &Place, release: &str) -> Result<Self> {
        let home = place.lab.join("apt").join(release);
        for folder in ["lists/partial", "cache/archives/partial", "etc/parts"] {
            fs::create_dir_all(home.join(folder))?;
        }
        let Some(keyring) = KEYRINGS.into_iter().find(|key| Path::new(key).exists()) else {
            bail!("Debian's archive keys are not here; install the package debian-archive-keyring");
        };
        let mirror = mirror::choose();
        fs::write(home.join("etc/sources.list"), sources(&mirror, release, keyring))?;
        fs::write(home.join("status"), "")?;
        let config = home.join("apt.conf");
        fs::write(&config, configuration(&home))?;
        let apt = Self { config, mirror };
        apt.run(
            Command::new("apt-get")
                .args(["-q", "update"])
                .args(["-o", "APT::Update::Error-Mode=any"]),
        )
        .with_context(|| apt.next_step())?;
        Ok(apt)
    }

    /// Downloads into `folder`; the files' paths, sorted.
    pub(super) fn download(&self, wanted: &Wanted, folder: &Path) -> Result<Vec<PathBuf>> {
        fs::create_dir_all(folder.join("partial"))?;
        for left in (0..TRIES).rev() {
            interrupt::check()?;
            match self.try_download(wanted, folder) {
                Ok(()) => break,
                Err(_) if left > 0 => eprintln!("lab: download failed, trying again"),
                Err(error) => return Err(error.context(self.next_step())),
            }
        }
        let entries = fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
        let mut debs: Vec<_> = entries.into_iter().map(|entry| entry.path()).collect();
        debs.retain(|path| path.extension().is_some_and(|ending| ending == "deb"));
        debs.sort();
        if debs.is_empty() {
            bail!("apt reported success but left no package in {}", folder.display());
        }
        Ok(debs)
    }

    fn try_download(&self, wanted: &Wanted, folder: &Path) -> Result<()> {
        let mut get = Command::new("apt-get");
        match wanted {
            Wanted::WithDependencies(names) => get
                .args(["install", "-q", "-y", "--no-install-recommends", "--download-only"])
                .arg("-o")
                .arg(format!("Dir::Cache::archives={}", folder.display()))
                .args(names),
            Wanted::Alone(names) => get.args(["download", "-q"]).args(names).current_dir(folder),
            Wanted::DependencyOf(name, prefix) => {
                get.args(["download", "-q"]).arg(self.dependency(name, prefix)?).current_dir(folder)
            }
        };
        self.run(&mut get).map(drop)
    }

    fn dependency(&self, name: &str, prefix: &str) -> Result<String> {
        let shown =
            self.run(Command::new("apt-cache").args(["show", "--no-all-versions", name]))?;
        let found = dependency_in(&shown, prefix);
        found.with_context(|| format!("{name} depends on no package {prefix}*"))
    }

    fn run(&self, command: &mut Command) -> Result<String> {
        let done = command.env("APT_CONFIG", &self.config).env("LC_ALL", "C").output()?;
        if !done.status.success() {
            let (said, complained) =
                (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
            let errors = complained.lines().chain(said.lines());
            let errors: Vec<_> =
                errors.filter(|l| l.starts_with("E:") || l.starts_with("Err:")).take(6).collect();
            bail!("{:?} failed: {}", command.get_program(), errors.join("; "));
        }
        Ok(String::from_utf8_lossy(&done.stdout).into_owned())
    }

    fn next_step(&self) -> String {
        format!(
            "the Debian mirror {} did not give what is needed; check the network, or name another \
             with DEBIAN_MIRROR=http://HOST/debian, and start again",
            self.mirror.archive
        )
    }
}

fn sources(mirror: &Mirror, release: &str, keyring: &str) -> String {
    let Mirror { archive, security } = mirror;
    format!(
        "deb [signed-by={keyring}] {archive} {release} main\n\
         deb [signed-by={keyring}] {archive} {release}-updates main\n\
         deb [signed-by={keyring}] {security} {release}-security main\n"
    )
}

/// The machine's own settings (a proxy, say) still hold; state and sources are private.
fn configuration(home: &Path) -> String {
    let home = home.display();
    format!(
        "Dir::Etc::sourcelist \"{home}/etc/sources.list\";\n\
         Dir::Etc::sourceparts \"{home}/etc/parts\";\n\
         Dir::State \"{home}\";\n\
         Dir::State::lists \"{home}/lists\";\n\
         Dir::State::status \"{home}/status\";\n\
         Dir::Cache \"{home}/cache\";\n\
         APT::Sandbox::User \"root\";\n\
         APT::Architecture \"amd64\";\n\
         APT::Architectures {{ \"amd64\"; }};\n\
         Acquire::Retries \"3\";\n\
         Acquire::http::Timeout \"30\";\n"
    )
}

fn dependency_in(shown: &str, prefix: &str) -> Option<String> {
    let depends = shown.lines().find_map(|line| line.strip_prefix("Depends: "))?;
    let names = depends.split(',').filter_map(|item| item.split_whitespace().next());
    names.into_iter().find(|name| name.starts_with(prefix)).map(String::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_concrete_kernel_is_found_behind_the_meta_package() {
        let shown =
            "Package: linux-image-amd64\nDepends: linux-image-6.1.0-56-amd64 (= 6.1.192-2)\n";
        let found = dependency_in(shown, "linux-image-");
        assert_eq!(found.as_deref(), Some("linux-image-6.1.0-56-amd64"));
        assert_eq!(dependency_in("Package: x\n", "linux-image-"), None);
    }

    #[test]
    fn security_updates_are_among_the_sources() {
        let mirror = Mirror { archive: "http://a/debian".into(), security: "http://a/sec".into() };
        assert!(sources(&mirror, "trixie", "/k").contains("http://a/sec trixie-security main"));
    }
}

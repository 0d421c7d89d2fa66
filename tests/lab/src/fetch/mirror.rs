//! Which mirror to ask: the machine's own, unless `DEBIAN_MIRROR` names another.

use std::{env, fs};

/// Debian's documented default, used when the machine names no mirror.
const DEFAULT: &str = "http://deb.debian.org/debian";

/// Base addresses of the archive and of its security updates.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mirror {
    pub(super) archive: String,
    pub(super) security: String,
}

/// The mirror to use now.
pub(super) fn choose() -> Mirror {
    let set = |name| env::var(name).ok().filter(|v| !v.is_empty());
    pick(set("DEBIAN_MIRROR"), &machine_sources())
}

fn pick(asked: Option<String>, sources: &str) -> Mirror {
    let of = |ending: &str| addresses(sources).find(|a| a.ends_with(ending)).map(String::from);
    if let Some(archive) = asked {
        let archive = archive.trim_end_matches('/').to_owned();
        return Mirror { security: beside(&archive), archive };
    }
    let archive = of("/debian").unwrap_or_else(|| DEFAULT.to_owned());
    let security = of("/debian-security").unwrap_or_else(|| beside(&archive));
    Mirror { archive, security }
}

/// Mirrors keep security updates beside the archive.
fn beside(archive: &str) -> String {
    format!("{}-security", archive)
}

/// All addresses in one-line and deb822 sources, without a trailing slash, comments left out.
fn addresses(sources: &str) -> impl Iterator<Item = &str> {
    let live = sources.lines().filter(|line| !line.trim_start().starts_with('#'));
    let words = live.flat_map(str::split_whitespace);
    words.filter(|word| word.contains("://")).map(|word| word.trim_end_matches('/'))
}

fn machine_sources() -> String {
    let parts = fs::read_dir("/etc/apt/sources.list.d").into_iter().flatten().flatten();
    let files = parts.map(|entry| entry.path()).chain(["/etc/apt/sources.list".into()]);
    files.filter_map(|file| fs::read_to_string(file).ok()).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEB822: &str = "Types: deb\n# http://old.example/debian\nURIs: http://near.example/debian/\n\
                          Suites: bookworm\n\nURIs: http://near.example/debian-security\n";

    #[test]
    fn the_machines_own_mirror_is_used() {
        let mirror = pick(None, DEB822);
        assert_eq!(mirror.archive, "http://near.example/debian");
        assert_eq!(mirror.security, "http://near.example/debian-security");
    }

    #[test]
    fn one_line_sources_are_understood_too() {
        let mirror = pick(None, "deb [arch=amd64] https://m.example/debian bookworm main\n");
        assert_eq!(mirror.archive, "https://m.example/debian");
        assert_eq!(mirror.security, "https://m.example/debian-security");
    }

    #[test]
    fn what_was_asked_for_wins_and_nothing_at_all_means_debians_default() {
        let asked = pick(Some("http://other.example/debian/".into()), DEB822);
        assert_eq!(asked.archive, "http://other.example/debian");
        assert_eq!(pick(None, "").archive, DEFAULT);
    }
}

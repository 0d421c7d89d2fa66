use super::*;
use std::fs;
use std::path::Path;
use std::process;

#[test]
fn every_shell_learns_every_command_that_is_shown_and_no_other() {
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        let text = String::from_utf8(text(shell)).unwrap();
        for command in Arguments::command().get_subcommands() {
            let name = command.get_name();
            assert_eq!(text.contains(name), !command.is_hide_set(), "{shell:?} {name}");
        }
        assert!(!text.contains("below this folder"), "{shell:?}: an option that is not shown");
    }
}

/// What bash offers behind these words, the last of which is unfinished, on a host of two domains.
fn offered(folder: &Path, words: &[&str]) -> Vec<String> {
    let script = String::from_utf8(text(Shell::Bash)).unwrap();
    let script = script.replace("/etc/xen/vtpm/", &format!("{}/vtpm/", folder.display()));
    let ask = "xl() { printf '%s\\n' 'Name ID Mem' 'Domain-0 0 9' 'web 4 9' 'web-vtpm 3 9'; }\n\
               words=(\"$@\") COMP_WORDS=(xl-vtpm \"$@\") COMP_CWORD=$#\n\
               _xl_vtpm xl-vtpm \"${words[-1]}\" \"${COMP_WORDS[COMP_CWORD-1]}\"\n\
               [ ${#COMPREPLY[@]} = 0 ] || printf '%s\\n' \"${COMPREPLY[@]}\"";
    let mut bash = process::Command::new("bash");
    bash.args(["-uc", &format!("set -e +e\n{script}\n{ask}"), "bash"]).args(words);
    let done = bash.current_dir(folder).output().unwrap();
    assert!(done.stderr.is_empty(), "{words:?}: {}", String::from_utf8_lossy(&done.stderr));
    let mut offered: Vec<String> =
        String::from_utf8(done.stdout).unwrap().lines().map(str::to_owned).collect();
    offered.sort_unstable();
    offered
}

#[test]
fn bash_offers_what_may_follow_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("vtpm")).unwrap();
    for file in ["g.cfg", "vtpm/db-vtpm.cfg"] {
        fs::write(folder.path().join(file), "").unwrap();
    }
    let files = ["g.cfg", "vtpm"].as_slice();
    let domains = ["db-vtpm", "web", "web-vtpm"].as_slice();
    for (words, offers) in [
        (&["at"][..], &["attach"][..]),
        (&["hot"], &[]),
        (&["re"], &[]),
        (&["manager", ""], &["start", "status", "stop"]),
        (&["--json", "service", ""], &["down", "run", "up"]),
        (&["service", "up", "--"], &["--dry-run", "--help", "--json", "--manager", "--timeout"]),
        (&["manager", "start", "--t"], &["--timeout"]),
        (&["create", ""], files),
        (&["create", "--config", ""], files),
        (&["create", "--config", "=", "g"], &["g.cfg"]),
        (&["create", "--config", "="], files),
        (&["create", "g.cfg", "--dr"], &["--dry-run"]),
        (&["create", "g.cfg", ""], &[]),
        (&["create", "--timeout", ""], &[]),
        (&["create", "--timeout", "=", "9", ""], files),
        (&["doctor", "--"], &["--guest-kernel", "--help", "--images", "--json"]),
        (&["doctor", "--images", ""], &["vtpm"]),
        (&["completion", "z"], &["zsh"]),
        (&["new", "--tpm", ""], &["1.2", "2.0"]),
        (&["new", "--hardware", "n"], &["none"]),
        (&["new", "g", "--guest-config", "g"], &["g.cfg"]),
        (&["new", "g", "--uuid", ""], &[]),
        (&["shutdown", ""], domains),
        (&["shutdown", "web", ""], &[]),
        (&["list", "web", "d"], &["db-vtpm"]),
        (&["list", "--", "-"], &[]),
        (&["logs", "--lines", "5", "web"], &["web", "web-vtpm"]),
        (&["attach", "w"], &["web", "web-vtpm"]),
        (&["attach", "web", ""], &[]),
        (&["detach", "web", ""], &[]),
        (&["service", "run", "--manager", "d"], &["db-vtpm"]),
    ] {
        assert_eq!(offered(folder.path(), words), offers, "{words:?}");
    }
    let all = Arguments::command();
    let mut all: Vec<_> = all.get_subcommands().filter(|it| !it.is_hide_set()).collect();
    all.sort_unstable_by_key(|command| command.get_name());
    let all: Vec<_> = all.into_iter().map(Command::get_name).collect();
    assert_eq!(offered(folder.path(), &[""]), all);
}

use super::*;
use clap::{CommandFactory, Parser, Subcommand};
use std::path::PathBuf;
use std::process;

#[derive(Parser)]
#[command(name = "a-b", version, disable_help_subcommand = true)]
struct Program {
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    _command: Verb,
}

#[derive(Subcommand)]
enum Verb {
    Stop {
        name: String,
        #[arg(long)]
        timeout: Option<u64>,
        #[arg(long, hide = true)]
        root: Option<PathBuf>,
    },
    #[command(hide = true)]
    Secret,
}

/// What bash offers behind these words.
fn offered(words: &[&str]) -> String {
    let script =
        bash_completion(&Program::command(), "printf '%s\\n' web db 'd$(echo x >&2)' 'a b'");
    let ask = "words=(\"$@\") COMP_WORDS=(a-b \"$@\") COMP_CWORD=$#\n_a_b a-b \"${words[-1]}\" x\necho ${COMPREPLY[*]-}";
    let mut bash = process::Command::new("bash");
    let done =
        bash.args(["-uc", &format!("{script}\n{ask}"), "bash"]).args(words).output().unwrap();
    assert!(done.stderr.is_empty(), "{words:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap().trim().to_owned()
}

#[test]
fn a_program_with_a_hyphen_is_completed_behind_its_first_word() {
    for (words, offers) in [
        (&[""][..], "stop"),
        (&["--"], "--json --help --version"),
        (&["stop", ""], "web db"),
        (&["stop", "w"], "web"),
        (&["stop", "web", ""], ""),
        (&["stop", "--"], "--timeout --json --help"),
        (&["stop", "--timeout", ""], ""),
        (&["stop", "--timeout", "9", ""], "web db"),
        (&["secret", ""], "stop"),
    ] {
        assert_eq!(offered(words), offers, "{words:?}");
    }
}

#[test]
fn other_generators_hear_of_no_files_in_the_place_of_names() {
    let program = to_complete(&Program::command());
    let stop = program.find_subcommand("stop").unwrap();
    assert!(program.find_subcommand("secret").is_none());
    let ids: Vec<_> = stop.get_arguments().map(|arg| arg.get_id().as_str()).collect();
    assert_eq!(ids, ["name", "timeout"]);
    assert!(stop.get_arguments().all(|arg| arg.get_value_hint() == ValueHint::Other));
}

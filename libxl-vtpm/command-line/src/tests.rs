use crate::{file_error, not_text, sentence};
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::io;
use std::path::Path;

#[derive(Parser, Debug)]
#[command(name = "p", disable_help_subcommand = true)]
struct Program {
    #[command(subcommand)]
    command: Verb,
}

#[derive(Subcommand, Debug)]
enum Verb {
    Create(Create),
    Stay,
    #[command(subcommand)]
    More(More),
    #[command(hide = true)]
    Creak,
}

#[derive(Subcommand, Debug)]
enum More {
    Less,
    #[command(hide = true)]
    Least,
}

#[derive(Args, Debug)]
struct Create {
    file: String,
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=3600))]
    timeout: Option<u64>,
    #[arg(long)]
    how: Option<How>,
    #[arg(long, conflicts_with = "how")]
    alone: bool,
}

#[derive(Clone, Debug, ValueEnum)]
enum How {
    Fast,
    Slow,
}

#[test]
fn every_mistake_is_one_sentence_that_says_what_to_type() {
    for (words, said) in [
        (&["p"][..], "a command is missing; write one of create, stay, more behind p"),
        (&["p", "more"], "a command is missing; write one of less behind p more"),
        (&["p", "crate"], "there is no command \"crate\"; did you mean create?"),
        (&["p", "zzz"], "there is no command \"zzz\"; see p --help"),
        (&["p", "create"], "<FILE> is missing; write p create <FILE>"),
        (&["p", "create", "f", "--howw"], "--howw is not known here; did you mean --how?"),
        (&["p", "stay", "here"], "here is not known here; see p --help"),
        (&["p", "create", "f", "g"], "g is not known here; see p --help"),
        (
            &["p", "create", "f", "--timeout", "x"],
            "\"x\" cannot be --timeout <TIMEOUT>; write a whole number",
        ),
        (
            &["p", "create", "f", "--timeout", "0"],
            "\"0\" cannot be --timeout <TIMEOUT>; write a number from 1 to 3600",
        ),
        (&["p", "create", "f", "--timeout"], "--timeout <TIMEOUT> needs a value; see p --help"),
        (
            &["p", "create", "f", "--how", "well"],
            "\"well\" cannot be --how <HOW>; write fast or slow",
        ),
        (
            &["p", "create", "f", "--how", "fast", "--alone"],
            "--how <HOW> cannot stand beside --alone; leave one of them out",
        ),
        (
            &["p", "create", "f", "--alone", "--alone"],
            "--alone may stand here once only; see p --help",
        ),
    ] {
        let error = Program::try_parse_from(words).unwrap_err();
        assert_eq!(sentence::<Program>(&error), said, "{words:?}");
    }
}

#[test]
fn a_file_s_mistake_names_the_file_and_the_place() {
    let of = |kind: io::ErrorKind| file_error(Path::new("f"), &kind.into(), "name another");
    assert_eq!(of(io::ErrorKind::NotFound), "f: there is no such file or folder; name another");
    assert_eq!(of(io::ErrorKind::IsADirectory), "f is a folder; name another");
    assert!(of(io::ErrorKind::PermissionDenied).ends_with("run this as root"));
    let said = not_text(Path::new("f"), "a\nb\u{e4}\u{ff}".as_bytes(), "name another");
    assert_eq!(said, "f:2:4: a byte here is no text (UTF-8); name another");
    let said = not_text(Path::new("f"), b"a\nbc\xff", "name another");
    assert_eq!(said, "f:2:3: a byte here is no text (UTF-8); name another");
}

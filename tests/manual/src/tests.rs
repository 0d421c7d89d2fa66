use crate::{BEGIN, END, Page, with_options};
use clap::{Arg, ArgAction, Command, value_parser};

fn program() -> Command {
    Command::new("p")
        .arg(Arg::new("json").long("json").global(true).action(ArgAction::SetTrue).help("As JSON"))
        .subcommand(
            Command::new("go")
                .about("Go somewhere")
                .arg(Arg::new("place").required(true).help("Where to"))
                .arg(
                    Arg::new("fast")
                        .long("fast")
                        .value_name("HOW")
                        .default_value("well")
                        .value_parser(["well", "so-so"])
                        .help("How fast"),
                ),
        )
        .subcommand(
            Command::new("stay")
                .hide(true)
                .arg(Arg::new("n").long("n").value_parser(value_parser!(u8))),
        )
}

#[test]
fn a_program_s_options_and_commands_are_said_and_hidden_ones_are_not() {
    let page = with_options(&format!("before\n{BEGIN}old\n{END}after\n"), program()).unwrap();
    for part in [
        "before\n",
        "after\n",
        "\\fB\\-\\-json\\fR\nAs JSON.\n",
        "\\fBgo\\fR [\\fB\\-\\-fast\\fR \\fIHOW\\fR] \\fIPLACE\\fR\nGo somewhere.\n.RS\n",
        "How fast.\nOne of \\fBwell\\fR, \\fBso\\-so\\fR.\nWhen absent: \\fBwell\\fR.\n",
    ] {
        assert!(page.contains(part), "{part}\nis not in\n{page}");
    }
    assert!(!page.contains("stay") && !page.contains("old"), "{page}");
    assert_eq!(with_options(&page, program()), Some(page.clone()), "a second time changes nothing");
    assert_ne!(with_options(&page, program().arg(Arg::new("x").long("x"))), Some(page));
    assert_eq!(with_options("no marks\n", program()), None);
}

const PAGE: &str = "\
.SH WORDS
.TP
.BR a=b \" | \" c
text
.TP
.BI x= N
.SS inner
.TP
.B d
.SH EXAMPLES
.\\\" example: host twice
.EX
p \\-\\-go \\(aqx\\(aq
.EE
";

#[test]
fn tags_and_examples_of_a_page_are_found() {
    let page = Page::read("p.1", PAGE);
    assert_eq!(page.tags("WORDS"), ["a=b", "x=", "d"]);
    assert_eq!(page.tags("inner"), ["d"]);
    assert!(page.tags("NOTHING").is_empty());
    let examples = page.examples();
    assert_eq!(examples.len(), 1);
    assert_eq!((examples[0].kind.as_str(), examples[0].note.as_str()), ("host", "twice"));
    assert_eq!(examples[0].text(), "p --go 'x'\n");
    assert_eq!(examples[0].place, "man/p.1:12");
}

#[test]
#[should_panic(expected = "nothing says how this is tested")]
fn an_example_without_a_test_is_refused() {
    let _ = Page::read("p.1", ".EX\nrm x\n.EE\n").examples();
}

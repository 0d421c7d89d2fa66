//! How a command ends that did not do what was asked.

use crate::lock::NotHeld;
use command_line::file_error;
use libxl_vtpm::guest::GuestError;
use libxl_vtpm::plan::{Failure, Problem, unlocking};
use manager_client::ChannelError;
use serde_json::{Map, Value, json};
use std::fmt;
use std::process::ExitCode;
use xenlight_sys::{Error, LoadError};

/// Every exit code of the program, and what it means. The second is clap's own.
pub(crate) const CODES: [(u8, &str); 7] = [
    (0, "done"),
    (1, "not done; nothing was changed, or everything was changed back"),
    (2, "the command line is wrong"),
    (3, "not done, and something is left that could not be changed back; the message says what"),
    (4, "this machine does not run Xen, or its libraries are missing"),
    (5, "doctor found something that has to be put right"),
    (6, "the manager cannot be reached, or refuses; the message says why"),
];

/// Why, and with which exit code.
#[derive(Debug)]
pub(crate) enum Exit {
    /// 1: nothing was changed, or everything was changed back.
    NotDone(String),
    /// 3: something is left.
    Left(String),
    /// 4: there is no Xen to ask.
    NoXen(String),
    /// 5: doctor has said what it found; how many things have to be put right.
    Found(usize),
    /// 6: the manager cannot be asked, or does not do it.
    Manager(String),
    /// A step of a plan failed: 1, 3 or 6 by what is left.
    Plan(Box<Failure>),
    /// With this code; why has been said with an answer in JSON.
    Said(u8),
}

impl Exit {
    pub(crate) fn number(&self) -> u8 {
        match self {
            Self::NotDone(_) => 1,
            Self::Left(_) => 3,
            Self::NoXen(_) => 4,
            Self::Found(_) => 5,
            Self::Manager(_) => 6,
            Self::Plan(failure) => of_plan(failure),
            Self::Said(code) => *code,
        }
    }

    /// The same as data.
    pub(crate) fn json(&self) -> Value {
        let text = self.text();
        let (sentence, details) = parts(&text);
        let mut told = command_line::failure(sentence, self.number());
        if !details.is_empty() {
            told["said"] = json!(details);
        }
        if let (Self::Plan(failure), Some(fields)) = (self, told.as_object_mut()) {
            fields.extend(plan_fields(failure));
        }
        told
    }

    /// Prints an answer that says, where it is one of a failure, why; and ends so.
    pub(crate) fn with_answer(failed: Option<Self>, mut answer: Value) -> Result<(), Self> {
        if let (Some(exit), Some(fields)) = (&failed, answer.as_object_mut()) {
            fields.insert("error".into(), exit.json());
        }
        println!("{answer:#}");
        failed.map_or(Ok(()), |exit| Err(Self::Said(exit.number())))
    }

    pub(crate) fn code(&self) -> ExitCode {
        ExitCode::from(self.number())
    }

    /// A sentence, and on further lines what Xen's tools said besides.
    fn text(&self) -> String {
        match self {
            Self::NotDone(why) | Self::Left(why) | Self::NoXen(why) | Self::Manager(why) => {
                why.clone()
            }
            Self::Plan(failure) => failure.to_string(),
            Self::Said(code) => format!("exit code {code}"),
            Self::Found(1) => "one thing has to be put right".into(),
            Self::Found(count) => format!("{count} things have to be put right"),
        }
    }

    /// What is wrong, with a sentence around what a call of libxl's says, and its details behind it.
    pub(crate) fn around(error: &Error, sentence: &str) -> Self {
        let details = error.details().map(|line| format!("\n{line}"));
        Self::NotDone(format!("{sentence}{}", details.collect::<String>()))
    }

    pub(crate) fn not_done(why: impl fmt::Display) -> Self {
        Self::NotDone(why.to_string())
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.text();
        let (sentence, details) = parts(&text);
        f.write_str(sentence)?;
        details.iter().try_for_each(|line| write!(f, "\n  {line}"))
    }
}

/// The sentence, and the other lines.
fn parts(text: &str) -> (&str, Vec<&str>) {
    let mut lines = text.lines();
    (lines.next().unwrap_or_default(), lines.map(str::trim).collect())
}

impl From<LoadError> for Exit {
    fn from(why: LoadError) -> Self {
        Self::NoXen(why.to_string())
    }
}

impl From<GuestError> for Exit {
    fn from(why: GuestError) -> Self {
        match why {
            GuestError::Library(_) => Self::NoXen(why.to_string()),
            GuestError::Open(file, error) => {
                Self::NotDone(file_error(&file, &error, "name the guest's xl configuration"))
            }
            _ => Self::NotDone(why.to_string()),
        }
    }
}

impl From<Error> for Exit {
    fn from(why: Error) -> Self {
        Problem::from(why).into()
    }
}

impl From<Problem> for Exit {
    fn from(why: Problem) -> Self {
        Self::NotDone(why.0)
    }
}

impl From<NotHeld> for Exit {
    fn from(why: NotHeld) -> Self {
        Problem::from(why).into()
    }
}

impl From<ChannelError> for Exit {
    fn from(why: ChannelError) -> Self {
        Self::Manager(why.to_string())
    }
}

impl From<Box<Failure>> for Exit {
    fn from(failure: Box<Failure>) -> Self {
        Self::Plan(failure)
    }
}

fn of_plan(failure: &Failure) -> u8 {
    let stays = !failure.late.is_empty() || !failure.in_use.is_empty();
    match (failure.left.is_empty() && !stays, &failure.locked) {
        (false, _) => 3,
        (true, Some(_)) => 6,
        (true, None) => 1,
    }
}

/// Which step it was, and what became of the others.
fn plan_fields(failure: &Failure) -> Map<String, Value> {
    let left =
        failure.left.iter().map(|(undo, why)| json!({ "undo": undo, "why": why.to_string() }));
    let in_use = failure.in_use.iter().map(|(name, by)| json!({ "name": name, "by": by }));
    let next = match &failure.locked {
        Some(manager) => json!(unlocking(manager)),
        None => {
            command_line::failure(&failure.problem.to_string(), of_plan(failure))["next"].take()
        }
    };
    let fields = [
        ("what", json!(format!("could not {}: {}", failure.step, failure.problem))),
        ("where", json!({ "step": failure.step })),
        ("next", next),
        ("undone", json!(failure.undone)),
        ("left", left.collect()),
        ("late", json!(failure.late)),
        ("in_use", in_use.collect()),
        ("kept", json!(failure.kept)),
        ("locked", json!(failure.locked)),
    ];
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

#[test]
fn every_way_to_end_has_its_line_in_the_table() {
    let text = String::new;
    for exit in [
        Exit::NotDone(text()),
        Exit::Left(text()),
        Exit::NoXen(text()),
        Exit::Found(1),
        Exit::Manager(text()),
        Exit::Said(3),
    ] {
        assert!(CODES.iter().any(|(code, _)| *code == exit.number()), "{exit:?}");
    }
    assert!(CODES.iter().enumerate().all(|(at, (code, _))| at == usize::from(*code)));
}

#[test]
fn a_failed_plan_is_data_about_its_step_and_what_is_left() {
    use libxl_vtpm::plan::{Role, Step, Undo};
    let step = Step::AwaitReady { name: "v".into(), role: Role::Vtpm, seconds: 30 };
    let (locked, managers_ended, undone) =
        (None, Vec::new(), vec![Undo::StopDomain { name: "v".into() }]);
    let left = vec![(Undo::StopDomain { name: "m".into() }, Problem("it hangs".into()))];
    let problem =
        Problem::of_lines(&["v says: its disk is full; make room", "libxl: error: b", "c"]);
    let (late, in_use) = (Vec::new(), vec![("n".to_owned(), "h".to_owned())]);
    let kept = vec!["v.img".into()];
    let failure =
        Failure { step, problem, locked, late, undone, managers_ended, left, in_use, kept };
    let exit = Exit::from(Box::new(failure));
    let told = exit.json();
    assert_eq!((&told["code"], &told["next"]), (&json!(3), &json!("make room")));
    assert_eq!(told["where"]["step"]["step"], "await-ready");
    assert_eq!(told["where"]["step"]["name"], "v");
    let what = "could not wait until the vTPM domain v is ready (at most 30 s): v says: its disk is full; make room";
    assert_eq!(told["what"], what);
    let message = told["message"].as_str().unwrap();
    assert!(message.starts_with(what) && message.contains("v.img stays"), "{message}");
    assert_eq!((message.lines().count(), &told["said"]), (1, &json!(["libxl: error: b", "c"])));
    assert_eq!(exit.to_string(), format!("{message}\n  libxl: error: b\n  c"));
    assert_eq!(told["undone"], json!([{ "undo": "stop-domain", "name": "v" }]));
    assert_eq!(
        told["left"],
        json!([{ "undo": { "undo": "stop-domain", "name": "m" }, "why": "it hangs" }])
    );
    assert_eq!(
        (&told["in_use"], &told["kept"]),
        (&json!([{ "name": "n", "by": "h" }]), &json!(["v.img"]))
    );
}

#[test]
fn the_manual_page_has_the_table() {
    let page = manual::Page::of("xl-vtpm.1");
    let said = page.section("EXIT STATUS").join("\n");
    for (code, means) in CODES {
        assert!(said.contains(&format!(".TP\n.B {code}\n{means}\n")), "{code} {means}");
    }
    assert_eq!(page.tags("EXIT STATUS").len(), CODES.len());
}

//! `service up`: the manager and the resident vTPMs, as at boot.

use crate::exit::Exit;
use crate::host::Host;
use crate::known::Places;
use crate::{resident, unfinished};
use libxl_vtpm::plan::{Plan, Role, Step, StubDomain, apply};
use serde_json::{Value, json};
use std::path::PathBuf;

/// Starts what does not run yet. One that fails keeps none of the others from starting.
pub(crate) fn run(manager: &str, seconds: u64, dry_run: bool, json: bool) -> Result<(), Exit> {
    let mut host = Host::open()?;
    let mut up = Up { seconds, dry_run, json, ..Up::default() };
    if !dry_run {
        host.heeds_signals()?;
        unfinished::clear(&host, &mut |line| eprintln!("xl-vtpm: {line}"))?;
    }
    let places = Places { named: &[], beside: None };
    if host.xen.find(manager).is_some() || is_wanted(&places.config(manager)) {
        up.start(&mut host, manager, Role::Manager, &[]);
    } else if !json {
        println!("there is no manager: /etc/xen/vtpm/{manager}.cfg is missing");
    }
    for (name, file) in resident::all() {
        up.start(&mut host, &name, Role::Vtpm, &[file]);
    }
    up.told()
}

/// Whether there is a manager to start, by what its file says. One that cannot be understood keeps the manager
/// from starting, which is complained of there, and nobody else.
const fn is_wanted<T>(config: &Result<Option<T>, Exit>) -> bool {
    !matches!(config, Ok(None))
}

#[derive(Default)]
struct Up {
    seconds: u64,
    dry_run: bool,
    json: bool,
    ready: Vec<String>,
    failed: Vec<String>,
    /// What would be done.
    would: Vec<Step>,
}

impl Up {
    fn start(&mut self, host: &mut Host, name: &str, role: Role, named: &[PathBuf]) {
        let started = self.take(host, name, role, named);
        self.take_note(name, started);
    }

    fn take_note(&mut self, name: &str, started: Result<(), Exit>) {
        match started {
            // Nobody has waited for it.
            Ok(()) if self.dry_run => {}
            Ok(()) => self.ready.push(name.to_owned()),
            Err(why) => {
                eprintln!("xl-vtpm: {name}: {why}");
                self.failed.push(name.to_owned());
            }
        }
    }

    fn take(
        &mut self,
        host: &mut Host,
        name: &str,
        role: Role,
        named: &[PathBuf],
    ) -> Result<(), Exit> {
        let places = Places { named, beside: None };
        let known = places.known(host, &[(name.to_owned(), role)])?;
        if let Some(manager) = self.lacks(name, &known) {
            return Err(Exit::not_done(format!(
                "its manager {manager} is not ready; see the line about {manager} above, and xl-vtpm manager status"
            )));
        }
        let plan = Plan::domain(name, role, &known, self.seconds).map_err(Exit::not_done)?;
        if self.dry_run {
            self.would_do(plan.steps);
            return Ok(());
        }
        apply(&plan, host, &mut |step| {
            if !self.json {
                println!("{step}");
            }
        })?;
        Ok(())
    }

    fn would_do(&mut self, steps: Vec<Step>) {
        for step in steps {
            if !self.json {
                println!("would {step}");
            }
            if !self.would.contains(&step) {
                self.would.push(step);
            }
        }
    }

    /// What a domain needs and could not be started before: finding out why once is enough.
    fn lacks<'k>(&self, name: &str, known: &'k [StubDomain]) -> Option<&'k str> {
        let mut needed = known.iter().map(|it| it.name.as_str()).filter(|it| *it != name);
        needed.find(|it| self.failed.iter().any(|failed| failed == it))
    }

    fn told(self) -> Result<(), Exit> {
        let failed = (!self.failed.is_empty())
            .then(|| Exit::not_done(format!("not started: {}", self.failed.join(", "))));
        if !self.json {
            return failed.map_or(Ok(()), Err);
        }
        let answer = self.answer();
        Exit::with_answer(failed, answer)
    }

    fn answer(&self) -> Value {
        let done = !self.dry_run && self.failed.is_empty();
        let mut answer = json!({ "done": done, "ready": self.ready, "failed": self.failed });
        if self.dry_run {
            answer["steps"] = json!(self.would);
        }
        answer
    }
}

#[test]
fn a_manager_s_file_that_cannot_be_understood_keeps_no_vtpm_from_starting() {
    assert!(is_wanted(&Ok(Some(()))) && !is_wanted::<()>(&Ok(None)));
    assert!(is_wanted::<()>(&Err(Exit::not_done("line 3: what is this?"))));
    let mut up = Up { seconds: 1, ..Up::default() };
    up.take_note("vtpmmgr", Err(Exit::not_done("line 3: what is this?")));
    up.take_note("v", Ok(()));
    assert_eq!(
        (&up.ready[..], &up.failed[..]),
        (&["v".to_owned()][..], &["vtpmmgr".to_owned()][..])
    );
    let stub = |name: &str, role| StubDomain {
        name: name.into(),
        role,
        file: PathBuf::new(),
        running: false,
        missing_images: vec![],
        manager: None,
    };
    let known = [stub("w", Role::Vtpm), stub("vtpmmgr", Role::Manager)];
    assert_eq!(up.lacks("w", &known), Some("vtpmmgr"));
    assert_eq!(up.lacks("vtpmmgr", &known), None, "it is tried itself");
    let exit = up.told().unwrap_err();
    assert_eq!((exit.number(), exit.to_string()), (1, "not started: vtpmmgr".to_owned()));
}

#[test]
fn what_would_be_done_is_data_and_nobody_is_called_ready() {
    let step = Step::AwaitReady { name: "v".into(), role: Role::Vtpm, seconds: 1 };
    let mut up = Up { dry_run: true, json: true, would: vec![step], ..Up::default() };
    up.take_note("v", Ok(()));
    let answer = up.answer();
    assert_eq!((&answer["done"], &answer["ready"]), (&json!(false), &json!([])));
    assert_eq!(answer["steps"][0]["step"], "await-ready");
    let up = Up { ready: vec!["v".into()], ..Up::default() };
    assert_eq!(up.answer(), json!({ "done": true, "ready": ["v"], "failed": [] }));
}

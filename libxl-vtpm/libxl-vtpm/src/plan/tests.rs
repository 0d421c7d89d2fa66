//! Plans on a host that fails wherever it is told to.

use super::*;
use crate::line::VtpmLine;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Domains and images; the call of this number fails.
#[derive(Default)]
struct Host {
    domains: BTreeSet<String>,
    images: BTreeSet<PathBuf>,
    /// Images that a domain has been started on.
    used: BTreeSet<PathBuf>,
    calls: usize,
    fails_at: Option<usize>,
    stop_fails: bool,
    /// Somebody else is faster with every image and every domain.
    is_slow: bool,
    /// Another guest uses this domain by now.
    shared: Option<&'static str>,
    never_ready: bool,
    /// It is told to end once so many calls were made.
    interrupted_at: Option<usize>,
    /// There is no time left once so many calls were made.
    late_at: Option<usize>,
    /// Nobody waits for longer than this.
    patience: Option<Duration>,
    /// Somebody holds this domain for as long as there is patience.
    busy: Option<&'static str>,
    /// Somebody else has started the domain on the image that was made for it.
    overtaken: bool,
    /// This manager waits for its recovery key.
    locked: Option<&'static str>,
    time: Duration,
    /// What a look at a domain takes.
    look: Duration,
}

impl Host {
    fn call(&mut self) -> Result<(), Problem> {
        let number = self.calls;
        self.calls += 1;
        if self.fails_at == Some(number) { Err(Problem("as told".into())) } else { Ok(()) }
    }
}

impl Host {
    fn done(&self) -> Done {
        if self.is_slow { Done::ByAnother } else { Done::Here }
    }
}

impl Toolstack for Host {
    fn make_image(&mut self, path: &Path, _mib: u32, _allocated: bool) -> Result<Done, Problem> {
        self.call()?;
        assert!(self.images.insert(path.to_owned()), "never over an image");
        Ok(self.done())
    }

    fn remove_image(&mut self, path: &Path, domain: &str) -> Result<Removed, Problem> {
        assert!(!self.used.contains(path), "never an image with state");
        assert!(path.starts_with(domain), "its own domain's");
        if self.overtaken {
            return Ok(Removed::Kept);
        }
        assert!(self.images.remove(path));
        Ok(Removed::Gone)
    }

    fn start_domain(&mut self, name: &str, _role: Role, _file: &Path) -> Result<Done, NotStarted> {
        if self.busy == Some(name) {
            self.time += self.patience.unwrap_or_default();
            return Err(NotStarted::Busy(Problem("another is busy with it".into())));
        }
        self.call()?;
        assert!(self.domains.insert(name.to_owned()), "never twice");
        self.used.extend(self.images.iter().filter(|path| path.starts_with(name)).cloned());
        Ok(self.done())
    }

    fn start_guest(&mut self, _file: &Path, _for_xl: Option<&str>) -> Result<(), Problem> {
        self.call()?;
        self.domains.insert("guest".into());
        Ok(())
    }

    fn stop_domain(&mut self, name: &str) -> Result<Stopped, Problem> {
        if self.stop_fails {
            return Err(Problem("it hangs".into()));
        }
        if self.shared == Some(name) {
            return Ok(Stopped::InUse("another".into()));
        }
        assert!(self.domains.remove(name));
        Ok(Stopped::Gone)
    }

    fn readiness(&mut self, name: &str, _role: Role) -> Result<Readiness, Problem> {
        self.time += self.look;
        if self.locked == Some(name) {
            return Ok(Readiness::Locked("PCR 7 differs".into()));
        }
        if self.never_ready || self.late_at.is_some_and(|at| self.calls >= at) {
            return Ok(Readiness::Starting);
        }
        self.call()
            .map_or_else(|problem| Ok(Readiness::Failed(problem.0)), |()| Ok(Readiness::Ready))
    }

    fn go_on(&mut self) -> Result<(), Halt> {
        if self.interrupted_at.is_some_and(|at| self.calls >= at) {
            return Err(Halt::Interrupted);
        }
        if self.late_at.is_some_and(|at| self.calls >= at) {
            return Err(Halt::Late(Problem("too late".into())));
        }
        match self.patience {
            Some(patience) if self.time >= patience => Err(Halt::Late(Problem("too late".into()))),
            _ => Ok(()),
        }
    }

    fn clock(&self) -> Duration {
        self.time
    }

    fn pause(&mut self, time: Duration) {
        self.time += time;
    }
}

fn stub(name: &str, role: Role, manager: Option<&str>) -> StubDomain {
    StubDomain {
        name: name.into(),
        role,
        file: format!("{name}.cfg").into(),
        running: false,
        missing_images: vec![MissingImage {
            path: Path::new(name).join("image"),
            allocated: role == Role::Manager,
        }],
        manager: manager.map(Into::into),
    }
}

fn known() -> Vec<StubDomain> {
    vec![
        stub("a", Role::Vtpm, Some("m")),
        stub("b", Role::Vtpm, Some("m")),
        stub("m", Role::Manager, None),
    ]
}

fn guest(backends: &[&str]) -> GuestStart {
    let vtpm = |name: &&str| VtpmLine { backend: (*name).into(), uuid: None, tpm: None };
    GuestStart {
        name: "guest".into(),
        file: "guest.cfg".into(),
        vtpms: backends.iter().map(vtpm).collect(),
        for_xl: None,
    }
}

fn said(plan: &Plan) -> Vec<String> {
    plan.steps.iter().map(ToString::to_string).collect()
}

#[test]
fn manager_then_vtpm_then_guest_each_awaited_and_each_once() {
    let plan = Plan::guest(&guest(&["a", "b"]), &known(), 30).unwrap();
    assert_eq!(
        said(&plan),
        [
            "make the disk image m/image (16 MiB, allocated)",
            "start the manager m from m.cfg",
            "wait until the manager m is ready (at most 30 s)",
            "make the disk image a/image (2 MiB, sparse)",
            "start the vTPM domain a from a.cfg",
            "wait until the vTPM domain a is ready (at most 30 s)",
            "make the disk image b/image (2 MiB, sparse)",
            "start the vTPM domain b from b.cfg",
            "wait until the vTPM domain b is ready (at most 30 s)",
            "start the guest guest from guest.cfg",
        ]
    );
}

#[test]
fn what_runs_is_only_awaited() {
    let mut known = known();
    known[0].running = true;
    let plan = Plan::guest(&guest(&["a"]), &known, 5).unwrap();
    assert_eq!(said(&plan)[0], "wait until the vTPM domain a is ready (at most 5 s)");
    assert_eq!(plan.steps.len(), 2);
    assert_eq!(Plan::guest(&guest(&[]), &[], 5).unwrap().steps.len(), 1);
}

#[test]
fn what_is_needed_and_unknown_is_named_with_who_needs_it() {
    let complaint = Plan::guest(&guest(&["x"]), &known(), 5).unwrap_err().to_string();
    assert!(complaint.starts_with("guest needs the vTPM domain \"x\""), "{complaint}");
    let complaint = Plan::domain("a", Role::Vtpm, &known()[..1], 5).unwrap_err().to_string();
    assert!(complaint.starts_with("a needs the manager \"m\""), "{complaint}");
    let circle = [stub("a", Role::Vtpm, Some("a"))];
    assert_eq!(Plan::domain("a", Role::Vtpm, &circle, 5), Err(NotPlanned::Circle("a".into())));
}

#[test]
fn a_failure_at_any_step_leaves_no_domain_and_no_image_but_those_with_state() {
    let plan = Plan::guest(&guest(&["a", "b"]), &known(), 30).unwrap();
    for fails_at in 0..plan.steps.len() {
        let mut host = Host { fails_at: Some(fails_at), ..Host::default() };
        let failure = apply(&plan, &mut host, &mut |_| ()).unwrap_err();
        assert_eq!(failure.step, plan.steps[fails_at]);
        assert_eq!(host.domains, BTreeSet::new(), "step {fails_at}");
        assert_eq!(host.images, host.used, "step {fails_at}");
        let kept: BTreeSet<_> = failure.kept.iter().cloned().collect();
        assert_eq!(kept, host.used, "step {fails_at}: {failure}");
        assert_eq!(failure.left, []);
    }
    let mut host = Host::default();
    apply(&plan, &mut host, &mut |_| ()).unwrap();
    assert_eq!((host.domains.len(), host.calls), (4, plan.steps.len()));
}

#[test]
fn what_somebody_else_was_faster_with_is_used_and_never_taken_back() {
    let plan = Plan::guest(&guest(&["a"]), &known(), 30).unwrap();
    for fails_at in 0..plan.steps.len() {
        let mut host = Host { is_slow: true, fails_at: Some(fails_at), ..Host::default() };
        let failure = apply(&plan, &mut host, &mut |_| ()).unwrap_err();
        assert!(failure.undone.is_empty() && failure.managers_ended.is_empty());
        let steps = &plan.steps[..fails_at];
        let started = steps.iter().filter(|step| matches!(step, Step::StartDomain { .. }));
        assert_eq!(host.domains.len(), started.count(), "step {fails_at}");
        assert!(host.images.is_superset(&host.used), "step {fails_at}");
    }
    let mut host = Host { is_slow: true, ..Host::default() };
    apply(&plan, &mut host, &mut |_| ()).unwrap();
}

#[test]
fn domains_are_stopped_in_the_reverse_order_of_their_start() {
    let plan = Plan::guest(&guest(&["a"]), &known(), 30).unwrap();
    let mut host = Host { fails_at: Some(plan.steps.len() - 1), ..Host::default() };
    let failure = apply(&plan, &mut host, &mut |_| ()).unwrap_err();
    let stopped = ["a", "m"].map(|name| Undo::StopDomain { name: name.into() });
    assert_eq!(failure.undone, stopped);
}

#[test]
fn a_manager_that_was_started_and_ended_again_is_named_and_what_comes_first() {
    let plan = Plan::guest(&guest(&["a"]), &known(), 30).unwrap();
    let said = |fails_at| {
        let mut host = Host { fails_at: Some(fails_at), ..Host::default() };
        apply(&plan, &mut host, &mut |_| ()).unwrap_err().to_string()
    };
    let (refused, first) = (said(5), "(before any vtpmmgr-ctl comes: xl-vtpm manager start m)");
    assert!(
        refused.contains("a says: as told; the vTPM domain a and the manager m, which were started for it, were ended")
    );
    assert!(refused.contains(first), "{refused}");
    let guest = said(6);
    assert!(
        guest.contains("the vTPM domain a and the manager m, which were") && !guest.contains(first),
        "{guest}"
    );
    let mut known = known();
    known[2].running = true;
    let plan = Plan::guest(&self::guest(&["a"]), &known, 30).unwrap();
    let mut host = Host { fails_at: Some(3), ..Host::default() };
    let failure = apply(&plan, &mut host, &mut |_| ()).unwrap_err();
    assert!(failure.managers_ended.is_empty(), "one that ran before stays: {failure}");
    let said = failure.to_string();
    assert!(
        said.contains("; the vTPM domain a, which was started for it, was ended again"),
        "{said}"
    );
}

#[test]
fn two_managers_that_were_ended_again_are_both_named_as_managers() {
    let mut known = known();
    known[1].manager = Some("n".into());
    known.push(stub("n", Role::Manager, None));
    let plan = Plan::guest(&guest(&["a", "b"]), &known, 30).unwrap();
    let mut host = Host { fails_at: Some(plan.steps.len() - 1), ..Host::default() };
    let said = apply(&plan, &mut host, &mut |_| ()).unwrap_err().to_string();
    assert!(said.contains("the manager m") && said.contains("the manager n"), "{said}");
}

#[test]
fn what_cannot_be_undone_is_said_and_the_rest_is_undone() {
    let plan = Plan::guest(&guest(&["a"]), &known(), 30).unwrap();
    let mut host = Host { fails_at: Some(4), stop_fails: true, ..Host::default() };
    let failure = apply(&plan, &mut host, &mut |_| ()).unwrap_err();
    assert_eq!(failure.undone, [Undo::RemoveImage { path: "a/image".into(), domain: "a".into() }]);
    let said = failure.to_string();
    assert!(said.contains("could not stop m either (it hangs): do that by hand"), "{said}");
}

#[test]
fn an_image_that_another_may_have_started_on_stays_and_is_said() {
    let mut known = known();
    known[2].running = true;
    let plan = Plan::guest(&guest(&["a"]), &known, 30).unwrap();
    // StartDomain fails here, and somebody else was faster.
    let mut host = Host { fails_at: Some(2), overtaken: true, ..Host::default() };
    let failure = apply(&plan, &mut host, &mut |_| ()).unwrap_err();
    assert!(matches!(&failure.step, Step::StartDomain { name, .. } if name == "a"), "{failure}");
    assert_eq!((host.images.len(), &failure.kept[..]), (1, &[PathBuf::from("a/image")][..]));
    assert_eq!((&failure.undone[..], &failure.left[..]), (&[][..], &[][..]));
    let said = failure.to_string();
    assert!(said.contains("a/image stays, since a TPM's state may be on it"), "{said}");
    assert!(!said.contains("nothing was left behind"), "{said}");
}

#[test]
fn who_waited_for_others_until_there_was_no_time_left_is_late_and_has_not_failed() {
    let mut known = known();
    known[2].running = true;
    let plan = Plan::guest(&guest(&["a", "b"]), &known, 30).unwrap();
    let patience = Some(Duration::from_secs(20));
    let mut host = Host { busy: Some("b"), patience, ..Host::default() };
    let failure = apply(&plan, &mut host, &mut |_| ()).unwrap_err();
    assert_eq!((&failure.late[..], host.domains.contains("a")), (&["a".to_owned()][..], true));
    assert!(failure.to_string().contains("another is busy with it; too late"), "{failure}");
    // Without a deadline it is a failure as any other.
    let mut host = Host { busy: Some("b"), ..Host::default() };
    let failure = apply(&plan, &mut host, &mut |_| ()).unwrap_err();
    assert_eq!((failure.late.len(), host.domains.len()), (0, 0), "{failure}");
}

#[test]
fn what_another_uses_by_now_is_left_to_it_and_said() {
    let plan = Plan::guest(&guest(&["a"]), &known(), 30).unwrap();
    let mut host = Host { fails_at: Some(4), shared: Some("m"), ..Host::default() };
    let failure = apply(&plan, &mut host, &mut |_| ()).unwrap_err();
    assert_eq!(host.domains, BTreeSet::from(["m".to_owned()]));
    assert_eq!(failure.in_use, [("m".to_owned(), "another".to_owned())]);
    let said = failure.to_string();
    assert!(said.contains("m stays, since another uses it by now"), "{said}");
    assert!(!said.contains("nothing was left behind"), "{said}");
}

#[test]
fn a_manager_that_waits_for_its_recovery_key_is_left_alone() {
    let plan = Plan::guest(&guest(&["a"]), &known(), 30).unwrap();
    let mut host = Host { locked: Some("m"), ..Host::default() };
    let failure = apply(&plan, &mut host, &mut |_| ()).unwrap_err();
    assert_eq!(
        host.domains,
        BTreeSet::from(["m".to_owned()]),
        "it runs, and nothing else was started"
    );
    assert_eq!((failure.locked.as_deref(), &failure.undone[..]), (Some("m"), &[][..]));
    let said = failure.to_string();
    for part in ["m says: PCR 7 differs", "m waits", "left as it is", "backend=m", "recover --key"]
    {
        assert!(said.contains(part), "{part}: {said}");
    }
    let mut known = known();
    known[2].running = true;
    let plan = Plan::guest(&guest(&["a"]), &known, 30).unwrap();
    let failure = apply(&plan, &mut host, &mut |_| ()).unwrap_err();
    assert_eq!((host.domains.len(), failure.locked.as_deref()), (1, Some("m")));
}

#[test]
fn what_was_started_beside_a_locked_manager_is_taken_back() {
    let mut known = known();
    known[1].manager = Some("n".into());
    known.push(stub("n", Role::Manager, None));
    let plan = Plan::guest(&guest(&["a", "b"]), &known, 30).unwrap();
    let mut host = Host { locked: Some("n"), ..Host::default() };
    let failure = apply(&plan, &mut host, &mut |_| ()).unwrap_err();
    assert_eq!(host.domains, BTreeSet::from(["n".to_owned()]));
    assert_eq!(failure.undone, ["a", "m"].map(|name| Undo::StopDomain { name: name.into() }));
}

#[test]
fn nothing_is_awaited_for_longer_than_the_limit() {
    let plan = Plan::guest(&guest(&["a"]), &known(), 3).unwrap();
    let mut host = Host { never_ready: true, ..Host::default() };
    let failure = apply(&plan, &mut host, &mut |_| ()).unwrap_err();
    assert!(
        failure
            .to_string()
            .contains("not ready after 3 s; see what it wrote to its console (xl-vtpm logs"),
        "{failure}"
    );
    assert!(failure.to_string().contains("or give it longer with --timeout"), "{failure}");
    assert_eq!(host.time, Duration::from_secs(3));
}

#[test]
fn what_looking_takes_counts_as_waiting() {
    let plan = Plan::guest(&guest(&["a"]), &known(), 3).unwrap();
    let look = Duration::from_secs(1);
    let mut host = Host { never_ready: true, look, ..Host::default() };
    assert!(apply(&plan, &mut host, &mut |_| ()).is_err());
    assert!(host.time < Duration::from_secs(5), "{:?}", host.time);
}

#[test]
fn a_domain_that_is_only_late_is_left_to_become_ready() {
    let plan = Plan::domain("a", Role::Vtpm, &known()[..1], 30);
    assert!(plan.is_err(), "its manager is unknown");
    let mut known = known();
    known[2].running = true;
    let steps = Plan::domain("a", Role::Vtpm, &known, 30).unwrap().steps;
    // The manager is ready: the vTPM alone is awaited.
    let plan = Plan { steps: steps[1..].to_vec() };
    let patience = Some(Duration::from_secs(2));
    let mut host = Host { never_ready: true, patience, ..Host::default() };
    let failure = apply(&plan, &mut host, &mut |_| ()).unwrap_err();
    assert_eq!(host.domains, BTreeSet::from(["a".to_owned()]));
    assert_eq!((&failure.late[..], &failure.undone[..]), (&["a".to_owned()][..], &[][..]));
    assert_eq!(host.time, Duration::from_secs(2));
    let said = failure.to_string();
    assert!(
        said.contains("too late; a/image stays") && said.ends_with("goes on starting"),
        "{said}"
    );
}

#[test]
fn of_two_vtpms_one_that_fails_takes_the_other_with_it_and_one_that_is_late_does_not() {
    let mut known = known();
    known[2].running = true;
    let plan = Plan::vtpms("guest", ["a", "b"], &known, 30).unwrap();
    // The manager, and of each vTPM image, domain and wait.
    let last = plan.steps.len() - 1;
    assert_eq!(last, 6);
    let mut host = Host { fails_at: Some(last), ..Host::default() };
    let failure = apply(&plan, &mut host, &mut |_| ()).unwrap_err();
    assert_eq!(failure.undone, ["b", "a"].map(|name| Undo::StopDomain { name: name.into() }));
    assert_eq!(host.domains, BTreeSet::new());
    for calls in [4, last] {
        let mut host = Host { late_at: Some(calls), ..Host::default() };
        let failure = apply(&plan, &mut host, &mut |_| ()).unwrap_err();
        let late: BTreeSet<_> = failure.late.iter().cloned().collect();
        assert!(late.contains("a") && host.domains == late, "after {calls} calls: {failure}");
        assert_eq!(host.images, host.used, "an image that no domain has seen goes");
        let end =
            if late.len() == 1 { "a is left, and goes on" } else { "b and a are left, and go on" };
        assert!(failure.to_string().contains(end), "{failure}");
    }
}

#[test]
fn nothing_is_started_when_it_is_too_late_for_it() {
    let mut host = Host { patience: Some(Duration::ZERO), ..Host::default() };
    let plan = Plan::guest(&guest(&["a"]), &known(), 30).unwrap();
    let failure = apply(&plan, &mut host, &mut |_| ()).unwrap_err();
    assert_eq!((host.calls, failure.late.len()), (0, 0));
    assert!(failure.to_string().ends_with("too late; nothing was left behind"), "{failure}");
}

#[test]
fn whoever_is_told_to_end_between_two_steps_takes_back_what_was_done() {
    let plan = Plan::guest(&guest(&["a"]), &known(), 30).unwrap();
    for at in 0..plan.steps.len() {
        let mut host = Host { interrupted_at: Some(at), ..Host::default() };
        let failure = apply(&plan, &mut host, &mut |_| ()).unwrap_err();
        assert_eq!(host.domains, BTreeSet::new(), "after {at} calls");
        assert_eq!((&host.images, &failure.left[..]), (&host.used, &[][..]), "after {at} calls");
        assert!(failure.to_string().contains("it was told to end"), "{failure}");
    }
}

#[test]
fn whoever_is_told_to_end_while_a_domain_is_awaited_takes_it_back() {
    let plan = Plan::guest(&guest(&["a"]), &known(), 30).unwrap();
    let mut host = Host { interrupted_at: Some(2), never_ready: true, ..Host::default() };
    let failure = apply(&plan, &mut host, &mut |_| ()).unwrap_err();
    assert!(matches!(failure.step, Step::AwaitReady { .. }), "{failure}");
    assert_eq!(failure.undone, [Undo::StopDomain { name: "m".into() }]);
    assert_eq!(host.time, Duration::ZERO);
}

#[test]
fn a_plan_is_shown_as_json() {
    let plan = Plan::guest(&guest(&["a"]), &known(), 3).unwrap();
    let json = serde_json::to_value(&plan.steps).unwrap();
    assert_eq!(json[0]["step"], "make-image");
    assert_eq!((&json[0]["allocated"], &json[3]["allocated"]), (&true.into(), &false.into()));
    assert_eq!(json[2]["role"], "manager");
    assert_eq!(
        json[6],
        serde_json::json!({"step": "start-guest", "name": "guest", "file": "guest.cfg"})
    );
}

//! A vTPM device wired by the real libxl in the real xenstored of each release of Xen, on a machine without Xen.
#![forbid(unsafe_code)]

mod page;
mod store;

use libxl_vtpm::line::VtpmLine;
use page::{BACKEND, FRONTEND, NUMBER};
use peers::{XenTree, unless_missing};
use std::thread;
use std::time::{Duration, Instant};
use store::{Kind, Store, Tools};
use xenlight_sys::{Context, Library, NewVtpm, XenRelease};

/// Set in the process that has a release's libraries.
const RELEASE: &str = "WIRING_RELEASE";

const TEST: &str = "libxl_wires_lists_and_removes_a_vtpm_with_the_nodes_of_the_page";

/// The guest's line.
const LINE: &str = "backend=g1-vtpm,uuid=ac0a5b9e-cbe2-4c07-b43b-1d69e46fb839";

/// What libxl keeps of a domain that it made; without it no device is added.
const GUEST: &str = r#"{"c_info":{"type":"pv","name":"g1"},"b_info":{"type.pv":{}}}"#;
const GUEST_FILE: &str =
    "/var/lib/xen/userdata-d.7.07000000-0000-0000-0000-000000000000.libxl-json";

#[test]
fn libxl_wires_lists_and_removes_a_vtpm_with_the_nodes_of_the_page() {
    if let Ok(numbers) = std::env::var(RELEASE) {
        let release = XenRelease::ALL.into_iter().find(|known| known.numbers() == numbers);
        in_domain_0(release.unwrap());
        return;
    }
    for release in XenRelease::ALL {
        let Some(tree) = unless_missing(XenTree::of(release.numbers())) else { continue };
        for kind in Kind::ALL {
            let Some(store) = unless_missing(Store::start(&tree, kind)) else { continue };
            store.file(GUEST_FILE, GUEST);
            let mut again = store.command(&std::env::current_exe().unwrap());
            again.args(["--exact", TEST, "--nocapture"]).env(RELEASE, release.numbers());
            let done = again.output().unwrap();
            let said = String::from_utf8_lossy(&done.stdout);
            let complained = String::from_utf8_lossy(&done.stderr);
            let with = format!("Xen {} and {kind:?}", tree.release);
            assert!(done.status.success(), "with {with}: {said}{complained}");
            assert!(said.contains("1 passed"), "nothing ran with {with}: {said}");
        }
    }
}

/// What runs where libxl finds a xenstored and three domains.
fn in_domain_0(release: XenRelease) {
    let tools = Tools::of(XenTree::of(release.numbers()).unwrap());
    for (node, value) in [
        ("/local/domain/0/domid", "0"),
        ("/local/domain/0/name", "Domain-0"),
        ("/local/domain/3/name", "g1-vtpm"),
        ("/local/domain/7/name", "g1"),
        ("/libxl/7/type", "pv"),
        ("/libxl/7/dm-version", "none"),
    ] {
        tools.write(node, value);
    }
    let xen = Context::open(Library::of(release).unwrap()).unwrap();
    assert_eq!((xen.find("g1"), xen.find("g1-vtpm")), (Some(FRONTEND), Some(BACKEND)));
    let line = VtpmLine::parse(LINE).unwrap().line;
    let uuid = line.uuid.unwrap();
    let new = NewVtpm { backend: line.backend, uuid: *uuid.as_bytes() };

    let backend = in_state("1", "2");
    assert_eq!(xen.add_vtpm(FRONTEND, &new).unwrap(), NUMBER);
    backend.join().unwrap();
    is_as_the_page_says(&tools, &uuid.to_string());

    let [vtpm] = xen.vtpms(FRONTEND)[..] else { panic!("not one vTPM is listed") };
    assert_eq!((vtpm.devid, vtpm.backend_domid, vtpm.uuid), (NUMBER, BACKEND, new.uuid));
    let state = xen.vtpm_state(FRONTEND, &vtpm).unwrap();
    assert_eq!((state.backend_domid, state.state, state.uuid), (BACKEND, 1, new.uuid));
    assert_eq!(state.backend, page::directory("BE"));
    let missing = NewVtpm { backend: "nobody".into(), uuid: new.uuid };
    let refused = xen.add_vtpm(FRONTEND, &missing).unwrap_err().to_string();
    assert!(refused.contains("unable to add device"), "{refused}");

    let backend = in_state("5", "6");
    xen.remove_vtpm(FRONTEND, &vtpm).unwrap();
    backend.join().unwrap();
    assert!(xen.vtpms(FRONTEND).is_empty(), "it is still listed");
    for directory in [page::directory("BE"), page::directory("FE"), "/libxl/7/device/vtpm/0".into()]
    {
        assert!(tools.below(&directory).is_empty(), "{directory} is still there");
    }
}

/// Every node that libxl wrote, with value and permissions.
fn is_as_the_page_says(tools: &Tools, uuid: &str) {
    for short in ["BE", "FE"] {
        let mut found = tools.below(&page::directory(short));
        found.sort();
        for (name, _, rights) in &found {
            assert_eq!(*rights, page::rights(short), "{short}/{name}");
        }
        let found = found.into_iter().map(|(name, value, _)| (name, value));
        // The backend has answered already.
        let made =
            page::made_below(short, uuid).into_iter().map(|(name, value)| match name.as_str() {
                "state" if short == "BE" => (name, "2".to_owned()),
                _ => (name, value),
            });
        assert_eq!(found.collect::<Vec<_>>(), made.collect::<Vec<_>>(), "{short}");
    }
    // By these hotplug/vtpm-rewire knows devices whose backend is gone.
    let kept = "/libxl/7/device/vtpm/0";
    assert_eq!(tools.read(&format!("{kept}/backend")), Some(page::directory("BE")));
    assert_eq!(tools.read(&format!("{kept}/frontend")), Some(page::directory("FE")));
    assert_eq!(tools.read(&format!("{kept}/uuid")).as_deref(), Some(uuid));
}

/// The vTPM domain's part: answers a state with another. After `6` its directory goes, as the page has it.
fn in_state(seen: &'static str, answer: &'static str) -> thread::JoinHandle<()> {
    let numbers = std::env::var(RELEASE).unwrap();
    let release = XenRelease::ALL.into_iter().find(|known| known.numbers() == numbers).unwrap();
    thread::spawn(move || {
        let tools = Tools::of(XenTree::of(release.numbers()).unwrap());
        let (backend, end) = (page::directory("BE"), Instant::now() + Duration::from_secs(9));
        let state = format!("{backend}/state");
        while tools.read(&state).as_deref() != Some(seen) {
            assert!(Instant::now() < end, "libxl did not write {seen} into {state}");
            thread::sleep(Duration::from_millis(10));
        }
        if seen == "5" {
            assert_eq!(tools.read(&format!("{backend}/online")).as_deref(), Some("0"));
        }
        tools.write(&state, answer);
        if answer == "6" {
            thread::sleep(Duration::from_millis(300));
            tools.remove(&backend);
        }
    })
}

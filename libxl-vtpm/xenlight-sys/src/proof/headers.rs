//! What is compiled with the headers.

use super::InC;
use crate::abilities;
use crate::calls::{Xenlight, Xentoollog, Xlutil};
use crate::layout::{self, ChildHooks, DeviceVtpm, DomInfo, Event, PhysInfo, Uuid};
use crate::layout::{VersionInfo, VtpmInfo};
use crate::release::XenRelease;
use peers::{XenTree, unless_missing};
use std::fmt::Write as _;
use std::io::Write as _;
use std::mem::{align_of, offset_of, size_of};
use std::path::Path;
use std::process::{Command, Stdio};

const INCLUDES: &str = "#include <stddef.h>\n#include <stdint.h>\n#include <poll.h>\n\
    #include <sys/time.h>\n#include <libxl.h>\n#include <libxl_event.h>\n#include <libxl_utils.h>\n\
    #include <libxlutil.h>\n#include <xentoollog.h>\n";

/// C that compiles when, and only when, the headers agree.
#[derive(Default)]
struct Assertions(String);

impl Assertions {
    fn equal(&mut self, expression: &str, value: impl std::fmt::Display) {
        writeln!(
            self.0,
            "_Static_assert(({expression}) == ({value}), \"{expression} is not {value}\");"
        )
        .unwrap();
    }

    fn structure<T: InC>(&mut self, fields: &[(&str, usize)]) {
        let name = T::in_c();
        self.equal(&format!("sizeof({name})"), size_of::<T>());
        self.equal(&format!("_Alignof({name})"), align_of::<T>());
        for (field, offset) in fields {
            self.equal(&format!("offsetof({name}, {field})"), offset);
        }
    }

    fn signatures(&mut self, calls: Vec<(&'static str, String)>) {
        for (name, signature) in calls {
            writeln!(self.0, "__typeof__({signature}) *seen_{name} = {name};").unwrap();
        }
    }
}

macro_rules! offsets {
    ($t:ty: $($field:ident),*) => { [$((stringify!($field), offset_of!($t, $field))),*] };
}

fn everything() -> Assertions {
    let mut all = Assertions::default();
    all.equal("sizeof(libxl_uuid)", size_of::<Uuid>());
    all.structure::<DeviceVtpm>(&offsets!(DeviceVtpm: backend_domid, backend_domname, devid, uuid));
    all.structure::<VtpmInfo>(&offsets!(
        VtpmInfo: backend, backend_id, frontend, frontend_id, devid, state, evtch, rref, uuid
    ));
    all.structure::<DomInfo>(&offsets!(
        DomInfo: uuid, domid, ssidref, ssid_label, running, blocked, paused, shutdown, dying,
        never_stop, shutdown_reason, outstanding_memkb, current_memkb, shared_memkb, paged_memkb,
        max_memkb, cpu_time, vcpu_max_id, vcpu_online, cpupool, gpaddr_bits, domain_type
    ));
    all.structure::<VersionInfo>(&offsets!(
        VersionInfo: xen_version_major, xen_version_minor, xen_version_extra, compiler, compile_by,
        compile_domain, compile_date, capabilities, changeset, virt_start, pagesize, commandline,
        build_id
    ));
    all.structure::<ChildHooks>(&[
        ("chldowner", offset_of!(ChildHooks, owner)),
        ("fork_replacement", offset_of!(ChildHooks, fork_replacement)),
        ("reaped_callback", offset_of!(ChildHooks, reaped_callback)),
    ]);
    event(&mut all);
    physinfo(&mut all);
    constants(&mut all);
    all.signatures(Xenlight::in_c());
    all.signatures(Xlutil::in_c());
    all.signatures(Xentoollog::in_c());
    all
}

/// The event is larger than what is declared of it; libxl allocates it.
fn event(all: &mut Assertions) {
    let mut fields = offsets!(Event: link, domid, domuuid, for_user).to_vec();
    fields.push(("type", offset_of!(Event, kind)));
    for (field, offset) in fields {
        all.equal(&format!("offsetof(libxl_event, {field})"), offset);
    }
    all.equal(&format!("sizeof(libxl_event) >= {}", size_of::<Event>()), 1);
}

/// No more of it is declared than is read; the buffer holds all of it.
fn physinfo(all: &mut Assertions) {
    let mut fields = offsets!(
        PhysInfo: total_pages, nr_nodes, hw_cap, cap_hvm, cap_pv, cap_hvm_directio, cap_hap
    )
    .to_vec();
    fields.push(("threads_per_core", offset_of!(PhysInfo, cpus)));
    for (field, offset) in fields {
        all.equal(&format!("offsetof(libxl_physinfo, {field})"), offset);
    }
    all.equal(&format!("sizeof(libxl_physinfo) >= {}", size_of::<PhysInfo>()), 1);
    all.equal(&format!("sizeof(libxl_physinfo) <= {}", 8 * abilities::WORDS), 1);
}

fn constants(all: &mut Assertions) {
    all.equal("LIBXL_VERSION", layout::LIBXL_VERSION);
    all.equal("XTL_WARN", layout::XTL_WARN);
    all.equal("ERROR_FAIL", -3);
    all.equal("ERROR_INVAL", layout::ERROR_INVAL);
    all.equal("ERROR_TIMEDOUT", layout::ERROR_TIMEDOUT);
    all.equal("ERROR_NOT_READY", layout::ERROR_NOT_READY);
    all.equal("ERROR_BUFFERFULL", layout::ERROR_BUFFERFULL);
    all.equal("ERROR_DOMAIN_NOTFOUND", layout::ERROR_DOMAIN_NOTFOUND);
    all.equal("LIBXL_EVENT_TYPE_DOMAIN_SHUTDOWN", layout::EVENT_SHUTDOWN);
    all.equal("LIBXL_EVENT_TYPE_DOMAIN_DEATH", layout::EVENT_DEATH);
    all.equal("libxl_sigchld_owner_libxl_always_selective_reap", layout::SELECTIVE_REAP);
    all.equal("(uint32_t)INVALID_DOMID", format!("{}u", layout::INVALID_DOMID));
    for (name, number) in
        [("POWEROFF", 0), ("REBOOT", 1), ("SUSPEND", 2), ("CRASH", 3), ("WATCHDOG", 4)]
    {
        all.equal(&format!("LIBXL_SHUTDOWN_REASON_{name}"), number);
    }
}

/// Compiles with the headers below `root` and none of this machine's; what the compiler says.
fn compile(root: &Path, assertions: &str) -> Result<(), String> {
    let mut compiler = Command::new("cc");
    compiler.arg(format!("--sysroot={}", root.display()));
    compiler.args(["-DLIBXL_API_VERSION=0x041400", "-fsyntax-only", "-Werror", "-x", "c", "-"]);
    let mut child =
        compiler.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("a C compiler");
    child.stdin.take().unwrap().write_all(format!("{INCLUDES}{assertions}").as_bytes()).unwrap();
    let done = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    if done.status.success() { Ok(()) } else { Err(said) }
}

fn trees() -> Vec<XenTree> {
    let found = XenRelease::ALL.map(|release| XenTree::of(release.numbers()));
    found.into_iter().filter_map(unless_missing).collect()
}

#[test]
fn signatures_sizes_offsets_and_constants_are_those_of_the_headers_of_every_release() {
    for tree in trees() {
        let verdict = compile(&tree.root, &everything().0);
        assert_eq!(verdict, Ok(()), "headers of Xen {}", tree.release);
    }
}

#[test]
fn a_wrong_offset_or_signature_would_be_noticed() {
    for tree in trees() {
        let mut wrong = Assertions::default();
        wrong.equal("offsetof(libxl_vtpminfo, rref)", offset_of!(VtpmInfo, evtch));
        let said = compile(&tree.root, &wrong.0).unwrap_err();
        assert!(said.contains("offsetof(libxl_vtpminfo, rref) is not 36"), "{said}");
        let mut wrong = Assertions::default();
        wrong.signatures(vec![("libxl_ctx_free", "int (libxl_ctx *, int)".into())]);
        let said = compile(&tree.root, &wrong.0).unwrap_err();
        assert!(said.contains("incompatible pointer"), "{said}");
    }
}

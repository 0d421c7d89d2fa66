//! A xenstored of a release of Xen, on a machine without Xen.

use peers::{Missing, XenTree};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// For xenstored to answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// Which of both programs.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    C,
    Ocaml,
}

impl Kind {
    pub(crate) const ALL: [Self; 2] = [Self::C, Self::Ocaml];

    const fn program(self) -> &'static str {
        match self {
            Self::C => "xenstored",
            Self::Ocaml => "oxenstored",
        }
    }
}

/// A running xenstored with three domains: 0, the vTPM domain 3 and the guest 7. Dropping it ends it.
pub(crate) struct Store {
    tree: XenTree,
    /// Root of what a host with Xen has in its file system, with the stand-in for the hypervisor.
    root: TempDir,
    child: Child,
}

/// Folders below the root, without the first slash.
const FOLDERS: [&str; 6] = [
    "proc/xen",
    "run/xen",
    "var/lib/xen/xenstore",
    "var/log/xen",
    "var/run/xen",
    "var/run/xenstored",
];

impl Store {
    /// # Errors
    /// [`Missing`] when the lab has not unpacked this release.
    pub(crate) fn start(tree: &XenTree, kind: Kind) -> Result<Self, Missing> {
        let program = tree.program(&format!("lib/xen-{}/bin/{}", tree.release, kind.program()))?;
        let root = tempfile::tempdir().unwrap();
        for folder in FOLDERS {
            fs::create_dir_all(root.path().join(folder)).unwrap();
        }
        // The page and the port by which domain 0's kernel would speak to xenstored.
        fs::write(root.path().join("proc/xen/xsd_kva"), [0; 4096]).unwrap();
        fs::write(root.path().join("proc/xen/xsd_port"), "3").unwrap();
        stand_in(tree, &root.path().join("hypervisor.so"));
        let mut command = environment(tree.system_command(&program)?, tree, root.path());
        match kind {
            Kind::C => command.arg("-N"),
            Kind::Ocaml => {
                let settings = tree.system()?.join("etc/xen/oxenstored.conf");
                command.args(["--no-fork", "--config-file"]).arg(settings)
            }
        };
        let log = fs::File::create(root.path().join("log")).unwrap();
        let child = command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let child = child.spawn().unwrap();
        let store = Self { tree: tree.clone(), root, child };
        store.wait_for_socket();
        Ok(store)
    }

    fn wait_for_socket(&self) {
        let end = Instant::now() + PATIENCE;
        while !self.root.path().join(SOCKET).exists() {
            let log = || fs::read_to_string(self.root.path().join("log")).unwrap_or_default();
            assert!(Instant::now() < end, "no socket; xenstored said: {}", log());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// A program of this machine's as it would run in domain 0: with the release's libraries, the stand-in
    /// for the hypervisor and this xenstored.
    pub(crate) fn command(&self, program: &Path) -> Command {
        environment(self.tree.command(program), &self.tree, self.root.path())
    }

    /// A file that libxl would find on a host with Xen.
    pub(crate) fn file(&self, path: &str, text: &str) {
        fs::write(self.root.path().join(path.trim_start_matches('/')), text).unwrap();
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Below the root.
const SOCKET: &str = "var/run/xenstored/socket";

fn environment(mut command: Command, tree: &XenTree, root: &Path) -> Command {
    command.env("LD_PRELOAD", root.join("hypervisor.so")).env("NO_XEN", root);
    command.env("XENSTORED_RUNDIR", root.join("var/run/xenstored"));
    command.env("XENSTORED_PATH", root.join(SOCKET));
    if let Ok(system) = tree.system() {
        command.env("XEN_TREE", system);
    }
    command
}

/// Compiles the stand-in with the release's headers and none of this machine's.
fn stand_in(tree: &XenTree, into: &Path) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wiring/hypervisor.c");
    let mut compiler = Command::new("cc");
    compiler.arg(format!("--sysroot={}", tree.root.display()));
    compiler.arg(format!("-DXEN_{}", tree.release.replace('.', "_")));
    compiler.args(["-shared", "-fPIC", "-nostdlib", "-O1", "-Wall", "-Werror", "-o"]);
    let done = compiler.arg(into).arg(source).output().expect("a C compiler");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

/// xenstore's own programs, in the environment that [`Store::command`] makes.
pub(crate) struct Tools {
    tree: XenTree,
}

impl Tools {
    pub(crate) fn of(tree: XenTree) -> Self {
        Self { tree }
    }

    fn run(&self, tool: &str, words: &[&str]) -> Option<String> {
        let program: PathBuf = self.tree.program(&format!("bin/{tool}")).unwrap();
        let done = self.tree.system_command(&program).unwrap().args(words).output().unwrap();
        done.status.success().then(|| String::from_utf8(done.stdout).unwrap().trim_end().to_owned())
    }

    pub(crate) fn read(&self, node: &str) -> Option<String> {
        self.run("xenstore-read", &[node])
    }

    pub(crate) fn write(&self, node: &str, value: &str) {
        self.run("xenstore-write", &[node, value]).expect(node);
    }

    pub(crate) fn remove(&self, node: &str) {
        self.run("xenstore-rm", &[node]).expect(node);
    }

    /// Name, value and permissions of each node right below one; empty where there is none.
    pub(crate) fn below(&self, node: &str) -> Vec<(String, String, String)> {
        let listed = self.run("xenstore-ls", &["-fp", node]).unwrap_or_default();
        // It shortens long values.
        let nodes = listed.lines().map(|line| {
            let (path, rest) = line.split_once(" = ").unwrap();
            let (_, rights) = rest.rsplit_once('(').unwrap();
            let name = path.strip_prefix(node).unwrap().trim_start_matches('/');
            let value = self.read(path).unwrap();
            (name.to_owned(), value, rights.trim_end_matches(')').to_owned())
        });
        nodes.collect()
    }
}

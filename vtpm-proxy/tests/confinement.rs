//! What a confined thread cannot do any more. Each try is a process of its own, because the kernel ends
//! it; so this file is a program, not a set of tests of one process.

use rustix::fs::FlockOperation;
use rustix::process::{DumpableBehavior, dumpable_behavior};
use std::os::fd::AsFd;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitCode};
use vtpm_proxy::confine::{self, Files, Task};

/// SIGSYS on x86 and ARM.
const BAD_CALL: i32 = 31;

/// SIGABRT.
const ABORTED: i32 = 6;

type Try = fn();

/// What no task may do.
const FORBIDDEN: [(&str, Try); 9] = [
    ("a socket to the network", || drop(std::net::UdpSocket::bind("127.0.0.1:0"))),
    ("a socket of this machine", || drop(std::os::unix::net::UnixDatagram::unbound())),
    ("a TCP connection", || drop(std::net::TcpStream::connect("127.0.0.1:9"))),
    ("another program", || drop(Command::new("/bin/true").spawn())),
    ("another thread", || drop(std::thread::spawn(|| ()))),
    ("a signal to another process", || {
        let _ = rustix::process::test_kill_process(rustix::process::getppid().unwrap());
    }),
    ("a device's ioctl", || {
        let _ = rustix::termios::tcgetattr(std::io::stdin());
    }),
    ("another command of fcntl", || {
        let _ = rustix::fs::fcntl_lock(std::io::stdin(), FlockOperation::NonBlockingLockShared);
    }),
    ("another owner of a file", || drop(std::os::unix::fs::chown("/nowhere", Some(0), None))),
];

/// What only announcing needs.
const ANNOUNCING: [(&str, Try); 1] =
    [("a link", || drop(std::os::unix::fs::symlink("x", "/nowhere/x")))];

/// The way in which a mistake of our own ends: by a signal to the own thread.
const MISTAKE: &str = "an abort";

/// What serving needs: none of it ends the process.
fn allowed() {
    let folder = scratch();
    std::fs::write(folder.join("vtpm-proxy-confinement"), "x").unwrap();
    std::fs::rename(folder.join("vtpm-proxy-confinement"), folder.join("vtpm-proxy-confined"))
        .unwrap();
    std::fs::remove_file(folder.join("vtpm-proxy-confined")).unwrap();
    drop(std::io::stdin().as_fd().try_clone_to_owned().unwrap());
    rustix::rand::getrandom(&mut [0; 8], rustix::rand::GetRandomFlags::empty()).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(1));
}

fn scratch() -> std::path::PathBuf {
    std::env::temp_dir()
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().collect();
    if let [_, task, what] = &words[..]
        && task.starts_with("as-")
    {
        return confined(task, what);
    }
    every_forbidden_call_ends_the_process_and_no_needed_one_does();
    println!("test every_forbidden_call_ends_the_process_and_no_needed_one_does ... ok");
    files_elsewhere_are_out_of_reach();
    println!("test files_elsewhere_are_out_of_reach ... ok");
    memory_is_closed_to_other_processes_of_the_same_user();
    println!("test memory_is_closed_to_other_processes_of_the_same_user ... ok");
    ExitCode::SUCCESS
}

/// Tries one thing as a confined thread.
fn confined(task: &str, what: &str) -> ExitCode {
    let task = if task == "as-serving" { Task::Serving } else { Task::Announcing };
    confine::drop_capabilities().unwrap();
    confine::filter_calls(task).unwrap();
    match FORBIDDEN.iter().chain(&ANNOUNCING).find(|(name, _)| *name == what) {
        Some((_, attempt)) => attempt(),
        None if what == MISTAKE => std::process::abort(),
        None => allowed(),
    }
    ExitCode::SUCCESS
}

fn every_forbidden_call_ends_the_process_and_no_needed_one_does() {
    let signal = |task: &str, what: &str| {
        let mut child = Command::new(std::env::current_exe().unwrap());
        let output = child.args([task, what]).output().unwrap();
        assert!(
            output.status.success() || output.status.signal().is_some(),
            "{task} {what}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        output.status.signal()
    };
    for (what, _) in FORBIDDEN {
        for task in ["as-serving", "as-announcing"] {
            assert_eq!(signal(task, what), Some(BAD_CALL), "{task}: {what}");
        }
    }
    for (what, _) in ANNOUNCING {
        assert_eq!(signal("as-serving", what), Some(BAD_CALL), "{what}");
        assert_eq!(signal("as-announcing", what), None, "{what}");
    }
    for task in ["as-serving", "as-announcing"] {
        assert_eq!(signal(task, "what it needs"), None, "{task}");
        assert_eq!(signal(task, MISTAKE), Some(ABORTED), "{task}");
    }
}

fn files_elsewhere_are_out_of_reach() {
    let (ours, entries, elsewhere) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let there = |folder: &tempfile::TempDir| folder.path().join("there");
    [&ours, &entries, &elsewhere]
        .into_iter()
        .for_each(|folder| std::fs::write(there(folder), "x").unwrap());
    let folders = [(ours.path(), Files::Replaced), (entries.path(), Files::Removed)];
    if !std::thread::scope(|scope| {
        let confined = scope.spawn(|| {
            if !confine::restrict_files(&folders).unwrap() {
                return false;
            }
            std::fs::write(ours.path().join("new"), "y").unwrap();
            std::fs::rename(ours.path().join("new"), there(&ours)).unwrap();
            assert_eq!(std::fs::read(there(&ours)).unwrap(), b"y");
            let denied = |outcome: std::io::Result<()>| {
                assert_eq!(outcome.unwrap_err().kind(), std::io::ErrorKind::PermissionDenied);
            };
            denied(std::fs::write(there(&entries), "y"));
            std::fs::remove_file(there(&entries)).unwrap();
            denied(std::fs::read("/etc/passwd").map(drop));
            denied(std::fs::read(there(&elsewhere)).map(drop));
            denied(std::fs::write(there(&elsewhere), "y"));
            denied(std::fs::remove_file(there(&elsewhere)));
            denied(std::fs::rename(there(&ours), elsewhere.path().join("moved")));
            true
        });
        confined.join().unwrap()
    }) {
        peers::skip(&"the kernel has no Landlock");
    }
}

/// What is done where the kernel has no Landlock: whoever takes one server over would read another TPM's memory there.
fn memory_is_closed_to_other_processes_of_the_same_user() {
    confine::close_memory().unwrap();
    assert_eq!(dumpable_behavior().unwrap(), DumpableBehavior::NotDumpable);
}

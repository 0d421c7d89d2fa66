//! A xenstored for tests (Xen docs/misc/xenstore.txt): DIRECTORY, READ and WRITE, for one client. The tests' own
//! programs are that client, run again for one test, since where xenstored listens is said by the environment.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::Command;

const CLIENT: &str = "CLIENT_OF_A_TEST";

/// Nodes with their values.
pub(crate) type Tree = BTreeMap<String, Vec<u8>>;

/// Whether this is the client, with what the test gave it.
pub(crate) fn is_client() -> Option<String> {
    std::env::var(CLIENT).ok()
}

/// Runs the test that asks once more, with these nodes and `given`: what it printed, and the nodes afterwards.
pub(crate) fn heard(tree: Tree, given: &str) -> (String, Tree) {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("socket");
    let listener = UnixListener::bind(&socket).unwrap();
    let served = std::thread::spawn(move || serve(listener.accept().unwrap().0, tree));
    let test = std::thread::current();
    let mut client = Command::new(std::env::current_exe().unwrap());
    client.args(["--nocapture", "--exact", test.name().unwrap()]);
    let output = client.env(CLIENT, given).env("XENSTORED_PATH", &socket).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    (String::from_utf8(output.stdout).unwrap(), served.join().unwrap())
}

fn serve(mut client: UnixStream, mut tree: Tree) -> Tree {
    let mut header = [0; 16];
    while client.read_exact(&mut header).is_ok() {
        let number = |at: usize| u32::from_ne_bytes(header[at..at + 4].try_into().unwrap());
        let mut body = vec![0; number(12) as usize];
        client.read_exact(&mut body).unwrap();
        let answer = answer(&mut tree, number(0), &body);
        if answer.is_err() {
            header[..4].copy_from_slice(&16_u32.to_ne_bytes());
        }
        let answer = answer.unwrap_or_else(|error| format!("{error}\0").into_bytes());
        header[12..].copy_from_slice(&u32::try_from(answer.len()).unwrap().to_ne_bytes());
        client.write_all(&[&header[..], &answer].concat()).unwrap();
    }
    tree
}

/// XENSTORE_PAYLOAD_MAX (Xen public/io/xs_wire.h).
const MOST_BYTES: usize = 4096;

/// An answer, or the name of an error.
fn answer(tree: &mut Tree, request: u32, body: &[u8]) -> Result<Vec<u8>, &'static str> {
    let end = body.iter().position(|byte| *byte == 0).unwrap();
    let (path, value) = (std::str::from_utf8(&body[..end]).unwrap(), &body[end + 1..]);
    match request {
        1 => match names(tree, path) {
            names if names.is_empty() => Err("ENOENT"),
            names if names.len() > MOST_BYTES => Err("E2BIG"),
            names => Ok(names),
        },
        2 => tree.get(path).cloned().ok_or("ENOENT"),
        11 => {
            tree.insert(path.into(), value.into());
            Ok(b"OK\0".to_vec())
        }
        other => panic!("request {other}"),
    }
}

/// The names right below a node, each with its end.
fn names(tree: &Tree, path: &str) -> Vec<u8> {
    let below = tree.keys().filter_map(|name| name.strip_prefix(path)?.strip_prefix('/'));
    below
        .filter(|rest| !rest.contains('/'))
        .flat_map(|name| [name, "\0"].concat().into_bytes())
        .collect()
}

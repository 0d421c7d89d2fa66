//! docs/formats/xenstore-vtpm-nodes.md: what a toolstack writes when it makes a device.

use std::path::Path;

const PAGE: &str = "../../docs/formats/xenstore-vtpm-nodes.md";

/// The device of the test: its guest, its vTPM's domain, its number.
pub(crate) const FRONTEND: u32 = 7;
pub(crate) const BACKEND: u32 = 3;
pub(crate) const NUMBER: i32 = 0;

/// A row of a table of the page, its cells without quotes.
fn rows(text: &str) -> impl Iterator<Item = Vec<String>> {
    let rows = text.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    rows.map(|row| row.split(" | ").map(|cell| cell.replace('`', "")).collect())
}

fn text() -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE);
    std::fs::read_to_string(page).unwrap()
}

/// A directory of the page (BE, FE) for the device of the test.
pub(crate) fn directory(short: &str) -> String {
    let text = text();
    let row = rows(&text).find(|row| row[0] == short).unwrap();
    let parts = row[1].split('/').map(|part| match part {
        "B" => BACKEND.to_string(),
        "F" => FRONTEND.to_string(),
        "N" => NUMBER.to_string(),
        other => other.to_owned(),
    });
    parts.collect::<Vec<_>>().join("/")
}

/// The permissions of a directory, as xenstore-ls prints them.
pub(crate) fn rights(short: &str) -> String {
    let text = text();
    let row = rows(&text).find(|row| row[0] == short).unwrap();
    let domain = |letter: &str| if letter == "B" { BACKEND } else { FRONTEND };
    let (owner, reader) = row[2].split_once(", ").unwrap();
    format!("n{},r{}", domain(owner), domain(reader.split(' ').next().unwrap()))
}

/// Names and values, in the order of names, that a toolstack writes below a directory when it makes a device.
pub(crate) fn made_below(short: &str, uuid: &str) -> Vec<(String, String)> {
    let text = text();
    let rows = rows(&text).filter(|row| row.len() == 4 && row[2].starts_with("toolstack"));
    let nodes = rows.filter_map(|row| {
        let name = row[0].strip_prefix(short)?.strip_prefix('/')?.to_owned();
        let value = match row[1].as_str() {
            "FE" | "BE" => directory(&row[1]),
            "F, decimal" => FRONTEND.to_string(),
            "B, decimal" => BACKEND.to_string(),
            "N" => NUMBER.to_string(),
            "8-4-4-4-12 hexadecimal digits" => uuid.to_owned(),
            "1, later 0" => "1".into(),
            "xenbus state" => row[2].split([' ', ',']).nth(1).unwrap().to_owned(),
            plain => plain.to_owned(),
        };
        Some((name, value))
    });
    let mut nodes: Vec<_> = nodes.collect();
    nodes.sort();
    nodes
}

#[test]
fn the_page_is_read() {
    assert_eq!(directory("BE"), "/local/domain/3/backend/vtpm/7/0");
    assert_eq!((rights("BE").as_str(), rights("FE").as_str()), ("n3,r7", "n7,r3"));
    let made = made_below("FE", "u");
    let made: Vec<_> = made.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let backend = directory("BE");
    assert_eq!(
        made,
        [("backend", backend.as_str()), ("backend-id", "3"), ("handle", "0"), ("state", "1")]
    );
    assert_eq!(made_below("BE", "u").len(), 7);
}

//! Requests and approvals as files (docs/formats/manager-commands.md).

use crate::failure::Unusable;
use anyhow::Result;
use command_line::{file_error, not_text};
use manager_client::{Approval, PcrState};
use serde_json::{Value, json};
use std::fs::File;
use std::io::{Read, stdin};
use std::path::Path;

/// The most bytes that any of these files has.
const MOST_BYTES: u64 = 1 << 20;

/// What an administrator is asked to approve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) state: PcrState,
    pub(crate) epoch: u64,
}

impl Request {
    pub(crate) fn to_json(&self) -> Value {
        json!({ "state": self.state.to_string(), "epoch": self.epoch })
    }
}

pub(crate) fn approval_json(approval: &Approval) -> Value {
    let mut value = Request { state: approval.state.clone(), epoch: approval.epoch }.to_json();
    value["signature"] = json!(hex(&approval.signature));
    value
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A whole file, or standard input for `-` and where none is named. `wanted` says what to name.
pub(crate) fn read(path: Option<&Path>, wanted: &str) -> Result<String> {
    let mut bytes = Vec::new();
    let name = path.filter(|path| *path != Path::new("-"));
    let shown = name.unwrap_or(Path::new("standard input"));
    let read = match name {
        None => stdin().take(MOST_BYTES).read_to_end(&mut bytes),
        Some(path) => {
            File::open(path).and_then(|file| file.take(MOST_BYTES).read_to_end(&mut bytes))
        }
    };
    read.map_err(|error| Unusable(file_error(shown, &error, wanted)))?;
    let text = String::from_utf8(bytes);
    Ok(text.map_err(|why| Unusable(not_text(shown, why.as_bytes(), wanted)))?)
}

pub(crate) fn read_request(path: &Path) -> Result<Request> {
    let wanted = "name a file that vtpmmgr-ctl policy request wrote";
    let request = request_of(&parsed(path, wanted)?);
    Ok(request.map_err(|Unusable(why)| Unusable(format!("{}: {why}; {wanted}", path.display())))?)
}

pub(crate) fn read_approval(path: &Path) -> Result<Approval> {
    let wanted = "name a file that vtpmmgr-ctl policy approve wrote";
    let approval = approval_of(&parsed(path, wanted)?);
    Ok(approval
        .map_err(|Unusable(why)| Unusable(format!("{}: {why}; {wanted}", path.display())))?)
}

fn parsed(path: &Path, wanted: &str) -> Result<Value> {
    let text = read(Some(path), wanted)?;
    let value = serde_json::from_str(&text).map_err(|why| {
        let (line, column) = (why.line(), why.column().max(1));
        Unusable(format!("{}:{line}:{column}: this is no JSON; {wanted}", path.display()))
    });
    Ok(value?)
}

fn request_of(value: &Value) -> Result<Request, Unusable> {
    let state = value["state"].as_str().ok_or_else(|| Unusable("it has no \"state\"".into()))?;
    let state = PcrState::parse(state).map_err(|error| Unusable(error.to_string()))?;
    let epoch = value["epoch"].as_u64().filter(|epoch| *epoch != 0);
    let epoch = epoch.ok_or_else(|| Unusable("it has no \"epoch\"".into()))?;
    Ok(Request { state, epoch })
}

fn approval_of(value: &Value) -> Result<Approval, Unusable> {
    let Request { state, epoch } = request_of(value)?;
    let missing = || Unusable("its \"signature\" is missing or has not 128 digits".into());
    let digits = value["signature"].as_str().ok_or_else(missing)?;
    let signature = signature(digits).ok_or_else(missing)?;
    Ok(Approval { state, epoch, signature })
}

fn signature(digits: &str) -> Option<[u8; 64]> {
    let mut signature = [0; 64];
    let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
    if pairs.len() != signature.len() || !rest.is_empty() {
        return None;
    }
    for (byte, pair) in signature.iter_mut().zip(pairs) {
        let pair = std::str::from_utf8(pair).ok()?;
        *byte = u8::from_str_radix(pair, 16).ok().filter(|_| !pair.starts_with('+'))?;
    }
    Some(signature)
}

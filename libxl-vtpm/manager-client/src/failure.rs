//! How a failure is told: a sentence, an exit code, and as JSON.

use anyhow::Error;
use manager_client::{AnswerError, ChannelError, TpmResult};
use serde_json::json;
use std::fmt;
use std::process::ExitCode;

/// A file or value that was given cannot be used.
#[derive(Debug)]
pub(crate) struct Unusable(pub(crate) String);

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unusable {}

/// A kind of failure: its exit code and its word in JSON.
fn kind(error: &Error) -> (u8, &'static str) {
    if error.downcast_ref::<Unusable>().is_some() {
        return (7, "unusable");
    }
    match error.downcast_ref::<ChannelError>() {
        Some(
            ChannelError::NoDevice { .. }
            | ChannelError::Device { .. }
            | ChannelError::NoTpm { .. },
        ) => (3, "no-manager"),
        Some(ChannelError::Answer(AnswerError::Refused(TpmResult::RETRY, _))) => (5, "locked"),
        Some(ChannelError::Answer(AnswerError::Refused(..))) => (4, "refused"),
        Some(ChannelError::Answer(AnswerError::Malformed(_))) => (6, "unreadable-answer"),
        None => (1, "other"),
    }
}

/// Says why, and gives the exit code.
pub(crate) fn report(error: &Error, as_json: bool) -> ExitCode {
    let (code, word) = kind(error);
    if as_json {
        let status = match error.downcast_ref() {
            Some(ChannelError::Answer(AnswerError::Refused(status, _))) => Some(status.0),
            _ => None,
        };
        let mut told = command_line::failure(&format!("{error:#}"), code);
        if let Some(fields) = told.as_object_mut() {
            fields.insert("kind".into(), json!(word));
            fields.insert("status".into(), json!(status));
        }
        println!("{:#}", json!({ "error": told }));
    } else {
        eprintln!("vtpmmgr-ctl: {error:#}");
    }
    ExitCode::from(code)
}

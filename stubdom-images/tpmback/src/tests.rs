//! What a backend promises, shown against the other ends as they really behave.

mod attach;
mod close;
mod commands;
mod detach;
mod fairness;
mod hiccups;
mod host;
mod hostile;
mod lines;
mod quotas;
mod refused;
mod sequences;

use host::{BACK, Host, Note, command, id};

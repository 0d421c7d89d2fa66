//! Claims about a guest's TPM, shown from the guest's page down to the engine and back.
#![forbid(unsafe_code)]

mod boots;
mod commands;
mod detach;
mod frontends;
mod hostile;
mod lockout;
mod probe;
mod swtpm;

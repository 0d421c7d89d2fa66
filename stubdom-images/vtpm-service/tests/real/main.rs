//! The rules of a vTPM judged by the engine that the image carries.
#![forbid(unsafe_code)]

mod boots12;
mod boots20;
mod hostile;
mod lockout;
mod packets;
mod probe;
mod restarts;
mod rig;
